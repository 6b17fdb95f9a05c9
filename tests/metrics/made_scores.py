"""Small random truths with scores, predictions and probabilities, full of ties and empty notes."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 5))


def tables(shape, dtype, values):
    return hnp.arrays(dtype, shape, elements=st.sampled_from(values))


def with_truth(dtype, values, n=1):
    return SHAPES.flatmap(
        lambda shape: st.tuples(tables(shape, np.int8, [0, 1]), *[tables(shape, dtype, values)] * n)
    )


RANKINGS = with_truth(np.float32, [-np.inf, -1.0, -0.0, 0.0, 0.5, 2.0])
PREDICTIONS = with_truth(np.int8, [0, 1])
TWO_PREDICTIONS = with_truth(np.int8, [0, 1], n=2)
PROBABILITIES = with_truth(np.float64, [0.0, 0.1, 0.25, 0.5, 0.7, 0.9, 1.0])


def made(n_notes=40, n_codes=12, seed=0):
    """Make a truth of about 3 codes a note, probabilities that know it, and their predictions."""
    rng = np.random.default_rng(seed)
    y_true = (rng.random((n_notes, n_codes)) < 0.25).astype(np.int8)
    logits = rng.normal(size=y_true.shape) + 1.5 * y_true - 1
    probabilities = (1 / (1 + np.exp(-logits))).astype(np.float32)
    return y_true, probabilities, (probabilities > 0.5).astype(np.int8)
