"""Which words of a note each of its codes looked at."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from sklearn_icd.codes import find_code_system
from sklearn_icd.inspection._classifier import (
    attentive_classifier,
    codes_of_notes,
    listed_codes,
)
from sklearn_icd.inspection._words import read_words


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """
    Hold why a note has a code: the words that the code looked at.

    The words are kept as positions, so that neither the object nor its pickle holds any text of
    the note.

    Parameters
    ----------
    code : object
        The code, as it stands in the classifier's ``classes_``.
    title : str or None
        What it means, None if that is not known.
    probability : float
        The probability that the note has it.
    spans : int64 ndarray of shape (n_words, 2)
        The [start, end) in the note of each word that the classifier saw, the word with the
        highest weight first.
    weights : float32 ndarray of shape (n_words,)
        The share of the code's attention that each word got; they sum to 1.
    """

    code: object
    title: str | None
    probability: float
    spans: np.ndarray
    weights: np.ndarray

    def words(self, note, top=5):
        """
        Read the words with the highest weights, from all their places.

        Parameters
        ----------
        note : str
            The note that was explained.
        top : int, default=5
            How many words; None gives all.

        Returns
        -------
        words : list of tuple of (str, float)
            Each word, whatever its case, with the sum of the weights of its places; the highest
            first.
        """
        written, totals = {}, defaultdict(float)
        for (start, end), weight in zip(self.spans.tolist(), self.weights.tolist(), strict=True):
            word = note[start:end]
            written.setdefault(word.casefold(), word)
            totals[word.casefold()] += weight
        best = sorted(totals, key=totals.get, reverse=True)[:top]
        return [(written[key], totals[key]) for key in best]

    def __repr__(self):
        return (
            f"Explanation(code={self.code!r}, probability={self.probability:.3f}, "
            f"n_words={len(self.weights)})"
        )


def explain(pipeline, note, codes=None):
    """
    Show which words of a note its codes looked at.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted; text steps, then a classifier of this package.
    note : str
        One raw note.
    codes : list of codes, default=None
        Codes among the classifier's ``classes_``. By default those that ``predict`` assigns, the
        most probable first.

    Returns
    -------
    explanations : list of Explanation
        One for each code, in the order of `codes`.

    Raises
    ------
    TypeError
        If `note` is no str, or the pipeline is not as described.
    ValueError
        If a code is not among the classes.

    See Also
    --------
    highlight_html : A page that shows the explanations.
    critical_words : The words that a code looked at in many notes.
    token_spans : Where the tokens lie.

    Notes
    -----
    Where tokens are pieces of words, as those of `SegmentTokenizer` are, the weights of all pieces
    of a word are added, also where segments overlap and read a word twice; special tokens are left
    out, and the weights are divided by what remains (HiLAT's weights of words, after eq. 10).

    Attention tells where a network looked, which is not proof that its decision would be another
    one without these words.

    Examples
    --------
    >>> from sklearn_icd import make_icd_pipeline
    >>> from sklearn_icd.datasets import make_notes
    >>> from sklearn_icd.inspection import explain
    >>> made = make_notes(n_notes=40, n_codes=3, codes_per_note=2, random_state=0)
    >>> pipeline = make_icd_pipeline(
    ...     "ld-plam", size="small", classes=made.target_names, max_epochs=1, random_state=0
    ... )
    >>> pipeline.fit(made.data, made.target)
    Pipeline(...)
    >>> explanation, = explain(pipeline, made.data[0], codes=["I10"])
    >>> explanation.title
    'Essential (primary) hypertension'
    >>> words = explanation.words(made.data[0], top=3)
    """
    if not isinstance(note, str):
        raise TypeError(f"note must be one str, got {type(note).__name__}: explain notes singly.")
    if codes is not None:
        codes = listed_codes(codes)
    [words] = read_words(pipeline, [note])
    classifier = attentive_classifier(pipeline)
    tokens = pipeline[:-1].transform([note])
    probabilities = dict(
        zip(classifier.classes_.tolist(), classifier.predict_proba(tokens)[0].tolist(), strict=True)
    )
    if codes is None:
        [assigned] = codes_of_notes(classifier.predict(tokens), classifier.classes_)
        codes = sorted(assigned, key=probabilities.get, reverse=True)
    if not codes:
        return []
    [attention] = classifier.attention(tokens, codes)
    titles = _titles(classifier, codes)
    explanations = []
    for code, weights in zip(codes, words.weights(attention), strict=True):
        order = np.argsort(-weights, kind="stable")
        explanations.append(
            Explanation(code, titles[code], probabilities[code], words.spans[order], weights[order])
        )
    return explanations


def _titles(classifier, codes):
    """Give the title of each code, None where it is not known."""
    given = getattr(classifier, "label_titles", None)
    given = {} if given is None else given
    code_system = find_code_system(classifier.classes_.tolist())
    titles = {}
    for code in codes:
        if code in given:
            titles[code] = given[code]
        elif code_system is not None and code in code_system:
            titles[code] = code_system.title(code)
        else:
            titles[code] = None
    return titles
