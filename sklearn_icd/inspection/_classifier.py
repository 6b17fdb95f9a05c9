"""The classifier of a pipeline, and the codes that notes have."""

import numpy as np
from sklearn.utils.validation import check_is_fitted


def attentive_classifier(pipeline):
    """Give the last step of a fitted pipeline, which must have a method ``attention``."""
    check_is_fitted(pipeline)
    classifier = pipeline[-1]
    try:
        classifier.attention  # noqa: B018, some of our classifiers say why they have none
    except AttributeError as reason:
        raise TypeError(
            f"the last step of the pipeline, {type(classifier).__name__}, has no method "
            "attention(X, codes): a classifier of sklearn_icd.models is needed whose codes attend "
            f"to words. ({reason})"
        ) from None
    return classifier


def codes_of_notes(y, classes):
    """Give the list of the codes of each note.

    Parameters
    ----------
    y : ndarray or csr_array of shape (n_notes, n_codes), or ndarray of shape (n_notes,)
        What ``predict`` of a classifier gave: an indicator, or classes.
    classes : ndarray of shape (n_codes,)
        The names of the columns.

    Returns
    -------
    codes : list of list
        For each note, in the order of `classes`.
    """
    if y.ndim == 1:
        return [[code] for code in y.tolist()]
    notes, columns = y.nonzero()
    ends = np.searchsorted(notes, np.arange(y.shape[0]), side="right")
    return [codes.tolist() for codes in np.split(classes[columns], ends)[:-1]]


def listed_codes(codes):
    """Give codes as a list; a single str is not taken for a list of its characters."""
    if isinstance(codes, str):
        raise TypeError(f"codes must be a list of codes, got the str {codes!r}: put it in a list.")
    return np.asarray(codes).tolist()
