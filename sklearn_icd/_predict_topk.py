"""The k best codes of many notes, through a whole pipeline."""

import numpy as np
from scipy import sparse
from sklearn.utils import _safe_indexing, gen_batches
from sklearn.utils.validation import _num_samples, check_is_fitted

from sklearn_icd.utils._top_k import best_columns, check_k, join_best

# Notes whose probabilities for all codes are in memory together: 37 MB of them for 9,000 codes.
NOTES_AT_ONCE = 1024


def predict_topk(pipeline, notes, k):
    """Find the k most probable codes of each of many notes.

    The notes go through the pipeline some at a time, so that neither their tokens nor the
    probabilities of all codes are ever in memory for all of them.

    Parameters
    ----------
    pipeline : Pipeline or estimator
        Fitted, with `predict_proba`.

    notes : list, array or series of str of length n_notes
        What the pipeline takes: raw notes for a pipeline over notes.

    k : int
        Codes per note.

    Returns
    -------
    probabilities : csr_array of shape (n_notes, n_codes)
        The k most probable codes of a note are its stored entries, the most probable first; of
        equally probable ones, those that come first in `classes_`.
        ``pipeline.classes_[probabilities.indices.reshape(-1, k)]`` are their names, and the
        metrics that look at `k` codes or fewer take it as their scores.

    Raises
    ------
    TypeError
        If `k` is no integer.

    ValueError
        If there are not `k` codes, or the pipeline does not give one column per code.

    See Also
    --------
    predict_frame : The codes of a table of notes, as a table.

    Examples
    --------
    >>> from sklearn_icd.datasets import make_notes
    >>> from sklearn_icd.pipelines import make_icd_pipeline, predict_topk
    >>> made = make_notes(n_notes=40, n_codes=5, codes_per_note=2, random_state=0)
    >>> pipeline = make_icd_pipeline(
    ...     "jlan", size="small", classes=made.target_names, max_epochs=1, random_state=0
    ... )
    >>> top = predict_topk(pipeline.fit(made.data, made.target), made.data, k=2)
    >>> top.shape, top.nnz
    ((40, 5), 80)
    >>> pipeline.classes_[top.indices.reshape(-1, 2)].shape
    (40, 2)
    """
    check_is_fitted(pipeline)
    n_codes, n_notes = len(pipeline.classes_), _num_samples(notes)
    check_k(k, n_codes)

    def best(some):
        rows = np.arange(n_notes)[some]
        probabilities = by_code(pipeline, "predict_proba", _safe_indexing(notes, some))
        return rows, *best_columns(probabilities, k)

    return join_best(map(best, gen_batches(max(1, n_notes), NOTES_AT_ONCE)), n_codes)


def by_code(pipeline, method, notes):
    """Call a method that has to give one row for each note, one column for each code."""
    found = getattr(pipeline, method)(notes)
    shape, wanted = np.shape(found), (_num_samples(notes), len(pipeline.classes_))
    if shape != wanted:
        raise ValueError(
            f"{method} of {type(pipeline).__name__} gave shape {shape}, but {wanted} is wanted: a "
            "row for each note and a column for each code, as estimators for several labels give."
        )
    return found.toarray() if sparse.issparse(found) else np.asarray(found)
