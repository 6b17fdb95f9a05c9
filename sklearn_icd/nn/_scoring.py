"""Labels as queries, and what is added up for their logits."""

import torch
from torch import nn

# How far apart the scores of vectors start. With torch's own start (0.6) what a code finds hardly
# moves its logit, and the queries get no gradient to tell them where to look.
_SCORE_SPREAD = 3.0


class SimilarityQueries(nn.Module):
    """Let each label look for the note vectors that resemble its own vector.

    Parameters
    ----------
    label_vectors : tensor of shape (L, d)
        One vector per label.

    trainable : bool, default=False
        Whether training moves the label vectors. Frozen ones can be exchanged or extended.
    """

    def __init__(self, label_vectors, *, trainable=False):
        super().__init__()
        if trainable:
            self.label_vectors = nn.Parameter(label_vectors)
        else:
            self.register_buffer("label_vectors", label_vectors)

    def forward(self, hidden):
        """Look for the label vectors in the vectors of notes.

        Parameters
        ----------
        hidden : tensor of shape (n, m, d)
            Vectors of notes.

        Returns
        -------
        queries : tensor of shape (L, d)
            The label vectors.

        keys, values : tensor of shape (n, m, d)
            The vectors of notes, twice.
        """
        return self.label_vectors, hidden, hidden

    def append(self, vectors):
        """Add labels behind the others, if these are frozen.

        Parameters
        ----------
        vectors : tensor of shape (k, d)
            The vectors of the new labels.
        """
        if isinstance(self.label_vectors, nn.Parameter):
            raise ValueError(
                "the label vectors were trained (train_label_vectors=True), and a new code has "
                "only its title: fit with train_label_vectors=False to add codes."
            )
        self.label_vectors = torch.cat([self.label_vectors, vectors.to(self.label_vectors)])


class SharedScore(nn.Module):
    """Score the pooled vector of every label with the same linear map.

    Parameters
    ----------
    in_features : int
        Width of a pooled vector.
    """

    def __init__(self, in_features):
        super().__init__()
        self.linear = nn.Linear(in_features, 1)
        nn.init.normal_(self.linear.weight, std=_SCORE_SPREAD / in_features**0.5)

    def forward(self):
        """Give the parameters of the linear map.

        Returns
        -------
        weight : tensor of shape (1, d)
            For all labels.

        bias : tensor of shape (1,)
            For all labels.
        """
        return self.linear.weight, self.linear.bias
