"""Convolutions that weigh their maps by the whole note, and sums over all layers of an encoder."""

import torch
from torch import nn


class SqueezeExcitation(nn.Module):
    """Weigh each feature by what the features are like over the whole note.

    ``y_t = x_t * sigmoid(W_2 relu(W_1 mean_t(x) + b_1) + b_2)``, the mean over real positions.

    Parameters
    ----------
    n_features : int
        Width of input and output.

    reduction : int
        How many times narrower the vector between the two maps is; it has one component at least.

    References
    ----------
    .. [1] J. Hu, L. Shen and G. Sun, "Squeeze-and-Excitation Networks", CVPR, 2018: eq. 2-4.
    """

    def __init__(self, n_features, reduction):
        super().__init__()
        width = max(1, n_features // reduction)
        self.squeeze = nn.Linear(n_features, width)
        self.excite = nn.Linear(width, n_features)

    def forward(self, x, mask):
        """Weigh the features of padded notes.

        Parameters
        ----------
        x : tensor of shape (n, t, n_features)
            Vectors, zero where there is padding.

        mask : tensor of bool of shape (n, t)
            Real positions.

        Returns
        -------
        y : tensor of shape (n, t, n_features)
            Zero where there is padding.
        """
        mean = x.sum(dim=1) / mask.sum(dim=1, keepdim=True).clamp_min(1)  # (n, n_features)
        return x * self.excite(self.squeeze(mean).relu()).sigmoid()[:, None]


class SummedLayers(nn.Module):
    """Pass a note through layers, and add up what all of them give, each projected.

    ``h = sum_i (P_i x^(i) + b)`` with ``x^(i) = layer_i(x^(i-1))``.

    Parameters
    ----------
    layers : sequence of Module
        One after the other; each takes vectors and mask and gives vectors.

    widths : sequence of int
        Width of the output of each.

    out_features : int
        Width of the sum.
    """

    def __init__(self, layers, widths, out_features):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.projections = nn.ModuleList(
            nn.Linear(width, out_features, bias=False) for width in widths
        )
        self.bias = nn.Parameter(torch.zeros(out_features))

    def forward(self, x, mask):
        """Encode padded notes.

        Parameters
        ----------
        x : tensor of shape (n, t, in_features)
            Vectors, zero where there is padding.

        mask : tensor of bool of shape (n, t)
            Real positions.

        Returns
        -------
        summed : tensor of shape (n, t, out_features)
            Zero where there is padding.

        mask : tensor of bool of shape (n, t)
            The same mask.
        """
        summed = self.bias
        for layer, project in zip(self.layers, self.projections, strict=True):
            x = layer(x, mask)
            summed = summed + project(x)
        return summed * mask[..., None], mask
