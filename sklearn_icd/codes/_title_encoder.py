"""Vectors of code titles from their own words and letters, without a pretrained model."""

from numbers import Integral
from typing import ClassVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion
from sklearn.preprocessing import normalize
from sklearn.utils._param_validation import Interval
from sklearn.utils.extmath import randomized_svd
from sklearn.utils.validation import check_is_fitted

from sklearn_icd.codes._encoder import TextEncoder

# The most frequent of each kind: with 9,000 titles the components then take 15 MB, not 60.
_MAX_TERMS = 20_000


class TitleEncoder(TextEncoder):
    """
    Latent semantic analysis of short texts, by words and by pieces of words.

    Each text is counted twice, as words and as sequences of two to five characters
    within words. Both counts are weighted by TF-IDF and brought to unit length, so
    that they count alike, and a truncated singular value decomposition makes dense
    vectors of the two together. The pieces bring together what is spelled alike
    ("nephritis", "nephropathy"; "E11.9", "E11.65"), also in texts that were not
    there in `fit`.

    Parameters
    ----------
    n_components : int, default=128
        Largest width of the vectors. They are narrower where the texts of `fit` span
        fewer dimensions, as fewer than `n_components` texts do.
    random_state : int, RandomState instance or None, default=None
        Seed of the randomised singular value decomposition.

    Attributes
    ----------
    components_ : ndarray of shape (n_vector, n_terms)
        The directions that the counts are projected on, in float32.
    singular_values_ : ndarray of shape (n_vector,)
        Singular values of the weighted counts, in falling order.
    vectorizer_ : FeatureUnion
        The fitted TF-IDF weighting of words and of characters.

    See Also
    --------
    TransformerEncoder : Vectors from a pretrained language model.

    Examples
    --------
    >>> from sklearn_icd.codes import TitleEncoder, describe_codes, CodeSystem
    >>> titles = CodeSystem("icd10cm").titles(["E11.9", "E11.65", "I10"])
    >>> vectors = TitleEncoder(random_state=0).fit_transform(describe_codes(titles))
    >>> vectors.shape
    (3, 3)
    >>> bool(vectors[0] @ vectors[1] > vectors[0] @ vectors[2])
    True
    """

    _parameter_constraints: ClassVar = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(self, n_components=128, random_state=None):
        self.n_components = n_components
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """
        Learn the terms, their weights and the directions.

        Parameters
        ----------
        X : array-like of str of shape (n_texts,)
            Texts, for example those of :func:`describe_codes`.
        y : None
            Ignored.

        Returns
        -------
        self : TitleEncoder
            The fitted encoder.
        """
        texts = self._check_texts(X)
        if not any(map(str.strip, texts)):
            raise ValueError("All texts of X are blank: there is nothing to make vectors from.")
        self.vectorizer_ = FeatureUnion(
            [
                # A single character is a word too: "type 2"; so is a mark, so that no text that
                # is not blank is left without a term.
                ("words", TfidfVectorizer(token_pattern=r"\w+|[^\w\s]", max_features=_MAX_TERMS)),
                (
                    "pieces",
                    TfidfVectorizer(
                        analyzer="char_wb", ngram_range=(2, 5), max_features=_MAX_TERMS
                    ),
                ),
            ]
        )
        counts = self.vectorizer_.fit_transform(texts)
        _, values, components = randomized_svd(
            counts, min(self.n_components, *counts.shape), random_state=self.random_state
        )
        rank = np.sum(values > values[0] * max(counts.shape) * np.finfo(values.dtype).eps)
        self.singular_values_ = values[:rank]
        self.components_ = components[:rank].astype(np.float32)
        return self

    def transform(self, X):
        """
        Make the vectors of texts.

        Parameters
        ----------
        X : array-like of str of shape (n_texts,)
            Texts, seen in `fit` or not.

        Returns
        -------
        ndarray of shape (n_texts, n_vector)
            Vectors of length 1 in float32. Blank texts, and texts without any known
            term, give zeros.
        """
        check_is_fitted(self)
        counts = self.vectorizer_.transform(self._check_texts(X)).astype(np.float32)
        return normalize(counts @ self.components_.T, copy=False)

    @property
    def _n_features_out(self):
        return len(self.components_)
