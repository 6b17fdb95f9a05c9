"""Positions of a note look at each other: queries of one head of one note at a time.

With ``S = Q K^T / sqrt(d)``, ``A = softmax(S)`` and dropout's mask M, of zeros and ``1 / (1 - p)``,
the output is ``(M A) V``, M multiplying cell by cell. For its gradient g and ``G = M (g V^T)``, the
gradient of S is ``D = A (G - r)``, r being the row sums of ``A G``; those of Q, K and V are
``D K / sqrt(d)``, ``D^T Q / sqrt(d)`` and ``(M A)^T g``. S, A, M and G exist for one block of
queries at a time, and are made again in backward, M from the same seed: nothing has the size of
positions times positions, and padding is never computed.
"""

import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn.functional import scaled_dot_product_attention

from sklearn_icd.nn._label_attention import product_dtype, what_is_exotic
from sklearn_icd.nn._products import arithmetic
from sklearn_icd.nn._tiles import Buffers, Tokens, add_product

# From how many positions on it pays: with dropout, which torch's kernel does not have, and without,
# where the features of a head must be many enough too.
_FEWEST_DROPPED = 256
_FEWEST_POSITIONS = 512
_FEWEST_FEATURES = 32
# Queries per block. 1,024 of them by 2,500 positions stay in the processor's caches.
_BLOCK = 1024
_LEVELS = 2**16  # of the random numbers that decide what is dropped: two bytes each


def self_attention(queries, keys, values, mask=None, dropout=0.0):
    """Let the positions of each note look at each other.

    ``dropout(softmax(Q K^T / sqrt(d))) V`` for each head, over the real positions. In training on
    the CPU, notes that are long enough are computed head by head, their real positions alone;
    all else by torch's fused attention.

    Parameters
    ----------
    queries, keys, values : tensor of shape (n, h, t, d)
        Of h heads.

    mask : tensor of bool of shape (n, t), default=None
        Real positions. None: all are.

    dropout : float, default=0.0
        Share of the cells of the softmax set to zero, while the others grow by
        ``1 / (1 - dropout)``. In evaluation: 0.

    Returns
    -------
    output : tensor of shape (n, h, t, d)
        Zero where there is padding.
    """
    output = None
    if pays(queries, keys, values, dropout):
        output = head_by_head(queries, keys, values, mask, dropout)
    return _fused(queries, keys, values, mask, dropout) if output is None else output


def pays(queries, keys, values, dropout):
    """Tell whether self-attention can be computed head by head, and is faster so.

    Parameters
    ----------
    queries, keys, values : tensor of shape (n, h, t, d)
        Of h heads.

    dropout : float
        Share of the cells of the softmax set to zero.

    Returns
    -------
    pays : bool
        Whatever the mask is.
    """
    tensors = queries, keys, values
    _, _, t, d = queries.shape
    if dropout:  # with autograd or not: some checkpoints compute without it first
        is_large = t >= _FEWEST_DROPPED
    else:
        is_training = torch.is_grad_enabled() and any(x.requires_grad for x in tensors)
        is_large = is_training and t >= _FEWEST_POSITIONS and d >= _FEWEST_FEATURES
    return (
        is_large
        and not torch.compiler.is_compiling()
        and queries.device.type == "cpu"
        and len({(x.shape, x.device, product_dtype(x)) for x in tensors}) == 1
        and _n_kept(dropout) > 0
        and not what_is_exotic(tensors)
    )


def head_by_head(queries, keys, values, mask, dropout):
    """Compute self-attention head by head.

    Parameters
    ----------
    queries, keys, values : tensor of shape (n, h, t, d)
        Of h heads.

    mask : tensor of bool of shape (n, t), or None
        Real positions. None: all are.

    dropout : float
        Share of the cells of the softmax set to zero.

    Returns
    -------
    output : tensor of shape (n, h, t, d), or None
        Zero where there is padding. None: there is padding before real positions, for which there
        is no such way.
    """
    tokens = Tokens(mask, (queries.shape[0], queries.shape[2]))
    if tokens.positions is not None:
        return None
    lengths = [own.stop - own.start for own in tokens.bounds]
    dtype = product_dtype(queries)
    tensors = (tensor.to(dtype) for tensor in (queries, keys, values))
    return HeadByHead.apply(*tensors, lengths, dropout)


def _fused(queries, keys, values, mask, dropout):
    if mask is None:
        return scaled_dot_product_attention(queries, keys, values, dropout_p=dropout)
    # Some kernels make nan of a softmax over nothing: a note without words sees its padding.
    seen = (mask | ~mask.any(dim=1, keepdim=True))[:, None, None]
    output = scaled_dot_product_attention(queries, keys, values, attn_mask=seen, dropout_p=dropout)
    return output * mask[:, None, :, None]


def _n_kept(dropout):
    """Give how many of the levels are kept."""
    return round(_LEVELS * (1 - dropout))


class HeadByHead(Function):
    """Compute self-attention; backward computes its blocks again."""

    @staticmethod
    def forward(ctx, queries, keys, values, lengths, dropout):
        """Compute the output, (n, h, t, d)."""
        seed = int(torch.empty((), dtype=torch.int64, device="cpu").random_()) if dropout else 0
        ctx.save_for_backward(queries, keys, values)
        ctx.rest = lengths, dropout, seed
        heads = _Heads(queries, keys, values, *ctx.rest)
        output = torch.zeros_like(values)
        with heads.arithmetic():
            for place, head in heads:
                output[place] = head.output()
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        """Compute the gradients of queries, keys and values."""
        heads = _Heads(*ctx.saved_tensors, *ctx.rest)
        gradients = [torch.zeros_like(tensor) for tensor in heads.tensors]
        with heads.arithmetic():
            for place, head in heads:
                for whole, own in zip(gradients, head.gradients(gradient[place]), strict=True):
                    whole[place] = own
        return *gradients, None, None


class _Heads:
    """Go through the heads of all notes."""

    def __init__(self, queries, keys, values, lengths, dropout, seed):
        self.tensors, self.lengths = (queries, keys, values), lengths
        self.scale = queries.shape[-1] ** -0.5
        # Scores in bfloat16 would make the softmax several times less exact than products do.
        self.dtype = torch.promote_types(queries.dtype, torch.float32)
        self.n_kept = _n_kept(dropout)
        self.generator = torch.Generator().manual_seed(seed) if dropout else None
        self.buffers, longest = Buffers(), max(lengths, default=0)
        # Two bytes for each cell of the largest block.
        n_words = -(-min(longest, _BLOCK) * longest // 4) if dropout else 0
        self.words = torch.empty(n_words, dtype=torch.int64)

    def __iter__(self):
        for note, length in enumerate(self.lengths):
            for head in range(self.tensors[0].shape[1] if length else 0):
                place = note, head, slice(length)
                yield place, _Head(self, *(tensor[place] for tensor in self.tensors))

    def arithmetic(self):
        """Compute in the types of the heads, and record nothing."""
        return arithmetic("cpu", self.dtype)


class _Head:
    """One head of one note, in its own type and in that of scores."""

    def __init__(self, heads, queries, keys, values):
        self.heads, self.queries, self.keys, self.values = heads, queries, keys, values
        self.scaled = queries.to(heads.dtype) * heads.scale
        self.wide_keys, self.wide_values = keys.to(heads.dtype), values.to(heads.dtype)

    def output(self):
        """Compute ``(M A) V``."""
        return torch.cat([block.narrow(block.kept) @ self.values for block in self.blocks()])

    def gradients(self, gradient):
        """Compute the gradients of queries, keys and values."""
        d_queries, d_keys, d_values = (
            torch.zeros_like(wide) for wide in (self.scaled, self.wide_keys, self.wide_values)
        )
        everywhere = slice(None)
        for block in self.blocks():
            own = gradient[block.rows].contiguous()
            add_product(d_values, everywhere, block.narrow(block.kept).T, own)
            d_scores = block.narrow(block.d_scores(own))
            add_product(d_queries, block.rows, d_scores, self.keys)
            add_product(d_keys, everywhere, d_scores.T, self.queries[block.rows])
        return d_queries.mul_(self.heads.scale), d_keys.mul_(self.heads.scale), d_values

    def blocks(self):
        """Go through the queries."""
        for start in range(0, len(self.queries), _BLOCK):
            yield _Block(self, slice(start, min(start + _BLOCK, len(self.queries))))


class _Block:
    """What some queries of a head see."""

    def __init__(self, head, rows):
        self.head, self.heads, self.rows = head, head.heads, rows
        self.shape = rows.stop - rows.start, len(head.keys)
        scores = self.buffer("scores", head.scaled)
        torch.mm(head.scaled[rows], head.wide_keys.T, out=scores)
        self.attention = torch.softmax(scores, dim=1, out=scores)
        self.kept = self.draw().mul_(self.attention) if self.heads.generator else self.attention

    def draw(self):
        """Draw ``M``."""
        n_cells, n_kept = self.shape[0] * self.shape[1], self.heads.n_kept
        words = self.heads.words[: -(-n_cells // 4)]
        words.random_(-(2**63), None, generator=self.heads.generator)
        dice = words.view(torch.int16)[:n_cells].view(self.shape)
        mask = torch.le(dice, n_kept - _LEVELS // 2 - 1, out=self.buffer("mask", self.head.scaled))
        return mask.mul_(_LEVELS / n_kept)

    def d_scores(self, gradient):
        """Compute ``D``."""
        values = self.head.wide_values
        seen = torch.mm(gradient.to(values), values.T, out=self.buffer("seen", values))
        products = seen.mul_(self.kept)
        sums = products.sum(dim=1, keepdim=True)
        return products.addcmul_(self.attention, sums, value=-1)

    def narrow(self, cells):
        """Give cells in the type of the head."""
        if cells.dtype == self.head.values.dtype:
            return cells
        return self.buffer("narrow", self.head.values).copy_(cells)

    def buffer(self, name, like):
        """Give memory for cells."""
        return self.heads.buffers(name, like, *self.shape)
