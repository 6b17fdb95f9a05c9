"""The kernels of label-wise attention on CUDA, a tile of labels by tokens at a time.

Two tables hold what they read: one row per label, its query beside its weight, and one row per
token, its key beside its value. Both halves are filled with zeros to a multiple of the chunk that
a product takes at a time, so that no kernel looks for the end of a row. Rows behind the last one of
a note or of the labels are read as the last one.
"""

import triton
import triton.language as tl

_LOG2_E = tl.constexpr(1.4426950408889634)


@triton.jit
def _rows(table, rows, first, WIDTH: tl.constexpr, SHARE: tl.constexpr):
    """Give some columns of some rows, shape (rows, SHARE)."""
    columns = first + tl.arange(0, SHARE)
    return tl.load(table + rows.to(tl.int64)[:, None] * WIDTH + columns[None, :])


@triton.jit
def _span(ends, SPAN: tl.constexpr):
    """Give the note of this program and the bounds of its span among the tokens."""
    note = tl.program_id(2)
    start = tl.load(ends + note) + tl.program_id(1) * SPAN
    return note, start, tl.minimum(tl.load(ends + note + 1), start + SPAN)


@triton.jit(do_not_specialize=["n_labels"])
def logits_kernel(
    labels,
    tokens,
    ends,
    logits,
    shifts,
    totals,
    n_labels,
    SCORED: tl.constexpr,
    WIDTH: tl.constexpr,
    CHUNK: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    SPAN: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Sum what labels see in a span, weighted by ``2 ** (scores - shift)``, and these weights.

    Programs: blocks of labels, spans, notes. Outputs have shape (notes, spans, labels).
    """
    note, start, end = _span(ends, SPAN)
    rows = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    own = tl.minimum(rows, n_labels - 1)
    shift = tl.full([ROWS], -float("inf"), tl.float32)
    total = tl.zeros([ROWS], tl.float32)
    logit = tl.zeros([ROWS], tl.float32)
    product = tl.zeros([ROWS, COLUMNS], tl.float32)
    attention = tl.zeros([ROWS, COLUMNS], tokens.dtype.element_ty)
    # One loop over the chunks of all tiles: the next chunks are on their way in all of it.
    N_CHUNKS: tl.constexpr = WIDTH // CHUNK
    N_SCORED: tl.constexpr = SCORED // CHUNK
    for step in range(tl.cdiv(tl.maximum(end - start, 0), COLUMNS) * N_CHUNKS):
        chunk = step % N_CHUNKS
        columns = start + step // N_CHUNKS * COLUMNS + tl.arange(0, COLUMNS)
        left = _rows(labels, own, chunk * CHUNK, WIDTH, CHUNK)
        right = _rows(tokens, tl.minimum(columns, end - 1), chunk * CHUNK, WIDTH, CHUNK)
        if (chunk == 0) | (chunk == N_SCORED):
            product = tl.zeros_like(product)
        product = tl.dot(left, tl.trans(right), product, input_precision=PRECISION)
        if chunk == N_SCORED - 1:
            real = tl.where(columns < end, 0.0, -float("inf"))
            scores = product * _LOG2_E + real[None, :]
            highest = tl.maximum(shift, tl.max(scores, 1))
            shrink = tl.exp2(shift - highest)
            attention = tl.exp2(scores - highest[:, None]).to(attention.dtype)
            total = total * shrink + tl.sum(attention.to(tl.float32), 1)
            logit = logit * shrink
            shift = highest
        if chunk == N_CHUNKS - 1:
            logit += tl.sum(attention.to(tl.float32) * product, 1)
    span = note * tl.num_programs(1) + tl.program_id(1)
    places = span.to(tl.int64) * n_labels + rows
    tl.store(logits + places, logit, rows < n_labels)
    tl.store(shifts + places, shift, rows < n_labels)
    tl.store(totals + places, total, rows < n_labels)


@triton.jit(do_not_specialize=["first", "n_labels"])
def tiles_kernel(
    labels,
    tokens,
    ends,
    logits,
    shifts,
    slopes,
    d_scores,
    d_seen,
    first,
    n_labels,
    stride,
    SCORED: tl.constexpr,
    WIDTH: tl.constexpr,
    CHUNK: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    SPAN: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Write the gradients of the scores and of what labels see, for the labels from `first` on.

    Programs: blocks of labels, spans, notes. Outputs have shape (tokens, labels).
    """
    note, start, end = _span(ends, SPAN)
    places = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    own = tl.minimum(first + places, n_labels - 1)
    cells = note.to(tl.int64) * n_labels + own
    shift, slope = tl.load(shifts + cells), tl.load(slopes + cells)
    logit = tl.load(logits + cells)
    product = tl.zeros([ROWS, COLUMNS], tl.float32)
    attention = tl.zeros([ROWS, COLUMNS], tokens.dtype.element_ty)
    N_CHUNKS: tl.constexpr = WIDTH // CHUNK
    N_SCORED: tl.constexpr = SCORED // CHUNK
    for step in range(tl.cdiv(tl.maximum(end - start, 0), COLUMNS) * N_CHUNKS):
        chunk = step % N_CHUNKS
        columns = start + step // N_CHUNKS * COLUMNS + tl.arange(0, COLUMNS)
        left = _rows(labels, own, chunk * CHUNK, WIDTH, CHUNK)
        right = _rows(tokens, tl.minimum(columns, end - 1), chunk * CHUNK, WIDTH, CHUNK)
        if (chunk == 0) | (chunk == N_SCORED):
            product = tl.zeros_like(product)
        product = tl.dot(left, tl.trans(right), product, input_precision=PRECISION)
        if chunk == N_SCORED - 1:
            attention = tl.exp2(product * _LOG2_E - shift[:, None]).to(attention.dtype)
        if chunk == N_CHUNKS - 1:
            seen = attention.to(tl.float32) * slope[:, None]
            scores = seen * (product - logit[:, None])
            tile = columns.to(tl.int64)[None, :] * stride + places[:, None]
            real = (columns < end)[None, :] & (places < stride)[:, None]
            tl.store(d_seen + tile, seen.to(attention.dtype), real)
            tl.store(d_scores + tile, scores.to(attention.dtype), real)


@triton.jit
def _add_gradients(
    d_scored,
    d_valued,
    scored,
    valued,
    rows,
    others,
    begin,
    end,
    logits,
    shifts,
    slopes,
    OWN_LABELS: tl.constexpr,
    SCORED: tl.constexpr,
    WIDTH: tl.constexpr,
    COLUMNS: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Add what the rows from `begin` to `end` of the other table give to rows of the own one."""
    AXIS: tl.constexpr = 1 if OWN_LABELS else 0
    if OWN_LABELS:
        shift, slope = tl.load(shifts + rows), tl.load(slopes + rows)
        logit = tl.load(logits + rows)
    for at in range(begin, end, COLUMNS):
        columns = at + tl.arange(0, COLUMNS)
        read = tl.minimum(columns, end - 1)
        other_scored = _rows(others, read, 0, WIDTH, SCORED)
        other_valued = _rows(others, read, SCORED, WIDTH, WIDTH - SCORED)
        if not OWN_LABELS:
            shift, slope = tl.load(shifts + read), tl.load(slopes + read)
            logit = tl.load(logits + read)
        scores = tl.dot(scored, tl.trans(other_scored), input_precision=PRECISION)
        values = tl.dot(valued, tl.trans(other_valued), input_precision=PRECISION)
        attention = tl.exp2(scores * _LOG2_E - tl.expand_dims(shift, AXIS))
        seen = attention * tl.expand_dims(slope, AXIS)
        seen = tl.where((columns < end)[None, :], seen, 0.0)
        scores = seen * (values - tl.expand_dims(logit, AXIS))
        scores, seen = scores.to(scored.dtype), seen.to(scored.dtype)
        d_scored = tl.dot(scores, other_scored, d_scored, input_precision=PRECISION)
        d_valued = tl.dot(seen, other_valued, d_valued, input_precision=PRECISION)
    return d_scored, d_valued


@triton.jit(do_not_specialize=["n_labels", "n_notes"])
def label_gradients_kernel(
    labels,
    tokens,
    ends,
    logits,
    shifts,
    slopes,
    sums,
    n_labels,
    n_notes,
    SCORED: tl.constexpr,
    WIDTH: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Compute the gradients of rows of labels, for every k-th note.

    Programs: blocks of labels, k. Output has shape (k, labels, width).
    """
    rows = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    own = tl.minimum(rows, n_labels - 1)
    scored = _rows(labels, own, 0, WIDTH, SCORED)
    valued = _rows(labels, own, SCORED, WIDTH, WIDTH - SCORED)
    d_scored = tl.zeros([ROWS, SCORED], tl.float32)
    d_valued = tl.zeros([ROWS, WIDTH - SCORED], tl.float32)
    for note in range(tl.program_id(1), n_notes, tl.num_programs(1)):
        cells = tl.cast(n_labels, tl.int64) * note
        d_scored, d_valued = _add_gradients(
            d_scored,
            d_valued,
            scored,
            valued,
            own,
            tokens,
            tl.load(ends + note),
            tl.load(ends + note + 1),
            logits + cells,
            shifts + cells,
            slopes + cells,
            True,
            SCORED,
            WIDTH,
            COLUMNS,
            PRECISION,
        )
    sums += tl.program_id(1).to(tl.int64) * n_labels * WIDTH
    _store_rows(sums, rows, n_labels, d_scored, d_valued, SCORED, WIDTH)


@triton.jit(do_not_specialize=["n_labels"])
def token_gradients_kernel(
    labels,
    tokens,
    ends,
    logits,
    shifts,
    slopes,
    sums,
    n_labels,
    SCORED: tl.constexpr,
    WIDTH: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Compute the gradients of rows of tokens.

    Programs: blocks of tokens, notes. Output has shape (tokens, width).
    """
    note = tl.program_id(1)
    end = tl.load(ends + note + 1)
    start = tl.load(ends + note) + tl.program_id(0) * ROWS
    if start < end:
        rows = start + tl.arange(0, ROWS)
        own = tl.minimum(rows, end - 1)
        cells = tl.cast(n_labels, tl.int64) * note
        d_scored, d_valued = _add_gradients(
            tl.zeros([ROWS, SCORED], tl.float32),
            tl.zeros([ROWS, WIDTH - SCORED], tl.float32),
            _rows(tokens, own, 0, WIDTH, SCORED),
            _rows(tokens, own, SCORED, WIDTH, WIDTH - SCORED),
            own,
            labels,
            0,
            n_labels,
            logits + cells,
            shifts + cells,
            slopes + cells,
            False,
            SCORED,
            WIDTH,
            COLUMNS,
            PRECISION,
        )
        _store_rows(sums, rows, end, d_scored, d_valued, SCORED, WIDTH)


@triton.jit
def _store_rows(table, rows, end, scored, valued, SCORED: tl.constexpr, WIDTH: tl.constexpr):
    places = table + rows.to(tl.int64)[:, None] * WIDTH
    real = (rows < end)[:, None]
    tl.store(places + tl.arange(0, SCORED)[None, :], scored, real)
    tl.store(places + SCORED + tl.arange(0, WIDTH - SCORED)[None, :], valued, real)
