"""Notes made shorter: neighbouring positions become one, and those left look at each other."""

import torch
from torch import nn
from torch.nn.functional import pad

from sklearn_icd.nn._attention import masked_softmax
from sklearn_icd.nn._self_attention import self_attention


class SoftPooling(nn.Module):
    """Pool neighbouring positions by attention (attentive soft-pooling).

    ``o_p = sum_q softmax_q(w . x_q + b) x_q`` over the real positions q of window p.

    Parameters
    ----------
    in_features : int
        Width of the vectors.

    window : int
        Positions g that become one.

    Notes
    -----
    The bias cancels in the softmax: it is there because the paper prints it.

    References
    ----------
    .. [1] J. Luo et al., "Fusion: Towards Automated ICD Coding via Feature Compression",
       Findings of ACL-IJCNLP 2021: eq. 2 and the formulas before it.
    """

    def __init__(self, in_features, window):
        super().__init__()
        self.window = window
        self.score = nn.Linear(in_features, 1)

    def forward(self, x, mask):
        """Pool padded notes.

        Parameters
        ----------
        x : tensor of shape (n, t, in_features)
            Vectors.

        mask : tensor of bool of shape (n, t)
            Real positions: a run of True from the first on.

        Returns
        -------
        pooled : tensor of shape (n, ceil(t / window), in_features)
            One vector per window, zero where it has no real position.

        mask : tensor of bool of shape (n, ceil(t / window))
            Windows with a real position.
        """
        weights = self.weights(x, mask)  # (n, p, g)
        windows = self._windows(x)  # (n, p, g, in_features)
        pooled = torch.einsum("npg,npgd->npd", weights, windows)
        return pooled, self._windows(mask).any(dim=-1)

    def weights(self, x, mask):
        """Give the share of each position in its window.

        Parameters
        ----------
        x : tensor of shape (n, t, in_features)
            Vectors.

        mask : tensor of bool of shape (n, t)
            Real positions.

        Returns
        -------
        weights : tensor of shape (n, ceil(t / window), window)
            Summing to 1 over the real positions of a window, zero for padding.
        """
        scores = self.score(x).squeeze(-1)  # (n, t)
        return masked_softmax(self._windows(scores), self._windows(mask))

    def _windows(self, x):
        return in_windows(x, self.window)


def in_windows(x, length):
    """Cut notes into windows.

    Parameters
    ----------
    x : tensor of shape (n, t, ...)
        Anything that each position has.

    length : int
        Positions g per window.

    Returns
    -------
    windows : tensor of shape (n, ceil(t / g), g, ...)
        The last window is filled up with zeros.
    """
    missing = -x.shape[1] % length
    filled = pad(x, (0, 0) * (x.dim() - 2) + (0, missing)) if missing else x
    return filled.unflatten(1, (-1, length))


class KeyQueryAttention(nn.Module):
    """Let the positions of a note look at each other, and add to each what it found.

    ``g_p = norm(l_p + attention(l_1, ..., l_P)_p)`` with multi-head scaled dot-product
    attention over the real positions and layer normalisation.

    Parameters
    ----------
    n_features : int
        Width of input and output, a multiple of `n_heads`.

    n_heads : int
        Attention heads.

    dropout : float, default=0.0
        Share of the components of what was found set to zero in training.

    Notes
    -----
    Nothing of shape (P, P) is kept: torch's fused attention does not, and in training on the CPU
    long notes are computed head by head, without their padding. In evaluation
    `torch.nn.MultiheadAttention` takes another way that does, and is slower for long notes.

    References
    ----------
    .. [1] A. Vaswani et al., "Attention Is All You Need", NeurIPS 2017: eq. 1, section 3.2.2.
    """

    def __init__(self, n_features, n_heads, *, dropout=0.0):
        super().__init__()
        self.n_heads = n_heads
        self.project = nn.Linear(n_features, 3 * n_features)
        self.join = nn.Linear(n_features, n_features)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(n_features)

    def forward(self, x, mask):
        """Let the positions of padded notes look at each other.

        Parameters
        ----------
        x : tensor of shape (n, t, n_features)
            Vectors.

        mask : tensor of bool of shape (n, t)
            Real positions.

        Returns
        -------
        y : tensor of shape (n, t, n_features)
            Zero where there is padding.
        """
        heads = self.project(x).unflatten(-1, (3, self.n_heads, -1))  # (n, t, 3, heads, d)
        queries, keys, values = heads.permute(2, 0, 3, 1, 4)  # (n, heads, t, d) each
        found = self_attention(queries, keys, values, mask)  # (n, heads, t, d)
        found = self.dropout(self.join(found.transpose(1, 2).flatten(-2)))  # (n, t, n_features)
        return self.norm(x + found) * mask[..., None]


class FilterCompression(nn.Module):
    """Compress the maps of each filter by itself, then let the joined positions mix.

    Parameters
    ----------
    pools : sequence of SoftPooling
        One for each filter, all of the same window.

    blocks : sequence of sequence of Module
        For each filter what follows its pooling; each takes vectors and mask, as
        `ResidualConvolution`.

    mix : Module
        Takes the joined vectors and their mask, as `KeyQueryAttention`.
    """

    def __init__(self, pools, blocks, mix):
        super().__init__()
        self.pools = nn.ModuleList(pools)
        self.blocks = nn.ModuleList(nn.ModuleList(of_filter) for of_filter in blocks)
        self.mix = mix

    def forward(self, maps, mask):
        """Compress padded notes.

        Parameters
        ----------
        maps : tensor of shape (n, t, filters * d)
            The maps of the filters side by side, as `MultiFilterConvolution` gives them.

        mask : tensor of bool of shape (n, t)
            Real positions: a run of True from the first on.

        Returns
        -------
        vectors : tensor of shape (n, ceil(t / window), d')
            The mixed positions, zero where there is padding.

        mask : tensor of bool of shape (n, ceil(t / window))
            The real ones.
        """
        joined = []
        for x, pool, blocks in zip(self._split(maps), self.pools, self.blocks, strict=True):
            x, pooled_mask = pool(x, mask)
            for block in blocks:
                x = block(x, pooled_mask)
            joined.append(x)
        return self.mix(torch.cat(joined, dim=-1), pooled_mask), pooled_mask

    def spread(self, weights, maps, mask):
        """Bring attention over the compressed positions back onto the words.

        A word gets the weight of its window, times the mean over the filters of its share in the
        window. What the positions found in each other is left out.

        Parameters
        ----------
        weights : tensor of shape (n, k, ceil(t / window))
            Attention over the compressed positions.

        maps : tensor of shape (n, t, filters * d)
            What was compressed.

        mask : tensor of bool of shape (n, t)
            Real positions.

        Returns
        -------
        weights : tensor of shape (n, k, t)
            With the same sum, zero where there is padding.
        """
        shares = [
            pool.weights(x, mask) for x, pool in zip(self._split(maps), self.pools, strict=True)
        ]
        share = torch.stack(shares).mean(dim=0)  # (n, p, g)
        return (weights[..., None] * share[:, None]).flatten(-2)[..., : maps.shape[1]]

    def _split(self, maps):
        return maps.chunk(len(self.pools), dim=-1)
