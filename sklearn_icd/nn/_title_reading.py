"""Labels that are known by the words of their titles, read anew in each step."""

import torch
from torch import nn

# Titles that are read together, as many words wide as their longest.
_TOGETHER = 1024


class EncodedTitles(nn.Module):
    """Make the vector of each label by reading its title.

    Parameters
    ----------
    ids : tensor of int64 of shape (L, longest title)
        Ids of the words of the titles, 0 behind the end of a title.

    read : Module
        Token ids (L, t) to vectors (L, d), as `PooledEncoder`.
    """

    def __init__(self, ids, read):
        super().__init__()
        self.register_buffer("ids", ids)
        self.read = read

    def forward(self):
        """Read the titles.

        Returns
        -------
        vectors : tensor of shape (L, d)
            In the order of the labels.
        """
        lengths = (self.ids != 0).sum(dim=1).clamp(min=1)
        order = lengths.argsort()
        vectors = [self.read(self.ids[own, : lengths[own[-1]]]) for own in order.split(_TOGETHER)]
        return torch.cat(vectors)[order.argsort()]


class KnowledgeAttention(nn.Module):
    """Add to the vector of a note what the titles of the labels say that it resembles.

    ``[k ; x]`` with ``k = sum_l softmax_l(t_l . tanh(W x + b)) t_l``.

    Parameters
    ----------
    titles : Module
        Called without arguments: the vectors t of the labels (L, d), as `EncodedTitles`.

    in_features : int
        Width of x.

    title_features : int
        Width d of the vectors of labels.

    References
    ----------
    .. [1] Y. Wu, M. Zeng, Z. Fei, Y. Yu, F.-X. Wu and M. Li, "KAICD: A knowledge attention-based
       deep learning framework for automatic ICD coding", Neurocomputing, 2022.
    """

    def __init__(self, titles, in_features, title_features):
        super().__init__()
        self.titles = titles
        self.project = nn.Linear(in_features, title_features)

    def forward(self, x):
        """Add knowledge.

        Parameters
        ----------
        x : tensor of shape (n, in_features)
            Vectors of notes.

        Returns
        -------
        y : tensor of shape (n, title_features + in_features)
            What the titles say, then x.
        """
        titles = self.titles()
        weights = (self.project(x).tanh() @ titles.T).softmax(dim=-1)  # (n, L)
        return torch.cat([weights @ titles, x], dim=-1)
