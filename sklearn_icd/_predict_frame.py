"""The codes of a table of notes, of pandas or partitioned by Dask, as a long table."""

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_icd._predict_topk import NOTES_AT_ONCE, by_code
from sklearn_icd.utils._top_k import best_columns


def predict_frame(pipeline, notes, *, threshold=None, top_k=None):
    """List the codes of many notes, one row for each code of a note.

    A table partitioned by Dask is predicted partition by partition, where its workers are, once
    the result is computed or written to files; a worker gets the pipeline once.

    Parameters
    ----------
    pipeline : Pipeline or estimator
        Fitted, with `predict_proba`.

    notes : pandas or Dask Series or DataFrame
        What the pipeline takes: for a pipeline over notes, the column that holds them.

    threshold : float or array-like of shape (n_codes,), default=None
        Probability from which on a code is listed. None: the codes that `predict` assigns. At the
        end of a pipeline, the classifiers of `sklearn_icd.models` tell their threshold; anything
        else has to predict a second time for it.

    top_k : int, default=None
        Codes listed per note at most, the most probable ones; of equally probable ones, those
        that come first in `classes_`. None: all.

    Returns
    -------
    codes : pandas or Dask DataFrame
        With the columns `code` and `probability` (float32). The index is that of the notes, once
        for each code, the most probable code first; a note without codes has no row. The
        partitions are those of `notes`.

    Raises
    ------
    TypeError
        If `notes` is neither of pandas nor of Dask.

    ValueError
        If `top_k` is not positive, or the pipeline does not give one column per code.

    See Also
    --------
    make_icd_pipeline : Makes such a pipeline.
    predict_topk : The most probable codes as a sparse array.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_icd.datasets import make_notes
    >>> from sklearn_icd.pipelines import make_icd_pipeline, predict_frame
    >>> made = make_notes(n_notes=40, n_codes=5, codes_per_note=2, random_state=0)
    >>> pipeline = make_icd_pipeline(
    ...     "jlan", size="small", classes=made.target_names, max_epochs=1, random_state=0
    ... )
    >>> frame = pd.DataFrame({"text": made.data}, index=range(100, 140))
    >>> pipeline = pipeline.fit(frame["text"], made.target)
    >>> codes = predict_frame(pipeline, frame["text"], threshold=0, top_k=2)
    >>> codes.loc[100].shape
    (2, 2)
    """
    check_is_fitted(pipeline)
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k must be a positive number of codes or None, got {top_k!r}.")
    partitioned = hasattr(notes, "map_partitions")
    if not (partitioned or hasattr(notes, "iloc")):
        raise TypeError(
            f"notes must be a Series or DataFrame of pandas or Dask, got {type(notes).__name__}: "
            "pandas.Series(notes) makes one."
        )
    settings = {"threshold": _threshold(pipeline, threshold), "top_k": top_k}
    if not partitioned:
        return _list_codes(notes, pipeline, **settings)
    from dask import delayed

    empty = _list_codes(notes._meta, pipeline, **settings)
    # A node of its own in the graph goes to a worker once, and again to one that takes the place
    # of a killed worker.
    return notes.map_partitions(_list_codes, delayed(pipeline), **settings, meta=empty)


def _threshold(pipeline, threshold):
    """Give the threshold asked for, or that of the classifier if it tells one."""
    from sklearn_icd._code_classifier import CodeClassifier

    last = pipeline[-1] if isinstance(pipeline, Pipeline) else pipeline
    if threshold is not None or not isinstance(last, CodeClassifier):
        return threshold
    return last.threshold_ if isinstance(last.threshold, str) else last.threshold


def _list_codes(notes, pipeline, threshold, top_k):
    """List the codes of the notes of one partition."""
    import pandas as pd

    starts = range(0, len(notes), NOTES_AT_ONCE)
    rows, columns, probabilities = [np.empty(0, int)], [np.empty(0, int)], [np.empty(0, np.float32)]
    for start in starts:
        some = notes.iloc[start : start + NOTES_AT_ONCE]
        row, column, probability = _find_codes(some, pipeline, threshold, top_k)
        rows.append(start + row)
        columns.append(column)
        probabilities.append(probability)
    return pd.DataFrame(
        {
            "code": pd.Index(pipeline.classes_).take(np.concatenate(columns)),
            "probability": np.concatenate(probabilities),
        },
        index=notes.index.take(np.concatenate(rows)),
    )


def _find_codes(notes, pipeline, threshold, top_k):
    """Give positions of notes, positions of their codes and probabilities, note by note."""
    probabilities = by_code(pipeline, "predict_proba", notes)
    if threshold is None:
        listed = by_code(pipeline, "predict", notes) != 0
    else:
        listed = probabilities >= np.asarray(threshold, dtype=probabilities.dtype)
    if top_k is not None and top_k < listed.shape[1]:
        columns, _ = best_columns(np.where(listed, probabilities, -1), top_k)
        is_best = np.zeros_like(listed)
        np.put_along_axis(is_best, columns, True, axis=1)
        listed &= is_best
    row, column = listed.nonzero()
    probability = probabilities[row, column].astype(np.float32)
    order = np.lexsort((-probability, row))
    return row[order], column[order], probability[order]
