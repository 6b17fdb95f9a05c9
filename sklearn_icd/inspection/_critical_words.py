"""The words that codes looked at most, over many notes."""

from collections import defaultdict
from numbers import Integral

from sklearn.utils._param_validation import Interval, validate_params

from sklearn_icd.inspection._classifier import (
    attentive_classifier,
    codes_of_notes,
    listed_codes,
)
from sklearn_icd.inspection._words import read_words
from sklearn_icd.utils._notes import check_notes
from sklearn_icd.utils._targets import read_targets

# Notes whose words are read at once, and notes whose attention is: the codes of all of them are
# asked for of each, so that more notes are more codes, too.
_NOTES_AT_ONCE, _ATTENTIONS_AT_ONCE = 256, 16


@validate_params(
    {
        "top": [Interval(Integral, 1, None, closed="left"), None],
        "min_notes": [Interval(Integral, 1, None, closed="left")],
    },
    prefer_skip_nested_validation=True,
)
def critical_words(pipeline, notes, codes=None, *, y=None, top=10, min_notes=1):
    """
    Count which words codes looked at most in the notes that have them.

    In each note that a code was assigned to, the word with the highest attention of the code is
    its critical word; the notes are counted in which a word is that.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted; text steps, then a classifier of this package.
    notes : list, array or series of str of length n_notes
        Raw notes, such as those of a test set.
    codes : list of codes, default=None
        Codes among the classifier's ``classes_``. None: all.
    y : array-like or sparse array of shape (n_notes, n_codes) or (n_notes,), default=None
        The codes that the notes have, in the form that the classifier was fitted on. None: those
        that ``predict`` assigns, as in the paper.
    top : int, default=10
        Words to give for each code; None gives all.
    min_notes : int, default=1
        Notes in which a word must be the critical one. The words of a single note can be telling,
        such as a name: raise it before showing the table to others.

    Returns
    -------
    words : dict of code to list of tuple of (str, int)
        For each code, the words without their case, each with the number of its notes, the most
        frequent first. Of equal ones, that with the higher weights comes first. The list is empty
        where no note has the code.

    Raises
    ------
    TypeError
        If the pipeline is not as described.
    ValueError
        If a code is not among the classes, or `y` does not go with the notes.

    See Also
    --------
    explain : All words of one note, with their weights.

    Notes
    -----
    A word that stands in several places of a note is looked at in each of them alone. Where tokens
    are pieces of words, the weights of words are those of `explain`.

    Notes are read in small batches, once to assign codes (unless `y` is given) and once for the
    attention of these codes, so that memory does not grow with their number.

    References
    ----------
    .. [1] Y. Wu et al., "A Pseudo Label-wise Attention Network for Automatic ICD Coding", section
       6.2, Table 7.

    Examples
    --------
    >>> from sklearn_icd import make_icd_pipeline
    >>> from sklearn_icd.datasets import make_notes
    >>> from sklearn_icd.inspection import critical_words
    >>> made = make_notes(n_notes=40, n_codes=3, codes_per_note=2, random_state=0)
    >>> pipeline = make_icd_pipeline(
    ...     "ld-plam", size="small", classes=made.target_names, max_epochs=1, random_state=0
    ... )
    >>> pipeline.fit(made.data, made.target)
    Pipeline(...)
    >>> table = critical_words(pipeline, made.data, ["I10", "E78.5"], y=made.target, top=3)
    >>> list(table)
    ['I10', 'E78.5']
    >>> len(table["I10"])
    3
    """
    classifier = attentive_classifier(pipeline)
    notes = check_notes(notes, name="notes")
    codes = _known_codes(classifier, codes)
    true_codes = None if y is None else _true_codes(classifier, y, len(notes))
    counts = {code: defaultdict(lambda: [0, 0.0]) for code in codes}
    for first in range(0, len(notes), _NOTES_AT_ONCE):
        batch = slice(first, first + _NOTES_AT_ONCE)
        given = None if true_codes is None else true_codes[batch]
        for code, word, weight in _critical(pipeline, notes[batch], given, set(codes)):
            counts[code][word][0] += 1
            counts[code][word][1] += weight
    return {code: _most_frequent(words, top, min_notes) for code, words in counts.items()}


def _known_codes(classifier, codes):
    known = classifier.classes_.tolist()
    if codes is None:
        return known
    codes = listed_codes(codes)
    unknown = [code for code in codes if code not in set(known)]
    if unknown:
        raise ValueError(
            f"codes holds {unknown[0]!r}, which is not among the {len(known)} classes_ of the "
            "classifier."
        )
    return codes


def _true_codes(classifier, y, n_notes):
    targets = read_targets(
        y, classes=classifier.classes_, multilabel=classifier.multilabel_, classes_name="classes_"
    )
    if len(targets) != n_notes:
        raise ValueError(
            f"notes holds {n_notes} notes and y has {len(targets)} rows: one row per note is "
            "wanted."
        )
    return codes_of_notes(targets.original(), classifier.classes_)


def _critical(pipeline, notes, codes, wanted):
    """Yield each of the wanted codes of each note with its critical word and that one's weight."""
    classifier, tokens = pipeline[-1], pipeline[:-1].transform(notes)
    if codes is None:
        codes = codes_of_notes(classifier.predict(tokens), classifier.classes_)
    codes = [[code for code in of_note if code in wanted] for of_note in codes]
    asked = [i for i, of_note in enumerate(codes) if of_note]
    words = dict(zip(asked, read_words(pipeline, [notes[i] for i in asked]), strict=True))
    rows = sorted((i for i in asked if len(words[i].spans)), key=lambda i: len(words[i].spans))
    for first in range(0, len(rows), _ATTENTIONS_AT_ONCE):
        some = rows[first : first + _ATTENTIONS_AT_ONCE]
        of_any = list(dict.fromkeys(code for i in some for code in codes[i]))
        for i, attention in zip(some, classifier.attention(tokens[some], of_any), strict=True):
            for code, weights in zip(of_any, words[i].weights(attention), strict=True):
                if code in codes[i]:
                    best = weights.argmax()
                    start, end = words[i].spans[best]
                    yield code, notes[i][start:end].casefold(), float(weights[best])


def _most_frequent(words, top, min_notes):
    ranked = sorted(words, key=words.get, reverse=True)
    return [(word, words[word][0]) for word in ranked[:top] if words[word][0] >= min_notes]
