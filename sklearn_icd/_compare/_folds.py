"""Notes to train on, to choose epoch and threshold on, and to score, the same for all systems."""

import hashlib
from dataclasses import dataclass

import numpy as np

from sklearn_icd.model_selection import MultilabelStratifiedGroupKFold, multilabel_train_test_split

_VALIDATION_SHARE = 0.1


@dataclass(frozen=True)
class Fold:
    """Hold the rows of three shares of a corpus.

    Parameters
    ----------
    name : str
        Its number, or the split that it scores.

    train, valid, scored : ndarray of int
        Rows to train on, to choose the epoch and the threshold on, and to score.
    """

    name: str
    train: np.ndarray
    valid: np.ndarray
    scored: np.ndarray

    def digest(self, corpus):
        """Give a number that other notes or another share would change."""
        found = hashlib.sha256(corpus.digest.encode())
        for rows in (self.train, self.valid, self.scored):
            found.update(rows.astype(np.int64).tobytes() + b"|")
        return found.hexdigest()[:16]


def make_folds(corpus, cv, score_on):
    """Cut a corpus.

    Parameters
    ----------
    corpus : Corpus
        The notes.

    cv : int or "split"
        Number of folds, of all notes but those of a test split; or the corpus' own splits.

    score_on : {"dev", "test"}
        Which of its splits to score.

    Returns
    -------
    folds : list of Fold
        Patients are whole in each share.
    """
    if cv == "split":
        return [_own_split(corpus, score_on)]
    rows = np.setdiff1d(np.arange(len(corpus.notes)), corpus.splits.get("test", []))
    splitter = MultilabelStratifiedGroupKFold(cv, shuffle=True, random_state=0)
    parts = splitter.split(rows, corpus.target[rows], groups=corpus.patients_of(rows))
    return [
        Fold(str(number), *_hold_out(corpus, rows[train]), rows[scored])
        for number, (train, scored) in enumerate(parts, start=1)
    ]


def say_folds(corpus, folds, cv):
    """Say in sentences which notes have which part, and what that leaves open."""
    whole = "" if corpus.patients is None else ", patients whole"
    tenth = f"a tenth of the training notes, stratified by code{whole}"
    if cv == "split":
        of_dev = folds[0].name == "test" and "dev" in corpus.splits
        how = f"the corpus' own; the {folds[0].name} notes are scored"
        tenth = "the dev notes" if of_dev else tenth
    else:
        how = f"{cv} folds, stratified by code{whole}"
    n_train, n_valid, n_scored = (
        _range(len(getattr(fold, share)) for fold in folds)
        for share in ("train", "valid", "scored")
    )
    said = [
        f"Splits: {how}. {n_train} notes to train, {n_valid} to choose epoch and threshold on "
        f"({tenth}), {n_scored} to score."
    ]
    used = np.unique(np.concatenate([[*fold.train, *fold.valid, *fold.scored] for fold in folds]))
    if n_left := len(corpus.notes) - len(used):
        said.append(f"{n_left:,} notes of other splits are not used.")
    for share, what in (("train", "training"), ("scored", "scored")):
        counts = [corpus.target[getattr(fold, share)].sum(axis=0) for fold in folds]
        without = [int((count == 0).sum()) for count in counts]
        if any(without):
            said.append(f"{_range(without)} of {len(corpus.codes):,} codes have no {what} note.")
    n_twice = [_n_shared_patients(corpus, fold) for fold in folds]
    if any(n_twice):
        said.append(f"{_range(n_twice)} patients have notes both in training and among the scored.")
    return said


def _own_split(corpus, score_on):
    needed = ["train", score_on]
    if missing := [name for name in needed if not len(corpus.splits.get(name, []))]:
        there = [name for name, rows in corpus.splits.items() if len(rows)]
        raise ValueError(
            f"{corpus.name} has no notes of the split {missing[0]} (it has: "
            f"{', '.join(there) or 'none'}): use --score-on, or folds, such as --cv 5."
        )
    train, scored = corpus.splits["train"], corpus.splits[score_on]
    if corpus.patients is not None and len(set(corpus.patients[scored])) < 2:
        raise ValueError(f"the {score_on} notes are of one patient, which allows no interval.")
    if score_on == "test" and len(corpus.splits.get("dev", [])):
        return Fold(score_on, train, corpus.splits["dev"], scored)
    return Fold(score_on, *_hold_out(corpus, train), scored)


def _hold_out(corpus, rows):
    """Hold out the same tenth for every system and every seed."""
    return multilabel_train_test_split(
        rows,
        stratify=corpus.target[rows],
        groups=corpus.patients_of(rows),
        test_size=_VALIDATION_SHARE,
        random_state=0,
    )


def _n_shared_patients(corpus, fold):
    if corpus.patients is None:
        return 0
    learned_from = corpus.patients[np.append(fold.train, fold.valid)]
    return len(np.intersect1d(learned_from, corpus.patients[fold.scored]))


def _range(numbers):
    numbers = sorted(numbers)
    ends = dict.fromkeys(f"{number:,}" for number in (numbers[0], numbers[-1]))
    return " to ".join(ends)
