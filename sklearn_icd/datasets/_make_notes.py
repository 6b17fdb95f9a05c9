"""Made clinical notes: codes drawn as hospitals see them, written as a clinician would."""

from itertools import accumulate
from numbers import Integral, Real
from random import Random

import numpy as np
from sklearn.utils import Bunch, check_random_state
from sklearn.utils._param_validation import Interval, validate_params

from sklearn_icd.codes import CodeSystem
from sklearn_icd.datasets._choose_codes import choose_codes
from sklearn_icd.datasets._draft import Draft
from sklearn_icd.datasets._phrases import ways_to_write
from sklearn_icd.datasets._spans import span_table
from sklearn_icd.utils._indicator import indicator

_STEEP = 1.5  # how much a code's usual ways to be written prevail over its rarer ones
_OF_ONE_GROUP = 0.6  # the share of a note's draws from the group of codes it is mostly about
DESCR = """\
Made notes
==========

Made by a program, not written by a clinician, about no patient. Sentences of a discharge summary
are joined around the titles of ICD-10-CM codes, which are written out, shortened, put in another
order or replaced by a synonym; other codes are denied, ruled out or a relative's. Good for
examples, tests and measuring speed and memory. A score on these notes says nothing about scores on
real ones.
"""


@validate_params(
    {
        "n_notes": [Interval(Integral, 1, None, closed="left")],
        "n_codes": [Interval(Integral, 1, None, closed="left")],
        "mean_words": [Interval(Real, 1, None, closed="left")],
        "sd_words": [Interval(Real, 0, None, closed="left")],
        "codes_per_note": [Interval(Real, 1, None, closed="left")],
        "zipf_exponent": [Interval(Real, 0, 5, closed="both")],
        "distractors": [Interval(Real, 0, None, closed="left")],
        "label_noise": [Interval(Real, 0, 1, closed="both")],
        "random_state": ["random_state"],
        "return_X_y": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def make_notes(
    n_notes=1000,
    n_codes=50,
    *,
    mean_words=300,
    sd_words=150,
    codes_per_note=5,
    zipf_exponent=0.7,
    distractors=2,
    label_noise=0.0,
    random_state=None,
    return_X_y=False,
):
    """Make discharge summaries in English with their ICD-10-CM codes.

    The notes are made, not real. Codes are drawn with Zipf's frequencies, more often together
    when they are of one group (the letter of the code), and each is mentioned at least once, by
    its title or one of the other ways to write it. Codes that the patient does not have are
    mentioned, too: denied, ruled out, or a relative's.

    Parameters
    ----------
    n_notes : int, default=1000
        How many notes.

    n_codes : int, default=50
        How many codes; the everyday ones first, then ones spread over the chapters. The codes of
        a smaller number are the first of those of a larger one.

    mean_words : float, default=300
        The mean length of a note, in words between blanks. Lengths are lognormal. Discharge
        summaries of MIMIC have about 1,500. A note never has fewer words than its mentions need:
        some 30, and 20 for each code, and 10 for each distractor.

    sd_words : float, default=150
        The standard deviation of the length, in words; about 800 in MIMIC.

    codes_per_note : float, default=5
        The mean number of codes of a note, one more than a Poisson number and at most `n_codes`.
        About 6 in MIMIC-III's 50 codes, about 15 in all of MIMIC.

    zipf_exponent : float, default=0.7
        How steeply frequencies fall: the code of rank r is drawn in proportion to
        ``r ** -zipf_exponent``. At most 5; 0 makes all codes alike.

    distractors : float, default=2
        The mean number of codes (Poisson) that a note mentions though the patient does not have
        them. The more, the harder the notes.

    label_noise : float, default=0.0
        The chance of each label to be wrong: it is replaced by a code that the note does not
        have, or dropped where it has all.

    random_state : int, RandomState instance or None, default=None
        The source of chance. An int gives the same notes each time.

    return_X_y : bool, default=False
        Whether to return `(data, target)` instead of a Bunch.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the following attributes.

        data : list of str
            The notes.
        target : csr_array of shape (n_notes, n_codes), dtype int64
            1 where the note has the code, `label_noise` included.
        target_clean : csr_array of shape (n_notes, n_codes), dtype int64
            The same before `label_noise`. Each note has a code, and each code a note where
            the notes have codes enough.
        target_names : ndarray of shape (n_codes,)
            The codes, the most frequent first.
        titles : dict of str to str
            From each code to its title.
        ids : ndarray of shape (n_notes,)
            "made-0", "made-1", and so on.
        subject_ids : None
            The notes are about no patient.
        splits : :class:`~sklearn.utils.Bunch`
            `train` and `test`, a fifth of the notes: their rows in order, as int64 arrays.
        spans : structured ndarray
            Where the notes say that the patient has a code, one row for each mention in the order
            of the notes: `note`, the row of the note, `mention`, a running number, `code`, and
            `start` and `end`, in characters of the note. Codes are those of `target_clean`.
        DESCR : str
            What these notes are and are not.

    Examples
    --------
    >>> from sklearn_icd.datasets import make_notes
    >>> made = make_notes(n_notes=20, n_codes=10, random_state=0)
    >>> made.target.shape
    (20, 10)
    >>> made.titles[made.target_names[0]]
    'Essential (primary) hypertension'
    >>> note, _, code, start, end = made.spans[0]
    >>> phrase = made.data[note][start:end]
    """
    random = check_random_state(random_state)
    code_system = CodeSystem("icd10cm")
    codes = choose_codes(code_system, n_codes)
    titles = code_system.titles(codes)

    drawn = _draw_codes(codes, n_notes, codes_per_note, distractors, zipf_exponent, random)
    affirmed, denied = zip(*drawn, strict=True)
    clean = [[codes[j] for j in row] for row in affirmed]
    lengths = _lognormal(mean_words, sd_words, n_notes, random)
    scribe = _Scribe(titles, random.randint(2**31))
    notes = [
        scribe.write(has, [codes[j] for j in has_not], length)
        for has, has_not, length in zip(clean, denied, lengths, strict=True)
    ]
    data = [note for note, _ in notes]
    target_clean = indicator(affirmed, range(n_codes))
    target = indicator(_mislabel(affirmed, n_codes, label_noise, random), range(n_codes))
    order = random.permutation(n_notes)
    test, train = np.sort(order[: n_notes // 5]), np.sort(order[n_notes // 5 :])
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        target_clean=target_clean,
        target_names=np.array(codes),
        titles=titles,
        ids=np.array([f"made-{i}" for i in range(n_notes)]),
        subject_ids=None,
        splits=Bunch(train=train, test=test),
        spans=span_table(
            (row, code, pieces)
            for row, (_, mentions) in enumerate(notes)
            for code, pieces in mentions
        ),
        DESCR=DESCR,
    )


class _Scribe:
    """Write notes, one after the other, from a random generator of its own."""

    def __init__(self, titles, seed):
        self._ways = {
            code: (ways, list(accumulate(rank**-_STEEP for rank in range(1, len(ways) + 1))))
            for code, ways in ways_to_write(titles).items()
        }
        self._random = Random(seed)

    def write(self, has, has_not, n_words):
        draft = Draft(self._random, self._phrase, has)
        for code in has_not:
            draft.deny(code)
        draft.pad(n_words)
        return draft.lay_out()

    def _phrase(self, code):
        """Write a code in one of its ways, the usual ones most often."""
        ways, weights = self._ways[code]
        return self._random.choices(ways, cum_weights=weights)[0]


def _lognormal(mean, sd, size, random):
    """Draw from the lognormal distribution of that mean and standard deviation."""
    variance = np.log1p((sd / mean) ** 2)
    return random.lognormal(np.log(mean) - variance / 2, np.sqrt(variance), size)


def _draw_codes(codes, n_notes, codes_per_note, distractors, zipf_exponent, random):
    """Draw for each note the columns of the codes it has, and of those it only speaks of."""
    n_codes = len(codes)
    popularity = np.arange(1, n_codes + 1, dtype=float) ** -zipf_exponent
    popularity /= popularity.sum()
    _, group = np.unique([code[0] for code in codes], return_inverse=True)
    mass = np.bincount(group, weights=popularity)
    within = popularity * (group == np.arange(len(mass))[:, None]) / mass[:, None]
    weights = _OF_ONE_GROUP * within + (1 - _OF_ONE_GROUP) * popularity  # (n_groups, n_codes)

    mostly = random.choice(len(mass), size=n_notes, p=mass)
    n_has = np.minimum(1 + random.poisson(codes_per_note - 1, n_notes), n_codes)
    n_all = np.minimum(n_has + random.poisson(distractors, n_notes), n_codes)
    drawn = []
    for some, most, about in zip(n_has, n_all, mostly, strict=True):
        columns = random.choice(n_codes, size=most, replace=False, p=weights[about]).tolist()
        drawn.append((columns[:some], columns[some:]))
    _give_each_code_a_note(drawn, n_codes, random)
    return drawn


def _give_each_code_a_note(drawn, n_codes, random):
    """Let codes without a note take the places of codes that have several, in random places."""
    counts = np.bincount([j for has, _ in drawn for j in has], minlength=n_codes)
    missing = np.flatnonzero(counts == 0).tolist()
    places = [(i, k) for i, (has, _) in enumerate(drawn) for k in range(len(has))]
    for place in random.permutation(len(places)):
        if not missing:
            return
        i, k = places[place]
        has, has_not = drawn[i]
        if counts[has[k]] > 1:
            new, old = missing.pop(), has[k]
            counts[old] -= 1
            has[k] = new
            has_not[:] = [old if j == new else j for j in has_not]


def _mislabel(rows, n_codes, share, random):
    """Replace each code of each note, with that chance, by one that the note does not have."""
    if not share:
        return rows
    noisy = []
    for row in rows:
        wrong = random.random_sample(len(row)) < share
        others = np.setdiff1d(np.arange(n_codes), row)
        new = random.choice(others, size=min(wrong.sum(), len(others)), replace=False)
        noisy.append(
            [j for j, is_wrong in zip(row, wrong, strict=True) if not is_wrong] + list(new)
        )
    return noisy
