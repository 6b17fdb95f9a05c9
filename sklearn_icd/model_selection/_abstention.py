"""Notes to leave to a human: how good the codes of a note are, and what leaving some out gains."""

import numpy as np
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils._param_validation import StrOptions, validate_params

from sklearn_icd.metrics._validation import check_indicators


@validate_params(
    {
        "y_true": ["array-like", "sparse matrix"],
        "y_pred": ["array-like", "sparse matrix"],
        "confidence": ["array-like"],
        "metric": [StrOptions({"f1_micro", "f1_samples"})],
    },
    prefer_skip_nested_validation=True,
)
def coverage_error_curve(y_true, y_pred, confidence, *, metric="f1_micro"):
    """
    Compute the error on the notes that are kept when the least confident are left to a human.

    Parameters
    ----------
    y_true : array-like or sparse of shape (n, L)
        The true codes, 0 or 1 in every cell.
    y_pred : array-like or sparse of shape (n, L)
        The codes assigned to each note, those to be left to a human included.
    confidence : array-like of shape (n,)
        What the notes are kept by, higher for the surer ones; see `ThresholdTuner.expected_f1`.
    metric : {"f1_micro", "f1_samples"}, default="f1_micro"
        The F1 of all cells of the kept notes together, or the mean of the F1 of each note. A note
        without codes that is assigned none counts 1 in the latter.

    Returns
    -------
    coverage : ndarray of shape (n_thresholds,)
        Share of the notes that are kept, rising up to 1.
    error : ndarray of shape (n_thresholds,)
        1 minus the metric on the kept notes.
    thresholds : ndarray of shape (n_thresholds,)
        The distinct confidences, falling: notes of at least this confidence are kept.

    Raises
    ------
    TypeError
        If `y_true` or `y_pred` holds no real numbers.
    ValueError
        If one of them holds anything but 0 and 1, the shapes differ, `confidence` holds NaN, or
        the metric is not known.

    Examples
    --------
    >>> from sklearn_icd.model_selection import coverage_error_curve
    >>> y_true, y_pred = [[1, 0], [0, 1], [1, 1]], [[1, 0], [0, 1], [0, 1]]
    >>> coverage, error, thresholds = coverage_error_curve(y_true, y_pred, [0.9, 0.8, 0.4])
    >>> coverage.round(2), error.round(2), thresholds
    (array([0.33, 0.67, 1.  ]), array([0.  , 0.  , 0.14]), array([0.9, 0.8, 0.4]))
    """
    y_true, y_pred = check_indicators(y_true, y_pred)
    confidence = check_array(confidence, ensure_2d=False, input_name="confidence")
    check_consistent_length(y_true, confidence)
    surest_first = np.argsort(-confidence, kind="stable")
    counts = [count[surest_first] for count in _note_counts(y_true, y_pred)]
    n_kept = np.arange(1, len(confidence) + 1)
    if metric == "f1_micro":
        score = _f1(*(count.cumsum() for count in counts))
    else:
        score = _f1(*counts).cumsum() / n_kept
    confidence = confidence[surest_first]
    last_of_equals = np.append(confidence[1:] != confidence[:-1], True)
    return tuple(
        curve[last_of_equals] for curve in (n_kept / len(confidence), 1 - score, confidence)
    )


def note_f1(y_true, assigned, *, empty):
    """Compute the F1 of each note; `empty` where nothing is true and nothing assigned."""
    return _f1(*_note_counts(*check_indicators(y_true, assigned)), empty)


def plug_in_f1(probabilities, assigned):
    """Compute the F1 that probabilities let expect of each note, from its expected counts.

    Of a note that is assigned nothing it is the probability that no code is true.
    """
    hits = np.einsum("nl,nl->n", probabilities, assigned)
    n_assigned, n_true = assigned.sum(axis=1), probabilities.sum(axis=1)
    with np.errstate(divide="ignore"):
        no_code = np.exp(np.log1p(-probabilities).sum(axis=1))
    return np.divide(2 * hits, n_assigned + n_true, where=n_assigned > 0, out=no_code)


def _note_counts(y_true, y_pred):
    """Count the codes of each note that are both, true, and assigned: three (n,)."""
    both = y_true * y_pred  # elementwise for sparse arrays
    return tuple(np.diff(y.indptr) for y in (both, y_true, y_pred))


def _f1(both, true, assigned, empty=1.0):
    out = np.full(len(both), empty)
    return np.divide(2 * both, true + assigned, where=true + assigned > 0, out=out)
