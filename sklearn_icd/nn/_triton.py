"""Label-wise attention in Triton's kernels, on a CUDA card that they suit.

The algebra is that of the tiles. The first gradient of a row of attention needs the whole row, so
each tile is computed once for the logits and once more for the gradients; to keep tiles in between
would cost as much. Where keys and values are narrow, their gradients are summed in a kernel; where
they are wide, it writes tiles of a block of labels, which the library multiplies.
"""

import warnings
from copy import copy
from functools import cache
from itertools import accumulate
from typing import NamedTuple

import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from sklearn_icd.nn._tiles import Tokens

_CHUNK = 64  # both halves of a table are filled to multiples of this
_SPAN = 1024  # tokens that one program reads; longer notes are shared out
_NARROW = 128  # the sums of wider gradients do not fit the registers
_CELLS = 2**26  # of tiles that are written at a time: 256 MB in bfloat16
_PARTS = 8  # sums of labels' gradients over as many parts of the notes, side by side


class TritonLogits(Function):
    """Compute the logits of labels; backward computes its tiles again."""

    @staticmethod
    def forward(ctx, queries, keys, values, weight, tokens, dtype):
        """Compute ``sum_t softmax_t(q_l . k_t) (w_l . v_t)``, shape (n, L)."""
        tables = _Tables(queries, keys, values, weight, tokens, dtype)
        logits, shifts, totals = tables.logits()
        ctx.save_for_backward(queries, keys, values, weight, logits, shifts, totals)
        ctx.rest = tokens, dtype
        return logits

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        """Compute the gradients of queries, keys, values and weight."""
        *inputs, logits, shifts, totals = ctx.saved_tensors
        tables = _Tables(*inputs, *ctx.rest)
        slopes = (gradient / totals).contiguous()
        return *tables.gradients(logits, shifts, slopes, ctx.needs_input_grad[:4]), None, None


@torch.compiler.disable
def kernels_fit(queries, values, dtype):
    """Tell whether the kernels compute the attention of these tensors.

    Parameters
    ----------
    queries : tensor of shape (L, a)
        One query per label.

    values : tensor of shape (n, t, d)
        What is pooled at each position.

    dtype : torch.dtype
        In which the products are computed.

    Returns
    -------
    fit : bool
        Whether the tensors are on an NVIDIA card with bfloat16 (Ampere or newer), Triton works
        there, and the kernels suit widths and precision.
    """
    if queries.device.type != "cuda" or torch.version.hip is not None:
        return False
    if torch.cuda.get_device_capability(queries.device) < (8, 0):
        return False
    widths = queries.shape[-1], values.shape[-1]
    # Full float32 has no matrix units: there the library's products are hard to beat.
    is_suited = dtype == torch.bfloat16 or (dtype == torch.float32 and max(widths) <= _NARROW)
    return is_suited and _compiles_and_runs(queries.device, dtype, *widths)


@cache
def _compiles_and_runs(device, dtype, *widths):
    """Try two labels and one token, for which what the next call needs is compiled."""
    a, d = (torch.zeros(2, width, device=device, dtype=dtype) for width in widths)
    try:
        _Tables(a, a[None, :1], d[None, :1], d, Tokens(None, (1, 1)), dtype).logits()
    except ImportError:
        return False
    except Exception as error:
        _say_once(device, f"{type(error).__name__}: {error}".partition("\n")[0])
        return False
    return True


@cache
def _say_once(device, reason):
    warnings.warn(
        f"Triton's kernels for label attention do not run on {device} ({reason}). Torch computes "
        "it tile by tile instead: exact, but slower. Triton needs a C compiler, such as gcc.",
        stacklevel=2,
    )


class _Tables:
    """What the kernels read: a row per label, a row per token, and where notes end.

    Parameters
    ----------
    queries : tensor of shape (L, a)
        One query per label.

    keys : tensor of shape (n, t, a)
        One key per position.

    values : tensor of shape (n, t, d)
        What is pooled at each position.

    weight : tensor of shape (L, d)
        How each label scores the pooled vector.

    tokens : Tokens
        Which positions are real.

    dtype : torch.dtype
        In which the products are computed; all sums are float32.
    """

    def __init__(self, queries, keys, values, weight, tokens, dtype):
        lengths = [own.stop - own.start for own in tokens.bounds]
        self.n_notes, self.n_labels = len(lengths), len(queries)
        self.longest = max(lengths, default=0)
        self.ends = torch.tensor([0, *accumulate(lengths)], dtype=torch.int32, device=keys.device)
        self.packing = _without_gaps(tokens, keys)
        self.shapes = keys.shape, values.shape
        self.widths = keys.shape[-1], values.shape[-1]
        self.filled = tuple(_CHUNK * _ceil(width, _CHUNK) for width in self.widths)
        self.labels = self._beside(queries.detach(), weight.detach(), dtype)
        rows = (self.packing.pack(table, table.dtype) for table in (keys, values))
        self.tokens = self._beside(*rows, dtype)

    def logits(self):
        """Compute logits, what is taken off the scores in their softmax, and its denominators.

        All have shape (n, L). Scores and what is taken off them are logarithms to base 2.
        """
        spans = max(1, _ceil(self.longest, _SPAN))
        shape = self.n_notes, spans, self.n_labels
        logits, shifts, totals = (self._empty(*shape) for _ in range(3))
        self._stream("logits_kernel", spans, self.n_labels, logits, shifts, totals, self.n_labels)
        highest = shifts.amax(dim=1).clamp(min=torch.finfo(torch.float32).min)
        shares = (shifts - highest[:, None]).exp2()
        totals = (totals * shares).sum(dim=1)
        totals = totals.masked_fill(totals == 0, 1)  # where a note has no token
        return (logits * shares).sum(dim=1) / totals, highest, totals

    def gradients(self, logits, shifts, slopes, needed):
        """Compute those gradients of queries, keys, values and weight that are needed.

        Parameters
        ----------
        logits, shifts : tensor of shape (n, L)
            As `logits` gives them.

        slopes : tensor of shape (n, L)
            Gradients of the logits, divided by the denominators.

        needed : sequence of bool
            For queries, keys, values and weight.

        Returns
        -------
        gradients : tuple of tensor or None
            In the shapes of queries, keys, values and weight.
        """
        is_narrow = max(self.widths) <= _NARROW
        compute = self._gradients_by_kernel if is_narrow else self._gradients_by_library
        queries, keys, values, weight = (
            gradient if is_needed else None
            for gradient, is_needed in zip(
                compute(logits, shifts, slopes, needed), needed, strict=True
            )
        )
        keys, values = (
            None if rows is None else self.packing.unpack(rows, shape)
            for rows, shape in zip((keys, values), self.shapes, strict=True)
        )
        return queries, keys, values, weight

    def _gradients_by_kernel(self, logits, shifts, slopes, needed):
        launch = _launch_of_gradients(self.labels.dtype, self.filled)
        parts = max(1, min(_PARTS, self.n_notes))
        of_labels = self._empty(parts, *self.labels.shape)
        of_tokens = self._empty(*self.tokens.shape)
        statistics = logits, shifts, slopes
        if needed[0] or needed[3]:
            grid = _ceil(self.n_labels, launch.rows), parts
            sizes = self.n_labels, self.n_notes
            self._launch("label_gradients_kernel", launch, grid, *statistics, of_labels, *sizes)
        if needed[1] or needed[2]:
            grid = _ceil(self.longest, launch.rows), self.n_notes
            sizes = (self.n_labels,)
            self._launch("token_gradients_kernel", launch, grid, *statistics, of_tokens, *sizes)
        queries, weight = self._halves(of_labels.sum(dim=0))
        return queries, *self._halves(of_tokens), weight

    def _gradients_by_library(self, logits, shifts, slopes, needed):
        queries, weight = self._halves(self.labels)
        keys, values = self._halves(self.tokens)
        inputs = queries, keys, values, weight
        sums = [
            torch.zeros_like(rows, dtype=torch.float32) if is_needed else None
            for rows, is_needed in zip(inputs, needed, strict=True)
        ]
        unit = self._launch_of_products().rows
        most = unit * max(1, _CELLS // max(1, len(keys)) // unit)
        stride = min(most, unit * _ceil(self.n_labels, unit))
        tiles = self.tokens.new_empty(2, len(keys), stride)
        for first in range(0, self.n_labels, stride):
            labels = slice(first, min(first + stride, self.n_labels))
            n_own = labels.stop - first
            given = logits, shifts, slopes, *tiles, first, self.n_labels, stride
            self._stream("tiles_kernel", _ceil(self.longest, _SPAN), n_own, *given)
            d_scores, d_seen = tiles[..., :n_own]  # (tokens, labels)
            _add_product(sums[0], labels, d_scores.T, keys)
            _add_product(sums[1], slice(None), d_scores, queries[labels])
            _add_product(sums[2], slice(None), d_seen, weight[labels])
            _add_product(sums[3], labels, d_seen.T, values)
        return sums

    def _stream(self, kernel, spans, n_labels, *given):
        launch = self._launch_of_products()
        grid = _ceil(n_labels, launch.rows), spans, self.n_notes
        self._launch(kernel, launch, grid, *given, CHUNK=launch.chunk, SPAN=_SPAN)

    def _launch_of_products(self):
        on_cuda = self.ends.is_cuda
        on_hopper = on_cuda and torch.cuda.get_device_capability(self.ends.device)[0] == 9
        return _launch_of_products(self.labels.dtype, self.filled, on_hopper)

    def _launch(self, kernel, launch, grid, *given, **constants):
        if 0 in grid:
            return
        from sklearn_icd.nn import _triton_kernels

        with torch.cuda.device_of(self.ends):
            getattr(_triton_kernels, kernel)[grid](
                self.labels,
                self.tokens,
                self.ends,
                *given,
                SCORED=self.filled[0],
                WIDTH=sum(self.filled),
                ROWS=launch.rows,
                COLUMNS=launch.columns,
                PRECISION="ieee",  # tf32 would keep 10 bits of float32
                **constants,
                num_warps=launch.warps,
                num_stages=launch.stages,
            )

    def _empty(self, *shape):
        return self.labels.new_empty(shape, dtype=torch.float32)

    def _beside(self, left, right, dtype):
        """Put two tables side by side, each filled up with zeros."""
        table = left.new_zeros(len(left), sum(self.filled), dtype=dtype)
        for half, rows in zip(self._halves(table), (left, right), strict=True):
            half.copy_(rows)
        return table

    def _halves(self, table):
        a, d = self.widths
        return table[:, :a], table[:, self.filled[0] : self.filled[0] + d]


class _Launch(NamedTuple):
    """Tile and resources of a kernel."""

    rows: int
    columns: int
    chunk: int
    warps: int
    stages: int


def _launch_of_products(dtype, filled, on_hopper):
    if dtype == torch.float32:
        return _Launch(rows=64, columns=64, chunk=32, warps=8, stages=3)
    if max(filled) <= _NARROW or not on_hopper:
        return _Launch(rows=64, columns=128, chunk=64, warps=4, stages=3)
    chunk = 64 if any(width % 128 for width in filled) else 128
    return _Launch(rows=128, columns=128, chunk=chunk, warps=8, stages=3)


def _launch_of_gradients(dtype, filled):
    size = 32 if dtype == torch.float32 else 64
    warps = 4 if max(filled) <= 64 else 8
    return _Launch(rows=size, columns=size, chunk=size, warps=warps, stages=2)


def _without_gaps(tokens, table):
    """Pack the table also where the real positions of each note are its first."""
    rows = [torch.arange(own.start, own.stop) for own in tokens.bounds]
    if tokens.positions is None and sum(map(len, rows)) < table.shape[:2].numel():
        tokens = copy(tokens)
        tokens.positions = torch.cat(rows).to(table.device)
    return tokens


def _add_product(sums, rows, left, right):
    """Add a product whose sums are float32, also those of narrower numbers."""
    if sums is None:
        return
    if left.dtype == torch.float32:
        sums[rows].addmm_(left, right)
    elif left.is_cuda and "dtype" in torch.ops.aten.mm.overloads():
        sums[rows] += torch.mm(left, right, out_dtype=torch.float32)
    else:
        sums[rows] += left @ right


def _ceil(size, unit):
    return -(-size // unit)
