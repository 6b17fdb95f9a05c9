"""Where the tokens that a classifier saw lie in the raw notes."""

import numpy as np
from sklearn.pipeline import Pipeline

from sklearn_icd.utils._notes import check_notes

# Spans of characters are some twenty times as large as the notes; those of tokens are small.
_NOTES_AT_ONCE = 256


def token_spans(pipeline, notes):
    """
    Locate each token that the classifier of a pipeline saw in the raw notes.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted; text steps with a method ``spans``, then a classifier.
    notes : list, array or series of str of length n_notes
        Raw notes, as the pipeline's ``predict`` takes them.

    Returns
    -------
    spans : list of int64 ndarray of shape (n_tokens, 2)
        For each note, the [start, end) of each of its tokens in the raw text, in the order of
        the columns of the classifier's ``attention``. The text between them is the token, up to
        cleaning.

    Raises
    ------
    TypeError
        If a step has no method ``spans``, or `pipeline` is no Pipeline.

    See Also
    --------
    explain : The weights of the tokens, for each code.

    Examples
    --------
    >>> from sklearn.pipeline import Pipeline
    >>> from sklearn_icd.inspection import token_spans
    >>> from sklearn_icd.text import NoteCleaner, WordTokenizer
    >>> steps = [("clean", NoteCleaner()), ("tokenize", WordTokenizer(min_notes=1))]
    >>> note = "== PLAN ==\\n1. Aspirin 81mg, BP 120/80"
    >>> pipeline = Pipeline([*steps, ("clf", "passthrough")]).fit([note])
    >>> [note[start:end] for start, end in token_spans(pipeline, [note])[0]]
    ['PLAN', 'Aspirin', '81mg', 'BP']
    """
    steps = text_steps(pipeline)
    notes = check_notes(notes, name="notes")
    return [
        spans
        for first in range(0, len(notes), _NOTES_AT_ONCE)
        for spans in follow_tokens(steps, notes[first : first + _NOTES_AT_ONCE])[0]
    ]


def text_steps(pipeline):
    """Give the steps before the classifier, each of which must have a method ``spans``."""
    if not isinstance(pipeline, Pipeline):
        raise TypeError(
            f"pipeline must be a sklearn.pipeline.Pipeline from raw notes to codes, got "
            f"{type(pipeline).__name__}."
        )
    steps = [
        (name, step) for name, step in pipeline.steps[:-1] if step not in (None, "passthrough")
    ]
    for name, step in steps:
        if not hasattr(step, "spans"):
            raise TypeError(
                f"the step {name!r} of the pipeline, {type(step).__name__}, has no method "
                "spans(notes), so its output cannot be traced back to the notes. Each step before "
                "the classifier must have one: see the text steps of sklearn_icd.text."
            )
    return [step for _, step in steps]


def follow_tokens(steps, notes):
    """Give the spans of the tokens of each note, and the notes as the last step reads them."""
    spans = [_characters(note) for note in notes]
    for i, step in enumerate(steps):
        spans = list(map(_compose, spans, step.spans(notes)))
        if i < len(steps) - 1:
            notes = step.transform(notes)
    return spans, notes


def _characters(note):
    begin = np.arange(len(note))
    return np.stack([begin, begin + 1], axis=1)


def _compose(inner, outer):
    """Follow spans of a step's output through the spans of its input.

    A span reaches from where its first character begins to where its last one ends.
    """
    begins = np.append(inner[:, 0], inner[:, 1].max(initial=0))
    ends = np.append(0, inner[:, 1])
    start = begins[outer[:, 0]]
    is_empty = outer[:, 0] == outer[:, 1]
    return np.stack([start, np.where(is_empty, start, ends[outer[:, 1]])], axis=1)
