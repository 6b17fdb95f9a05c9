"""The pseudo labels of LD-PLAM: a note in a few vectors."""

from torch import nn

from sklearn_icd.nn._attention import attention_weights
from sklearn_icd.nn._label_attention import label_attention

# Standard deviation of the attention logits that modes start with, over layer-normalised
# positions. With torch's own start (0.6) all modes pool nearly the same mean of the note, and
# codes, which differ only in which mode they choose, nearly have the same logit.
_MODE_SPREAD = 1.5


class PseudoLabelAttention(nn.Module):
    """Compress a note into the vectors of a few pseudo labels.

    Each of K layers pools the positions that it gets with m attention modes and passes the
    result through a ReLU layer:
    ``a^k = softmax(a^(k-1) w^(k-1)) u^(k-1)`` and ``u^k = relu(a^k H^k + c^k)``,
    where ``a^0 = u^0`` are the encoded tokens.

    Parameters
    ----------
    in_features : int
        Width of the encoded tokens.

    out_features : int
        Width of the last layer's vectors.

    n_labels : int
        Number m of pseudo labels.

    n_layers : int, default=1
        Number K of layers.

    Notes
    -----
    The biases of the attention modes cancel in the softmax. They are kept for the shapes of
    checkpoints and stay out of the computation.
    """

    def __init__(self, in_features, out_features, *, n_labels, n_layers=1):
        super().__init__()
        widths = [in_features] * n_layers + [out_features]
        self.modes = nn.ModuleList(nn.Linear(in_features, n_labels) for _ in range(n_layers))
        self.projections = nn.ModuleList(map(nn.Linear, widths[:-1], widths[1:]))
        for mode in self.modes:
            nn.init.normal_(mode.weight, std=_MODE_SPREAD / in_features**0.5)

    def forward(self, hidden, mask):
        """Compress encoded notes.

        Parameters
        ----------
        hidden : tensor of shape (n, t, in_features)
            Encoded tokens.

        mask : tensor of bool of shape (n, t)
            Real positions.

        Returns
        -------
        vectors : tensor of shape (n, m, out_features)
            One vector per pseudo label.

        mask : None
            All of them are real.
        """
        pooled, vectors = hidden, hidden
        for mode, projection in zip(self.modes, self.projections, strict=True):
            pooled = label_attention(mode.weight, pooled, vectors, mask)  # (n, m, in_features)
            vectors, mask = projection(pooled).relu(), None
        return vectors, mask

    def spread(self, weights, hidden, mask):
        """Bring attention over the pseudo labels back onto the tokens.

        Parameters
        ----------
        weights : tensor of shape (n, k, m)
            Attention over the pseudo labels.

        hidden : tensor of shape (n, t, in_features)
            The encoded tokens that they were made from.

        mask : tensor of bool of shape (n, t)
            Real positions.

        Returns
        -------
        weights : tensor of shape (n, k, t)
            The product with the attention of all layers.
        """
        total, pooled, vectors = None, hidden, hidden
        for mode, projection in zip(self.modes, self.projections, strict=True):
            own = attention_weights(mode.weight, pooled, mask)
            total = own if total is None else own @ total  # (n, m, t)
            pooled = own @ vectors
            vectors, mask = projection(pooled).relu(), None
        return weights @ total
