"""The parameters of systems whose training draws the vectors of codes to their titles."""

import warnings
from typing import Annotated

import numpy as np
from torch import nn

from sklearn_icd.models._titles import TitledCodes
from sklearn_icd.nn import (
    DescriptionPenalty,
    MaxPooling,
    PooledEncoder,
    TokenEmbedding,
    WindowConvolution,
)
from sklearn_icd.utils._hyperparameters import NonNegativeFloat, Search, hyperparameters


@hyperparameters
class DescribedCodes(TitledCodes):
    """Give a classifier a penalty on vectors of codes that stray from their titles.

    Parameters
    ----------
    description_penalty : float, default=0.01
        Weight of the penalty in the loss, the papers' lambda.
    """

    description_penalty: Annotated[NonNegativeFloat, Search(0.01, 0.1, 1.0, 10.0)] = 0.01

    def make_penalty(self, data, kernel_sizes):
        """Make the penalty: a convolution reads the titles, the largest value of each map counts.

        Parameters
        ----------
        data : FitData
            What the fit found in its data.

        kernel_sizes : list of int
            Words in the windows of the convolution.

        Returns
        -------
        penalty : DescriptionPenalty or None
            None, with a warning, if the titles are not known.
        """
        ids = self.title_words(data)
        if ids is None:
            if self.multilabel_:
                self._warn_of_missing_titles(data.classes)
            return None
        e, d = self.embedding_dim, self.n_filters
        n_words = self.title_tokenizer_.n_tokens_
        vectors = data.random_state.normal(size=(n_words, e)).astype(np.float32)
        vectors[1] = 0  # no title of training has an unknown word, and its vector learns nothing
        read = PooledEncoder(
            embed=TokenEmbedding(n_words, e, vectors=vectors),
            encode=WindowConvolution(e, d, kernel_sizes),
            pool=MaxPooling(),
        )
        return DescriptionPenalty(
            ids, nn.Sequential(read, nn.Linear(d, d)), self.description_penalty
        )

    def _warn_of_missing_titles(self, classes):
        warnings.warn(
            f"{type(self).__name__} trains without its penalty: no coding system has the "
            f"{len(classes)} codes, the first of which is {classes.tolist()[0]!r}. Name the "
            "columns of y with classes=[...] if they are ICD codes, or pass "
            "label_titles={code: title}.",
            stacklevel=2,
        )
