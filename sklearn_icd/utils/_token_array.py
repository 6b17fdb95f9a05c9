"""Token arrays: notes as ragged rows of ids or as segments, cut into padded batches."""

from itertools import pairwise

import numpy as np
from scipy import sparse
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

PADDING, UNKNOWN = 0, 1

_MOST_TOKENS = 2**25  # beyond any vocabulary; a table of 100-wide vectors then takes 13 GB


class TokenArray:
    """Hold the token ids of many notes without padding.

    Parameters
    ----------
    ids : ndarray of shape (n_all_tokens,)
        The ids of all notes, one note after the other.

    offsets : ndarray of shape (n_notes + 1,)
        Note ``i`` is ``ids[offsets[i]:offsets[i + 1]]``.
    """

    def __init__(self, ids, offsets):
        self.ids = ids
        self.offsets = offsets

    @classmethod
    def from_matrix(cls, X):
        """Read a CSR or dense token array; zeros are padding wherever they stand."""
        X = X if sparse.issparse(X) and X.format == "csr" else sparse.csr_array(X)
        if not X.has_canonical_format or (X.data == PADDING).any():
            X = X.copy()
            X.sum_duplicates()
            X.eliminate_zeros()
        return cls(X.data, X.indptr)

    def __len__(self):
        return len(self.offsets) - 1

    @property
    def lengths(self):
        """Number of tokens of each note."""
        return np.diff(self.offsets)

    def take(self, rows):
        """Give the notes at these positions as a new token array."""
        parts = [self.ids[self.offsets[r] : self.offsets[r + 1]] for r in rows]
        ids = np.concatenate(parts) if parts else self.ids[:0]
        return TokenArray(ids, np.concatenate([[0], np.cumsum(self.lengths[rows])]).astype(int))

    def padded(self, rows):
        """Cut a batch, padded to its own longest note (at least one column).

        Parameters
        ----------
        rows : ndarray of int of shape (n,)
            Positions of the notes.

        Returns
        -------
        ids : ndarray of int64 of shape (n, longest)
            Token ids, 0 behind the end of a note.
        """
        batch = self.take(rows)
        inside = np.arange(max(1, batch.lengths.max(initial=0))) < batch.lengths[:, None]
        ids = np.zeros(inside.shape, dtype=np.int64)
        ids[inside] = batch.ids
        return ids

    def read_with(self, known):
        """Read every id that is not marked in `known` as the unknown word.

        Parameters
        ----------
        known : ndarray of bool of shape (n_tokens,)
            Whether an id has a meaning.

        Returns
        -------
        tokens : TokenArray
            The notes with ids below ``n_tokens``.
        """
        return TokenArray(_read_ids(self.ids, known), self.offsets)

    def known_ids(self):
        """Mark the ids that occur, and the unknown word."""
        return _mark_ids(self.ids)

    def to_array(self):
        """Give the notes as a CSR token array."""
        # Width 0 would be refused as "no features" by what follows.
        positions = np.arange(self.lengths.max(initial=1), dtype=np.int32)
        columns = np.empty(len(self.ids), dtype=np.int32)
        for start, end in pairwise(self.offsets.tolist()):
            columns[start:end] = positions[: end - start]
        shape = (len(self), len(positions))
        return sparse.csr_array((self.ids, columns, self.offsets), shape=shape)


class SegmentArray:
    """Hold the token ids of many notes that were cut into segments.

    Parameters
    ----------
    segments : ndarray of int of shape (n_notes, n_segments, segment_length)
        Token ids, 0 is padding.
    """

    def __init__(self, segments):
        self.segments = segments
        self.lengths = np.count_nonzero(segments.reshape(len(segments), -1), axis=1)

    def __len__(self):
        return len(self.segments)

    @property
    def ids(self):
        """The ids of all notes, padding included."""
        return self.segments.ravel()

    def take(self, rows):
        """Give the notes at these positions as a new array."""
        return SegmentArray(self.segments[rows])

    def padded(self, rows):
        """Cut a batch, as wide as its longest segment and its note of most segments.

        Parameters
        ----------
        rows : ndarray of int of shape (n,)
            Positions of the notes.

        Returns
        -------
        ids : ndarray of int64 of shape (n, s, l)
            Token ids, 0 is padding.
        """
        batch = self.segments[rows]
        used = (batch != PADDING).any(axis=0)  # (s, l)
        n_segments = 1 + np.flatnonzero(used.any(axis=1)).max(initial=0)
        length = 1 + np.flatnonzero(used.any(axis=0)).max(initial=0)
        return batch[:, :n_segments, :length].astype(np.int64)

    def read_with(self, known):
        """Read every id that is not marked in `known` as the unknown word.

        Parameters
        ----------
        known : ndarray of bool of shape (n_tokens,)
            Whether an id has a meaning.

        Returns
        -------
        tokens : SegmentArray
            The notes with ids below ``n_tokens``.
        """
        read = _read_ids(self.segments, known)
        return SegmentArray(np.where(self.segments == PADDING, PADDING, read))

    def known_ids(self):
        """Mark the ids that occur, and the unknown word."""
        return _mark_ids(self.ids)

    def to_array(self):
        """Give the array of segments."""
        return self.segments


def _read_ids(ids, known):
    inside = ids < len(known)
    keep = inside & known[np.where(inside, ids, UNKNOWN)]
    return np.where(keep, ids, UNKNOWN)


def _mark_ids(ids):
    largest = ids.max(initial=UNKNOWN)
    if largest >= _MOST_TOKENS:
        raise ValueError(
            f"X holds the id {largest}, and every id up to the largest gets a vector: number "
            "the words one by one, as WordTokenizer does."
        )
    known = np.zeros(largest + 1, dtype=bool)
    known[ids] = known[UNKNOWN] = True
    return known


def as_tokens(X):
    """Read a token array that is known to be valid.

    Parameters
    ----------
    X : TokenArray, SegmentArray, or sparse or dense array
        Token ids of words (2-D) or of segments (3-D).

    Returns
    -------
    tokens : TokenArray or SegmentArray
        The notes.
    """
    if isinstance(X, TokenArray | SegmentArray):
        return X
    return SegmentArray(X) if X.ndim == 3 else TokenArray.from_matrix(X)


def check_token_array(estimator, X, *, name="X", reset=False, segments=False):
    """Validate a token array and read it.

    A CSR array may have any width and segments any number; a dense 2-D array must have the
    fitted width.

    Parameters
    ----------
    estimator : BaseEstimator
        The estimator that takes the array; `n_features_in_` is set on it when `reset`.

    X : sparse array or array-like of shape (n_notes, longest note) or \
(n_notes, n_segments, segment_length)
        Token ids: 0 is padding, 1 the unknown word.

    name : str, default="X"
        The parameter to name in errors.

    reset : bool, default=False
        Whether this is the first call of `fit`.

    segments : bool, default=False
        Whether the estimator reads segments.

    Returns
    -------
    tokens : TokenArray or SegmentArray
        The notes.

    Raises
    ------
    TypeError
        If `X` holds text.

    ValueError
        If an id is negative, fractional or not finite, or if the shape is wrong.
    """
    wanted_by = type(estimator).__name__
    _refuse_text(X, name, wanted_by, "SegmentTokenizer" if segments else "WordTokenizer")
    if _check_shape(X, name, wanted_by, segments) == 3:
        X = check_array(
            X, dtype="numeric", allow_nd=True, input_name=name, estimator=estimator,
            ensure_min_features=0,
        )  # fmt: skip
        if reset:
            estimator.n_features_in_ = X.shape[2]
            vars(estimator).pop("feature_names_in_", None)
        return SegmentArray(_as_ids(X, name))
    if sparse.issparse(X):
        X = check_array(
            X, accept_sparse="csr", ensure_min_features=0, input_name=name, estimator=estimator
        )
        if reset:
            estimator.n_features_in_ = X.shape[1]
            vars(estimator).pop("feature_names_in_", None)
    elif name == "X":
        X = validate_data(estimator, X, dtype="numeric", reset=reset)
    else:
        X = check_array(X, dtype="numeric", input_name=name, estimator=estimator)
        if X.shape[1] != estimator.n_features_in_:
            raise ValueError(
                f"{name} has {X.shape[1]} columns, and X has {estimator.n_features_in_}: dense "
                "arrays must agree, sparse token arrays may have any width."
            )
    return TokenArray.from_matrix(_as_ids(X, name))


def _refuse_text(X, name, wanted_by, tokenizer):
    if sparse.issparse(X) or getattr(getattr(X, "dtype", None), "kind", "O") in "biufc":
        return
    values = np.asarray(X, dtype=None if hasattr(X, "shape") else object)
    if values.dtype.kind in "USTO" and any(map(_holds_text, values.flat)):
        raise TypeError(
            f"{name} holds text, and {wanted_by} takes token ids: put a {tokenizer} before it, "
            f"as make_icd_pipeline does, or pass what its transform returned as {name}. "
            "In a Pipeline, validation notes arrive transformed only with metadata routing: "
            "see 'Validation notes in a Pipeline' in the user guide."
        )


def _holds_text(value):
    if isinstance(value, list | tuple):
        return any(map(_holds_text, value))
    return isinstance(value, str | bytes)


def _check_shape(X, name, wanted_by, segments):
    """Give the number of dimensions, if it is one that the estimator reads."""
    shapes = "(n_notes, longest note)"
    if segments:
        shapes += " or (n_notes, n_segments, segment_length)"
    wanted = f"an array of token ids of shape {shapes} is wanted"
    try:
        shape = X.shape if hasattr(X, "shape") else np.asarray(X).shape
    except ValueError:
        raise ValueError(
            f"{name} holds notes of different lengths: {wanted}. Fill the short ones with zeros, "
            "or pass a scipy.sparse.csr_array, as WordTokenizer makes it."
        ) from None
    if len(shape) == 3 and not segments:
        raise ValueError(
            f"{name} has shape {tuple(shape)}: it holds segments, and {wanted_by} reads whole "
            f"notes; {wanted}. Put a WordTokenizer before it."
        )
    if len(shape) != 2 + (len(shape) == 3):
        raise ValueError(
            f"{name} has shape {tuple(shape)}: {wanted}. Reshape your data: a note is a row."
        )
    return len(shape)


def _as_ids(X, name):
    """Give the array with whole, non-negative numbers, or say where one is not."""
    values = X.data if sparse.issparse(X) else X
    if values.dtype.kind not in "iu":
        _refuse(X, values, values != np.floor(values), name, "Fractional values")
    _refuse(X, values, values < 0, name, "Negative values")
    if values.max(initial=0) > np.iinfo(np.int32).max:
        raise ValueError(f"{name} holds ids beyond the 32-bit integers; renumber the vocabulary.")
    return X if values.dtype.kind in "iu" else X.astype(np.int32)


def _refuse(X, values, wrong, name, what):
    if wrong.any():
        if sparse.issparse(X):
            k = np.flatnonzero(wrong)[0]
            place, value = (np.searchsorted(X.indptr, k, "right") - 1, X.indices[k]), values[k]
        else:
            place = tuple(np.argwhere(wrong)[0].tolist())
            value = X[place]
        names = ("row", "column") if len(place) == 2 else ("row", "segment", "token")
        place = ", ".join(f"{name} {position}" for name, position in zip(names, place, strict=True))
        raise ValueError(
            f"{what} in data passed to {name}: {value} in {place}. "
            "Token ids are whole numbers: 0 is padding, 1 the unknown word, words start at 2."
        )
