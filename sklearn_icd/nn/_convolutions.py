"""Convolutions over notes of unequal length: what stands in the padding never enters."""

import torch
from torch import nn
from torch.nn.functional import conv2d


class MaskedConvolution(nn.Module):
    """Convolve over the positions of padded notes, then normalise and activate.

    ``y_j = activation(norm(sum_i W_i x_(j + i - (k - 1) // 2) + b))``, as long as the note;
    what the windows find outside of the note is zero.

    Parameters
    ----------
    in_features : int
        Width of the input.

    out_features : int
        Width of the output.

    kernel_size : int
        Positions k in a window. Where it is even, the window reaches further to the right, as
        torch's and TensorFlow's "same" padding has it.

    norm : Module, default=None
        Takes what was convolved and the mask, as `MaskedGroupNorm`. It brings its own bias, so
        the convolution has none.

    activation : Module, default=None
        What comes last, element by element. None: nothing.
    """

    def __init__(self, in_features, out_features, kernel_size, *, norm=None, activation=None):
        super().__init__()
        self.convolution = nn.Conv1d(in_features, out_features, kernel_size, bias=norm is None)
        self.norm = norm
        self.activation = activation

    def forward(self, x, mask):
        """Convolve padded notes.

        Parameters
        ----------
        x : tensor of shape (n, t, in_features)
            Vectors, zero where there is padding.

        mask : tensor of bool of shape (n, t)
            Real positions.

        Returns
        -------
        y : tensor of shape (n, t, out_features)
            Zero where there is padding.
        """
        y = convolve(self.convolution, x)
        y = y[:, y.shape[1] - x.shape[1] :]  # an even kernel makes t + 1
        if self.norm is not None:
            y = self.norm(y, mask)
        if self.activation is not None:
            y = self.activation(y)
        return y * mask[..., None]


def convolve(convolution, x, *, padding=None):
    """Convolve vectors whose features stand last, with zeros on both sides.

    Parameters
    ----------
    convolution : torch.nn.Conv1d
        Has the weights and the bias.

    x : tensor of shape (n, t, in_features)
        Vectors.

    padding : int, default=None
        Zeros on either side. None: k // 2, so that y is as long as x, and for an even kernel one
        longer.

    Returns
    -------
    y : tensor of shape (n, t + 2 * padding - k + 1, out_features)
        What the windows gave.
    """
    # Features that stand last are what torch calls a picture with channels last, of height 1:
    # nothing is transposed in memory, and the kernels for it are the faster ones.
    picture = x.transpose(1, 2)[:, :, None]  # (n, in_features, 1, t)
    weight, bias = convolution.weight[:, :, None], convolution.bias
    padding = weight.shape[-1] // 2 if padding is None else padding
    y = conv2d(picture, weight, bias, padding=(0, padding))
    return y[:, :, 0].transpose(1, 2)


class MaskedGroupNorm(nn.Module):
    """Normalise each note by the mean and variance of groups of its features.

    As `torch.nn.GroupNorm`, but the statistics count the real positions only, so that they are
    the same for a note alone, in a batch and with padding behind it.

    Parameters
    ----------
    n_groups : int
        Groups that the features are divided into. 1: all features together.

    n_features : int
        Width of the input, a multiple of `n_groups`.

    eps : float, default=1e-5
        Added to the variance.
    """

    def __init__(self, n_groups, n_features, *, eps=1e-5):
        super().__init__()
        self.n_groups = n_groups
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(n_features))
        self.bias = nn.Parameter(torch.zeros(n_features))

    def forward(self, x, mask):
        """Normalise padded notes.

        Parameters
        ----------
        x : tensor of shape (n, t, n_features)
            Vectors; what stands in the padding is not looked at.

        mask : tensor of bool of shape (n, t)
            Real positions.

        Returns
        -------
        y : tensor of shape (n, t, n_features)
            Zero where there is padding.
        """
        real = mask[..., None]  # (n, t, 1)
        count = real.sum(dim=1).clamp_min(1)  # (n, 1)
        mean = self._over_groups((x * real).sum(dim=1) / count)[:, None]  # (n, 1, n_features)
        centred = (x - mean) * real
        variance = self._over_groups(centred.square().sum(dim=1) / count)[:, None]
        return centred * (variance + self.eps).rsqrt() * self.weight + self.bias * real

    def _over_groups(self, moments):
        """Give each feature (n, n_features) the mean of its group."""
        groups = moments.unflatten(-1, (self.n_groups, -1))
        return groups.mean(dim=-1, keepdim=True).expand_as(groups).flatten(-2)


class MultiFilterConvolution(nn.Module):
    """Look at a note through windows of several sizes.

    ``x^i_j = f(conv({e_j, ..., e_(j + k_i - 1)}; W^i))`` for each filter i, centred on j.

    Parameters
    ----------
    in_features : int
        Width of the word vectors.

    n_filters : int
        Maps per kernel size.

    kernel_sizes : sequence of int
        Words in a window, one for each filter.

    activation : Module
        The f, element by element: tanh in Fusion, ReLU where the largest value of a map counts.

    References
    ----------
    .. [1] J. Luo et al., "Fusion: Towards Automated ICD Coding via Feature Compression",
       Findings of ACL-IJCNLP 2021: eq. 1.
    """

    def __init__(self, in_features, n_filters, kernel_sizes, *, activation):
        super().__init__()
        self.filters = nn.ModuleList(
            MaskedConvolution(in_features, n_filters, size, activation=activation)
            for size in kernel_sizes
        )

    def forward(self, x, mask):
        """Convolve padded notes with each filter.

        Parameters
        ----------
        x : tensor of shape (n, t, in_features)
            Word vectors, zero where there is padding.

        mask : tensor of bool of shape (n, t)
            Real positions.

        Returns
        -------
        maps : tensor of shape (n, t, kernel sizes * n_filters)
            The maps of the first kernel size, of the second, ... Zero where there is padding.

        mask : tensor of bool of shape (n, t)
            The same mask.
        """
        return torch.cat([convolve(x, mask) for convolve in self.filters], dim=-1), mask


class ResidualConvolution(nn.Module):
    """Add what some convolutions find to what they were given.

    ``y = activation(layers(x) + shortcut(x))``. The block of MultiResCNN and Fusion::

        ResidualConvolution(
            [
                MaskedConvolution(d, d, k, norm=MaskedGroupNorm(1, d), activation=nn.Tanh()),
                MaskedConvolution(d, d, k, norm=MaskedGroupNorm(1, d)),
            ],
            shortcut=MaskedConvolution(d, d, 1, norm=MaskedGroupNorm(1, d)),
            activation=nn.Tanh(),
        )

    and that of JLAN::

        ResidualConvolution(
            [MaskedConvolution(d, d, k, activation=nn.ReLU())], activation=nn.ReLU()
        )

    Parameters
    ----------
    layers : sequence of Module
        Applied one after the other; each takes vectors and mask, as `MaskedConvolution`.

    shortcut : Module, default=None
        Applied to the input beside them. None: the input itself, if they keep its width.

    activation : Module
        Applied to the sum. It must leave zero zero.
    """

    def __init__(self, layers, *, shortcut=None, activation):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.shortcut = shortcut
        self.activation = activation

    def forward(self, x, mask):
        """Convolve padded notes.

        Parameters
        ----------
        x : tensor of shape (n, t, in_features)
            Vectors, zero where there is padding.

        mask : tensor of bool of shape (n, t)
            Real positions.

        Returns
        -------
        y : tensor of shape (n, t, out_features)
            Zero where there is padding.
        """
        y = x
        for layer in self.layers:
            y = layer(y, mask)
        return self.activation(y + (x if self.shortcut is None else self.shortcut(x, mask)))


class ParallelBranches(nn.Module):
    """Pass a note through several stacks of layers side by side, and join what they give.

    Parameters
    ----------
    branches : sequence of sequence of Module
        The layers of each branch, one after the other; each takes vectors and mask, as
        `MaskedConvolution`.
    """

    def __init__(self, branches):
        super().__init__()
        self.branches = nn.ModuleList(nn.ModuleList(layers) for layers in branches)

    def forward(self, x, mask):
        """Pass padded notes through the branches.

        Parameters
        ----------
        x : tensor of shape (n, t, in_features)
            Vectors, zero where there is padding.

        mask : tensor of bool of shape (n, t)
            Real positions.

        Returns
        -------
        joined : tensor of shape (n, t, d)
            The features of the first branch, of the second, ... Zero where there is padding.

        mask : tensor of bool of shape (n, t)
            The same mask.
        """
        outputs = []
        for layers in self.branches:
            y = x
            for layer in layers:
                y = layer(y, mask)
            outputs.append(y)
        return torch.cat(outputs, dim=-1), mask
