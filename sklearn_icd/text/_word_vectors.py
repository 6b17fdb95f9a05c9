"""Skip-gram word vectors from token arrays."""

from numbers import Integral, Real

import numpy as np
from joblib import cpu_count
from scipy.sparse import csr_array, issparse
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options, validate_params

_LONGEST_DOCUMENT = 10_000  # gensim drops what comes after it
_COUNTED_AT_ONCE = 2**16  # bincount makes 64-bit copies


@validate_params(
    {
        "X": ["array-like", "sparse matrix"],
        "dim": [Interval(Integral, 1, None, closed="left")],
        "n_tokens": [Interval(Integral, 2, None, closed="left"), None],
        "window": [Interval(Integral, 1, None, closed="left")],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "negative": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "sample": [Interval(Real, 0, 1, closed="left")],
        "random_state": ["random_state"],
        "n_jobs": [Interval(Integral, 1, None, closed="left"), Options(Integral, {-1}), None],
    },
    prefer_skip_nested_validation=True,
)
def train_skip_gram(
    X,
    dim,
    *,
    n_tokens=None,
    window=5,
    epochs=5,
    negative=5,
    learning_rate=0.025,
    sample=1e-3,
    random_state=None,
    n_jobs=None,
):
    """Train skip-gram word vectors on a token array.

    The unknown word (id 1) is trained like any other. Padding is a row of zeros, and ids that
    never occur are the mean of those that do. The work is done by gensim: about 300,000 words a
    second in each thread.

    Parameters
    ----------
    X : csr_array or ndarray of int of shape (n_notes, n_positions)
        Token ids, 0 where there is none.
    dim : int
        Length of a vector.
    n_tokens : int, default=None
        Number of ids, ``WordTokenizer.n_tokens_``. By default the largest id decides.
    window : int, default=5
        How far, in words, the context of a word reaches to either side at most.
    epochs : int, default=5
        Passes over the notes. Few notes want more: of 150,000 words of case reports, 25 passes
        gave visibly better neighbours than 5.
    negative : int, default=5
        Words drawn at random against each word of the context.
    learning_rate : float, default=0.025
        Step size at the start; it falls linearly to nearly 0.
    sample : float, default=1e-3
        Share of all words above which a word is skipped now and then, the more often the more
        frequent it is; 0 skips none. In a vocabulary of some hundred words most are above it, so
        that little is left to learn from: 0 or 1e-2 skips less.
    random_state : int, RandomState instance or None, default=None
        Decides the start, the skipped words and the words drawn. An int gives the same vectors
        each time, in one thread. NumPy's global generator is not used, also where it is None.
    n_jobs : int, default=None
        Threads. They write to the vectors without waiting for each other, so that with more than
        one the vectors differ from time to time, whatever `random_state` is. -1: one per core.
        None: one where `random_state` is given, else one per core.

    Returns
    -------
    vectors : float32 ndarray of shape (n_tokens, dim)
        The vector of each id.

    Raises
    ------
    ValueError
        If X holds other things than token ids, or none.

    See Also
    --------
    WordTokenizer : Makes token arrays; its ``vectors`` takes vectors trained elsewhere.

    References
    ----------
    Mikolov et al. (2013), "Distributed Representations of Words and Phrases and their
    Compositionality", equation 4.

    Examples
    --------
    >>> from sklearn_icd.text import WordTokenizer, train_skip_gram
    >>> X = WordTokenizer(min_notes=1).fit_transform(["cough and fever", "fever and chills"])
    >>> train_skip_gram(X, dim=8, random_state=0).shape
    (6, 8)
    """
    from gensim.models import Word2Vec

    X = _check_token_array(X)
    largest = int(X.data.max())
    if n_tokens is None:
        n_tokens = largest + 1
    elif largest >= n_tokens:
        raise ValueError(f"X holds the id {largest}, but n_tokens={n_tokens} allows less only.")

    notes = _Notes(X)
    counts = np.zeros(n_tokens, np.int64)
    for start in range(0, X.nnz, _COUNTED_AT_ONCE):
        some = X.data[start : start + _COUNTED_AT_ONCE]
        counts += np.bincount(some, minlength=n_tokens)
    seen = np.flatnonzero(counts)
    model = Word2Vec(
        vector_size=dim,
        sg=1,
        window=window,
        epochs=epochs,
        negative=negative,
        alpha=learning_rate,
        min_alpha=min(1e-4, learning_rate),
        sample=sample,
        min_count=1,
        workers=_threads(n_jobs, random_state),
        seed=_seed(random_state),
    )
    model.build_vocab_from_freq(dict(zip(seen.tolist(), counts[seen].tolist(), strict=True)))
    model.train(notes, total_examples=len(notes), total_words=X.nnz, epochs=epochs)

    vectors = np.empty((n_tokens, dim), np.float32)
    vectors[:] = model.wv.vectors.mean(axis=0)
    vectors[model.wv.index_to_key] = model.wv.vectors
    vectors[0] = 0
    return vectors


class _Notes:
    """Notes as gensim reads them, lists of ids, once per epoch."""

    def __init__(self, X):
        self._data = X.data
        ends = X.indptr[1:].tolist()
        self._pieces = [
            (piece, min(piece + _LONGEST_DOCUMENT, end))
            for start, end in zip([0, *ends], ends, strict=False)
            for piece in range(start, end, _LONGEST_DOCUMENT)
        ]

    def __len__(self):
        return len(self._pieces)

    def __iter__(self):
        return (self._data[start:end].tolist() for start, end in self._pieces)


def _check_token_array(X):
    X = X if issparse(X) else np.asarray(X)
    if X.ndim != 2 or X.dtype.kind not in "iu":
        raise ValueError(
            "X must be a 2-D array of integer token ids, as WordTokenizer gives it, got "
            f"{X.ndim} dimension(s) of {X.dtype.name}."
        )
    X = csr_array(X)
    if X.nnz and X.data.min() <= 0:
        X = X.copy()
        X.eliminate_zeros()
    if X.nnz == 0:
        raise ValueError("X holds no token.")
    if X.data.min() < 0:
        raise ValueError(f"X must hold token ids from 0, got {X.data.min()}.")
    return X if X.has_sorted_indices else X.sorted_indices()


def _threads(n_jobs, random_state):
    if n_jobs is None:
        n_jobs = -1 if random_state is None else 1
    return cpu_count() if n_jobs == -1 else n_jobs


def _seed(random_state):
    # check_random_state(None) would advance NumPy's global generator.
    if random_state is None:
        return int(np.random.default_rng().integers(2**31))
    return int(check_random_state(random_state).randint(2**31 - 1))
