"""Labels as queries, and what is added up for their logits."""

import torch
from torch import nn


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
        """Give queries (L, d), keys (n, m, d) and values (n, m, d) for note vectors."""
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

    def forward(self):
        """Give the weight (1, d) and the bias (1,)."""
        return self.linear.weight, self.linear.bias
