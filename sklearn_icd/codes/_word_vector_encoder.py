"""Vectors of texts from word vectors, in the space that a classifier's words start in."""

import re
from typing import ClassVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import HasMethods

from sklearn_icd.codes._encoder import TextEncoder

_WORD = re.compile(r"\w+")


class WordVectorEncoder(TextEncoder):
    """
    Mean of the vectors of a text's words.

    With the vectors that the words of notes start from, titles of codes and notes lie in one
    space, and a classifier can find the words of a title in a note, also for codes with few
    notes or none.

    Parameters
    ----------
    keyed_vectors : gensim KeyedVectors or mapping of str to array-like of shape (dim,)
        Vector of each word, in lower case: trained on the training notes
        (:meth:`sklearn_icd.text.WordTokenizer.keyed_vectors`) or elsewhere.

    See Also
    --------
    TitleEncoder : Vectors from the texts alone.
    TransformerEncoder : Vectors from a pretrained language model.

    Examples
    --------
    >>> from sklearn_icd.codes import WordVectorEncoder
    >>> encoder = WordVectorEncoder({"heart": [1.0, 0.0], "failure": [0.0, 1.0]})
    >>> encoder.fit_transform(["I50.9: Heart failure, unspecified"])
    array([[0.5, 0.5]], dtype=float32)
    """

    _parameter_constraints: ClassVar = {
        "keyed_vectors": [HasMethods(["__getitem__", "__contains__", "__len__"])]
    }

    def __init__(self, keyed_vectors):
        self.keyed_vectors = keyed_vectors

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """
        Check the vectors and the texts.

        Parameters
        ----------
        X : array-like of str of shape (n_texts,)
            Texts, for example those of :func:`describe_codes`.
        y : None
            Ignored.

        Returns
        -------
        self : WordVectorEncoder
            The same encoder.

        Raises
        ------
        ValueError
            If no word of any text has a vector.
        """
        texts = self._check_texts(X)
        if not any(map(self._rows, texts)):
            raise ValueError(
                f"none of the words of the {len(texts)} texts has a vector: were the words of "
                "keyed_vectors lower-cased, and are they in the language of the texts?"
            )
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def transform(self, X):
        """
        Make the vectors of texts.

        Parameters
        ----------
        X : array-like of str of shape (n_texts,)
            Texts.

        Returns
        -------
        ndarray of shape (n_texts, dim)
            The mean over the words that have a vector, in float32; zeros where none has.
        """
        texts = self._check_texts(X)
        vectors = np.zeros((len(texts), self._n_features_out), np.float32)
        for i, text in enumerate(texts):
            if rows := self._rows(text):
                vectors[i] = np.mean(rows, axis=0)
        return vectors

    def _rows(self, text):
        words = _WORD.findall(text.lower())
        return [self.keyed_vectors[word] for word in words if word in self.keyed_vectors]

    @property
    def _n_features_out(self):
        any_word = next(iter(getattr(self.keyed_vectors, "index_to_key", self.keyed_vectors)))
        return len(self.keyed_vectors[any_word])
