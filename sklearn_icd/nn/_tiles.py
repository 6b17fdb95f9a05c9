"""Label-wise attention tile by tile: a block of labels by the real tokens of one note.

With ``S = Q K^T``, ``A = softmax(S)`` and ``G = W V^T`` the logit of a label is the sum of its row
of ``A G``, cell by cell. With r for the logit before its bias, ``T = A (G - r)`` cell by cell, and
g for the gradient of the logit, the gradients of Q, K, V and W are ``g (T K)``, ``T^T (g Q)``,
``A^T (g W)`` and ``g (A V)``. S, A, G and T exist for one tile at a time, so nothing has the size
of labels times tokens, and padding is never computed.
"""

import math

import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from sklearn_icd.nn._products import arithmetic

# Fewest labels per tile, and labels by tokens where notes are short. A tile of 512 labels by 2,500
# tokens stays in the processor's caches; of one much smaller, calling costs more than computing.
_LABELS = 512
_CELLS = 2**19


class TiledLogits(Function):
    """Compute the logits of labels; backward computes its tiles again."""

    @staticmethod
    def forward(ctx, queries, keys, values, weight, tokens, dtype):
        """Compute ``sum_t softmax_t(q_l . k_t) (w_l . v_t)``, shape (n, L)."""
        ctx.save_for_backward(queries, keys, values, weight)
        ctx.rest = tokens, dtype
        tiles = _Tiles(queries, keys, values, weight, tokens, dtype)
        logits = keys.new_zeros(tokens.n_notes, len(queries), dtype=tiles.sum_dtype)
        with tiles.arithmetic():
            for tile in tiles:
                logits[tile.note, tile.labels] = tile.logits()
        return logits

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        """Compute the gradients of queries, keys, values and weight."""
        tiles = _Tiles(*ctx.saved_tensors, *ctx.rest, needed=ctx.needs_input_grad)
        with tiles.arithmetic():
            for tile in tiles:
                tile.logits()
                tile.add_gradients(gradient[tile.note, tile.labels])
        return *tiles.gradients(), None, None


class TiledVectors(Function):
    """Compute the vectors that labels pool; backward computes its tiles again."""

    @staticmethod
    def forward(ctx, queries, keys, values, tokens, dtype):
        """Compute ``sum_t softmax_t(q_l . k_t) v_t``, shape (n, L, d)."""
        ctx.save_for_backward(queries, keys, values)
        ctx.rest = tokens, dtype
        tiles = _Tiles(queries, keys, values, None, tokens, dtype)
        shape = tokens.n_notes, len(queries), values.shape[-1]
        pooled = values.new_zeros(shape, dtype=tiles.sum_dtype)
        with tiles.arithmetic():
            for tile in tiles:
                pooled[tile.note, tile.labels] = (tile.attention @ tile.values).to(pooled)
        return pooled

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        """Compute the gradients of queries, keys and values."""
        # The sum of all ``gradient * pooled`` is a logit whose weights are the gradient.
        inputs = ctx.saved_tensors  # a checkpoint lets them be read once
        needed = *ctx.needs_input_grad[:3], False
        tiles = _Tiles(*inputs, gradient, *ctx.rest, needed=needed)
        ones = gradient.new_ones(len(inputs[0]))
        with tiles.arithmetic():
            for tile in tiles:
                tile.logits()
                tile.add_gradients(ones[tile.labels])
        return *tiles.gradients()[:3], None, None


class TiledLoss(Function):
    """Compute a loss that is a mean over cells, and its gradients on the same visit."""

    @staticmethod
    def forward(ctx, queries, keys, values, weight, bias, y, cells, counts, tokens, dtype):
        """Compute the mean of ``cells(logits, y)``, and keep its gradients for backward."""
        needed = ctx.needs_input_grad
        tiles = _Tiles(queries, keys, values, weight, tokens, dtype, needed=needed)
        bias_gradient = torch.zeros_like(bias, dtype=tiles.sum_dtype)
        total = bias_gradient.new_zeros(())
        with tiles.arithmetic():
            counting = _counting_cells(tiles, bias, y, counts)
            for tile in tiles:
                cell = tile.note, tile.labels
                logits = (tile.logits() + bias[tile.labels]).requires_grad_()
                with torch.enable_grad():
                    share = (cells(logits, y[cell]) * counting[cell]).sum() / y.numel()
                (gradient,) = torch.autograd.grad(share, logits)
                total += share.detach()
                bias_gradient[tile.labels] += gradient
                tile.add_gradients(gradient)
        gradients = (*tiles.gradients(), bias_gradient if needed[4] else None)
        ctx.save_for_backward(*gradients)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        """Scale the gradients that forward has computed."""
        gradients = ctx.saved_tensors
        if gradient != 1:
            gradients = (None if own is None else own * gradient for own in gradients)
        return *gradients, None, None, None, None, None


def _counting_cells(tiles, bias, y, counts):
    """Give 1 for each cell that counts in the loss and 0 for the others, shape (n, L)."""
    counting = torch.ones_like(y)
    if counts is not None:
        positives = y.nonzero(as_tuple=True)
        logits = [tile.logits() + bias[tile.labels] for tile in tiles.of(y)]
        counting[positives] = counts(torch.cat(logits)).to(counting)
    return counting


class Tokens:
    """Say where the real tokens of each note are, once all notes stand in one row.

    Parameters
    ----------
    mask : tensor of bool of shape (n, t), or None
        Real positions. None: all are.

    shape : tuple of int
        (n, t).

    Attributes
    ----------
    n_notes : int
        Number n of notes.

    positions : tensor of int64 of shape (n_real,), or None
        The real ones of the n * t positions, which are to be packed. None: the real positions of
        each note are its first, and can be cut out of the row as they are.

    bounds : list of slice
        For each note, its own part of the row.

    longest : int
        Number of real tokens of the longest note, at least 1.
    """

    def __init__(self, mask, shape):
        self.n_notes, width = shape
        self.positions = None
        starts, lengths = [note * width for note in range(self.n_notes)], [width] * self.n_notes
        if mask is not None:
            counts = mask.sum(dim=1)
            lengths = counts.tolist()
            first = torch.arange(width, device=mask.device) < counts[:, None]
            if not torch.equal(first, mask):
                self.positions = mask.flatten().nonzero()[:, 0]
                starts = [sum(lengths[:note]) for note in range(self.n_notes)]
        self.longest = max(lengths, default=0) or 1
        self.bounds = [
            slice(start, start + length) for start, length in zip(starts, lengths, strict=True)
        ]

    def pack(self, table, dtype):
        """Give the row of tokens, (n_real or n * t, d), of a table (n, t, d)."""
        rows = table.detach().flatten(0, 1)
        return (rows if self.positions is None else rows[self.positions]).to(dtype)

    def unpack(self, rows, shape):
        """Give a table (n, t, d), zero where there is padding."""
        if self.positions is None:
            return rows.view(shape)
        return rows.new_zeros(shape).flatten(0, 1).index_copy(0, self.positions, rows).view(shape)


class Buffers:
    """Give memory that was touched before: fresh pages cost more than the arithmetic."""

    def __init__(self):
        self.memory = {}

    def __call__(self, name, like, *shape):
        """Give a tensor of any content, which the next call with its name overwrites.

        Parameters
        ----------
        name : str
            What it is for.

        like : tensor
            Of the same type, on the same device.

        *shape : int
            Its shape.

        Returns
        -------
        buffer : tensor
            Of this shape.
        """
        size = math.prod(shape)
        if name not in self.memory or len(self.memory[name]) < size:
            self.memory[name] = like.new_empty(size)
        return self.memory[name][:size].view(shape)


class _Tiles:
    """Go through all tiles, and add up gradients."""

    def __init__(self, queries, keys, values, weight, tokens, dtype, needed=(False,) * 4):
        self.tokens = tokens
        self.shapes = keys.shape, values.shape
        self.queries = queries.detach().to(dtype)
        self.keys, self.values = tokens.pack(keys, dtype), tokens.pack(values, dtype)
        self.weight = None  # (n, L, d)
        if weight is not None:
            weight = weight.detach().to(dtype)
            self.weight = weight.expand(tokens.n_notes, *weight.shape[-2:])
        # Sums of bfloat16 numbers would lose what is added last.
        self.sum_dtype = torch.promote_types(dtype, torch.float32)
        sums = self.queries, self.keys, self.values, None if weight is None else self.weight[0]
        self.sums = [
            torch.zeros_like(tensor, dtype=self.sum_dtype) if is_needed else None
            for tensor, is_needed in zip(sums, needed, strict=False)
        ]
        self.buffers = Buffers()

    def __iter__(self):
        step = max(_LABELS, _CELLS // self.tokens.longest)
        for start in range(0, len(self.queries), step):
            for note, own in enumerate(self.tokens.bounds):
                yield _Tile(self, slice(start, start + step), note, own)

    def of(self, y):
        """Give a tile of each note with the labels that it has in y, (n, L)."""
        for note, own in enumerate(self.tokens.bounds):
            yield _Tile(self, y[note].nonzero()[:, 0], note, own)

    def arithmetic(self):
        """Compute in the type of the tiles, and record nothing."""
        return arithmetic(self.queries.device.type, self.queries.dtype)

    def buffer(self, name, rows, columns):
        """Give memory of the type of the tiles."""
        return self.buffers(name, self.queries, rows, columns)

    def gradients(self):
        """Give the sums of what the tiles added, in the shapes of the inputs."""
        queries, keys, values, weight = self.sums
        tables = [
            None if rows is None else self.tokens.unpack(rows, shape)
            for rows, shape in zip((keys, values), self.shapes, strict=True)
        ]
        return queries, *tables, weight


class _Tile:
    """The attention of a block of labels over the tokens of one note."""

    def __init__(self, tiles, labels, note, own):
        self.tiles, self.labels, self.note, self.own = tiles, labels, note, own
        self.queries, self.keys = tiles.queries[labels], tiles.keys[own]
        self.values = tiles.values[own]
        self.shape = len(self.queries), len(self.keys)
        scores = torch.mm(self.queries, self.keys.T, out=tiles.buffer("scores", *self.shape))
        self.attention = torch.softmax(scores, dim=1, out=scores)

    def logits(self):
        """Compute ``r = sum_t A G``, shape (l,)."""
        self.weight = self.tiles.weight[self.note, self.labels]
        buffer = self.tiles.buffer
        self.seen = torch.mm(self.weight, self.values.T, out=buffer("seen", *self.shape))
        self.products = torch.mul(self.attention, self.seen, out=buffer("products", *self.shape))
        self.sums = self.products.sum(dim=1, dtype=self.tiles.sum_dtype)
        return self.sums

    def add_gradients(self, gradient):
        """Add what the tile contributes; ``T`` overwrites the products."""
        sums = self.sums.to(self.attention.dtype)[:, None]
        spread = self.products.addcmul_(self.attention, sums, value=-1)
        gradient = gradient[:, None]  # (l, 1)
        queries, keys, values, weight = self.tiles.sums
        _add_scaled(queries, self.labels, gradient, spread, self.keys)
        add_product(keys, self.own, spread.T, gradient * self.queries)
        add_product(values, self.own, self.attention.T, gradient * self.weight)
        _add_scaled(weight, self.labels, gradient, self.attention, self.values)


def _add_scaled(sums, rows, scale, left, right):
    if sums is not None:
        sums[rows] += scale * (left @ right)


def add_product(sums, rows, left, right):
    """Add a product to some rows of sums, which may be of a wider type, or None: not wanted."""
    if sums is None:
        return
    right = right.to(left.dtype)
    if sums.dtype == left.dtype:
        sums[rows].addmm_(left, right)
    else:
        sums[rows] += left @ right
