"""Windows over a note: all that touch it, with attention over them, or those that lie inside."""

import torch
from torch import nn
from torch.nn.functional import pad

from sklearn_icd.nn._convolutions import convolve


class WindowConvolution(nn.Module):
    """Look at a note through windows, of several sizes at once where wanted.

    ``y_j = tanh(max_i(sum_m W^i_m x_(j + m - k_i // 2) + b^i))``; what a window finds outside of
    the note is zero. A window of an even number of words has no middle word but a gap between
    two, and a note of t words has t + 1 such gaps, those before its first and behind its last
    word among them.

    Parameters
    ----------
    in_features : int
        Width of the word vectors.

    out_features : int
        Width of the output.

    kernel_sizes : sequence of int
        Words k_i in the windows, all even or all odd. Of several, the largest value of each
        feature counts.

    References
    ----------
    .. [1] J. Mullenbach et al., "Explainable Prediction of Medical Codes from Clinical Text",
       NAACL-HLT, 2018: eq. 1, one window of ten words.
    .. [2] N. Sadoughi et al., "Medical code prediction with multi-view convolution and
       description-regularized label-dependent attention", arXiv:1811.01468, 2018: several.
    """

    def __init__(self, in_features, out_features, kernel_sizes):
        super().__init__()
        self.views = nn.ModuleList(
            nn.Conv1d(in_features, out_features, size) for size in kernel_sizes
        )
        for view in self.views:
            nn.init.xavier_uniform_(view.weight)
        self.is_even = kernel_sizes[0] % 2 == 0

    def forward(self, x, mask):
        """Look at padded notes.

        Parameters
        ----------
        x : tensor of shape (n, t, in_features)
            Word vectors, zero where there is padding.

        mask : tensor of bool of shape (n, t)
            Real words: a run of True from the first on.

        Returns
        -------
        seen : tensor of shape (n, t', out_features)
            One vector per position: t' = t words, or t' = t + 1 gaps. Zero where there is
            padding.

        mask : tensor of bool of shape (n, t')
            The real ones: all gaps that touch a real word.
        """
        seen = convolve(self.views[0], x)
        for view in self.views[1:]:
            seen = torch.maximum(seen, convolve(view, x))
        if self.is_even:
            mask = torch.cat([mask.any(dim=1, keepdim=True), mask], dim=1)
        return seen.tanh() * mask[..., None], mask

    def spread(self, weights, x, mask):
        """Bring attention over the positions back onto the words.

        Half of the weight of a gap goes to the word on either side; all of it to the only one
        where the gap lies before the first word or behind the last.

        Parameters
        ----------
        weights : tensor of shape (n, k, t')
            Attention over the positions.

        x : tensor of shape (n, t, in_features)
            Word vectors.

        mask : tensor of bool of shape (n, t)
            Real words.

        Returns
        -------
        weights : tensor of shape (n, k, t)
            With the same sum, zero where there is padding.
        """
        if not self.is_even:
            return weights
        half = weights / 2
        words = (half[..., :-1] + half[..., 1:]) * mask[:, None]  # (n, k, t)
        length = mask.sum(dim=1)[:, None, None].expand(-1, weights.shape[1], 1)  # (n, k, 1)
        words[..., :1] += half[..., :1]
        return words.scatter_add(-1, (length - 1).clamp_min(0), half.gather(-1, length))


class ValidConvolution(nn.Module):
    """Look at a note through the windows that lie inside it.

    ``y_j = tanh(sum_m W_m x_(j + m) + b)``; a note of t words has t - k + 1 such windows. One that
    is shorter than a window is filled up with zeros behind its last word, and has one.

    Parameters
    ----------
    in_features : int
        Width of the word vectors.

    out_features : int
        Width of the output.

    kernel_size : int
        Words k in a window.

    References
    ----------
    .. [1] Y. Kim, "Convolutional Neural Networks for Sentence Classification", EMNLP, 2014:
       eq. 1-2.
    """

    def __init__(self, in_features, out_features, kernel_size):
        super().__init__()
        self.convolution = nn.Conv1d(in_features, out_features, kernel_size)
        nn.init.xavier_uniform_(self.convolution.weight)

    def forward(self, x, mask):
        """Look at padded notes.

        Parameters
        ----------
        x : tensor of shape (n, t, in_features)
            Word vectors, zero where there is padding.

        mask : tensor of bool of shape (n, t)
            Real words: a run of True from the first on.

        Returns
        -------
        seen : tensor of shape (n, max(1, t - k + 1), out_features)
            One vector per window, zero where there is padding.

        mask : tensor of bool of shape (n, max(1, t - k + 1))
            The windows that end with a real word, and the first of a note of few words.
        """
        k = self.convolution.kernel_size[0]
        missing = max(k - x.shape[1], 0)
        x, mask = pad(x, (0, 0, 0, missing)), pad(mask, (0, missing))
        inside = torch.cat([mask[:, :1], mask[:, k:]], dim=1)
        seen = convolve(self.convolution, x, padding=0)
        return seen.tanh() * inside[..., None], inside
