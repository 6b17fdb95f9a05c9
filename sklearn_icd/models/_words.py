"""The parameters of systems that read words: the width of their vectors, and where these start."""

from typing import Literal

import numpy as np
from torch import get_num_threads

from sklearn_icd.nn import TokenEmbedding
from sklearn_icd.text import train_skip_gram
from sklearn_icd.utils._hyperparameters import ArrayLike, PositiveInt, hyperparameters

# Skip-gram reads a large corpus five times, and a small one, where five passes leave the vectors
# at their random start, until it has seen a million words or each note fifty times.
_WORDS_READ, _FEWEST_PASSES, _MOST_PASSES = 1_000_000, 5, 50


@hyperparameters
class WordVectors:
    """Give a classifier word vectors.

    Parameters
    ----------
    embedding_dim : int, default=100
        Width of the word vectors.

    word_vectors : "skip-gram", array-like of shape (n_tokens, embedding_dim) or None, \
default="skip-gram"
        Where the word vectors start from: trained on the training notes and brought to unit
        variance, given (row ``i`` is the token ``i``, as `WordTokenizer.vectors` makes them), or
        random.
    """

    embedding_dim: PositiveInt = 100
    word_vectors: Literal["skip-gram"] | ArrayLike | None = "skip-gram"

    def known_tokens(self, tokens):
        """Mark the ids that occur in training or have a vector of their own.

        Parameters
        ----------
        tokens : TokenArray
            The training notes.

        Returns
        -------
        known : ndarray of bool of shape (n_tokens,)
            All ids where `word_vectors` are given.
        """
        known = super().known_tokens(tokens)
        table = self._given_vectors()
        if table is None:
            return known
        if table.ndim != 2 or table.shape[1] != self.embedding_dim:
            raise ValueError(
                f"word_vectors has shape {table.shape}, but embedding_dim={self.embedding_dim}: "
                "pass one row of that width per token, or set embedding_dim to the width."
            )
        if len(known) > len(table):
            raise ValueError(
                f"word_vectors has {len(table)} rows, but X holds ids up to {len(known) - 1}: "
                "pass one row per token of the vocabulary (WordTokenizer.vectors makes the table)."
            )
        return np.ones(len(table), dtype=bool)

    def initial_word_vectors(self, data):
        """Give the table that the embedding starts from, or None for a random one.

        Parameters
        ----------
        data : FitData
            What the fit found in its data.

        Returns
        -------
        vectors : ndarray of shape (n_tokens, embedding_dim) or None
            Row ``i`` is the token ``i``.
        """
        if isinstance(self.word_vectors, str) and len(data.tokens.ids):
            passes = np.clip(_WORDS_READ // len(data.tokens.ids), _FEWEST_PASSES, _MOST_PASSES)
            vectors = train_skip_gram(
                data.tokens.to_array(),
                self.embedding_dim,
                n_tokens=data.n_tokens,
                epochs=int(passes),
                random_state=data.random_state.randint(2**31),
                # Several threads are not repeatable.
                n_jobs=get_num_threads() if self.random_state is None else 1,
            )
            return vectors / vectors[1:].std()
        return self._given_vectors()

    def word_embedding(self, data, **settings):
        """Make the block that looks up the vectors of words.

        Parameters
        ----------
        data : FitData
            What the fit found in its data.

        **settings : dict
            Further parameters of `TokenEmbedding`.

        Returns
        -------
        embed : TokenEmbedding
            Token ids to vectors and their mask.
        """
        vectors = self.initial_word_vectors(data)
        return TokenEmbedding(data.n_tokens, self.embedding_dim, vectors=vectors, **settings)

    def _given_vectors(self):
        if self.word_vectors is None or isinstance(self.word_vectors, str):
            return None
        return np.asarray(self.word_vectors, dtype=np.float32)
