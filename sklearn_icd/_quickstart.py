"""The quickstart: LD-PLAM beside a linear baseline on the same notes, and one note explained."""

import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from sklearn import config_context
from sklearn.callback import ProgressBar
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

from sklearn_icd.datasets import load_cmc2007, load_codiesp, make_notes
from sklearn_icd.inspection import explain, highlight_html
from sklearn_icd.metrics import (
    best_f1_threshold,
    f1_macro,
    f1_micro,
    mean_average_precision,
    precision_at_k,
)
from sklearn_icd.pipelines import make_icd_pipeline

_READERS = {"codiesp": load_codiesp, "cmc2007": load_cmc2007}
_C_CHOICES = (1, 10, 100, 1000)  # of the baseline: 1, the default, is far from its best


@dataclass(frozen=True)
class Share:
    """Hold some of the notes."""

    notes: np.ndarray
    y: np.ndarray
    ids: np.ndarray


def quickstart(*, data, data_home, notes, codes, seed, out):
    """Train, score, explain.

    Parameters
    ----------
    data : {"made", "codiesp", "cmc2007"}
        Which notes.

    data_home : str or None
        The folder of the corpora.

    notes, codes : int or None
        How many to make, or to take of a corpus.

    seed : int
        Where all chance comes from.

    out : pathlib.Path
        Where to write the page.

    Raises
    ------
    SystemExit
        If the notes cannot be had; the message says why.
    """
    # Notes are full of brackets and colons, which rich would take for markup and emoji.
    console = Console(markup=False, highlight=False, emoji=False)
    bunch = _make(notes or 1000, codes or 50, seed) if data == "made" else _read(data, data_home)
    names, train, valid, test = _shares(bunch, notes, codes, np.random.RandomState(seed))
    console.print(
        f"{'Made notes' if data == 'made' else f'Notes of {data}'}: {len(train.notes)} to train, "
        f"{len(valid.notes)} to validate, {len(test.notes)} to test; {len(names)} codes."
    )

    console.print("\nTraining LD-PLAM (settings of size='small') ...")
    (pipeline, threshold), seconds = _timed(_fit_ld_plam, train, valid, names, seed)
    results = [("LD-PLAM", pipeline.predict_proba(test.notes), threshold, seconds)]
    console.print("Training TF-IDF + logistic regression ...")
    (linear, threshold), seconds = _timed(_fit_linear, train, valid)
    results.append(
        ("TF-IDF + logistic regression", linear.predict_proba(test.notes), threshold, seconds)
    )
    console.print(
        "\nOn the test notes (macro-F1 is the mean F1 of the codes; seconds of training):"
    )
    console.print(_score_table(test.y, results))

    chosen = int(pipeline.predict(test.notes).any(axis=1).argmax())
    note, has, name = test.notes[chosen], set(names[test.y[chosen] == 1].tolist()), test.ids[chosen]
    explanations = explain(pipeline, note)
    page = highlight_html(note, explanations, title=f"Note {name}: its codes by LD-PLAM")
    out.write_text(page, encoding="utf-8")
    console.print(f"The first test note that LD-PLAM gave a code, {name}:")
    console.print(_explanation_table(note, explanations, has))
    missed = sorted(has - {explanation.code for explanation in explanations})
    console.print(f"Codes of the note that it did not find: {', '.join(missed) or 'none'}.")
    console.print(f"The note with these words highlighted: {out.absolute()}", soft_wrap=True)


def _make(n_notes, n_codes, seed):
    try:
        return make_notes(n_notes, n_codes, random_state=seed)
    except ValueError as error:
        raise SystemExit(f"sklearn-icd quickstart: {error}") from error


def _read(data, data_home):
    try:
        return _READERS[data](data_home=data_home)
    except (OSError, ValueError) as error:
        raise SystemExit(
            f"sklearn-icd quickstart: the notes of {data} could not be read. {error}\n"
            "Name the data home with --data-home FOLDER."
        ) from error


def _shares(bunch, n_notes, n_codes, random):
    """Cut the notes in three: a corpus' own test notes or a fifth, a tenth of the rest to validate.

    The codes are those of the corpus, or its most frequent ones in training.
    """
    order = random.permutation(len(bunch.data))[:n_notes]
    is_test = ~np.isin(order, bunch.splits.train)
    if not is_test.any():
        is_test = np.arange(len(order)) < len(order) // 5
    test, rest = np.sort(order[is_test]), order[~is_test]
    n_valid = len(rest) // 10
    valid, train = np.sort(rest[:n_valid]), np.sort(rest[n_valid:])
    # scikit-learn 1.9 numbers the columns in the type of y, so that int8 mixes up all beyond 127.
    y = bunch.target.toarray().astype(np.int64)
    notes = np.array(bunch.data, dtype=object)
    frequent = np.argsort(-y[train].sum(axis=0), kind="stable")[:n_codes]
    columns = np.sort(frequent)
    return bunch.target_names[columns], *(
        Share(notes[rows], y[rows][:, columns], bunch.ids[rows]) for rows in (train, valid, test)
    )


def _timed(fit, *arguments):
    start = perf_counter()
    return fit(*arguments), perf_counter() - start


@contextmanager
def _quiet():
    """Keep back a warning about what is as it should be."""
    with warnings.catch_warnings():
        # A code that no training note has gets probability 0, one that all have 1.
        warnings.filterwarnings("ignore", "Label .* is present in all training examples")
        yield


def _fit_ld_plam(train, valid, names, seed):
    """Train with the epoch and the threshold that are best on the validation notes."""
    # With routing, X_val goes through the text steps, too.
    with config_context(enable_metadata_routing=True), _quiet():
        pipeline = make_icd_pipeline("ld-plam", size="small", classes=names, random_state=seed)
        pipeline.set_callbacks(ProgressBar())
        pipeline.fit(train.notes, train.y, X_val=valid.notes, y_val=valid.y)
    return pipeline, pipeline[-1].threshold_


def _fit_linear(train, valid):
    """Train with the C and the threshold that are best on the validation notes."""
    vectorizer = TfidfVectorizer(sublinear_tf=True)
    X, X_val = vectorizer.fit_transform(train.notes), vectorizer.transform(valid.notes)
    candidates = []
    for C in _C_CHOICES:
        each = LogisticRegression(C=C, solver="liblinear", max_iter=1000)
        with _quiet():
            classifier = OneVsRestClassifier(each).fit(X, train.y)
        scores = classifier.predict_proba(X_val)
        threshold = best_f1_threshold(valid.y, scores)
        candidates.append((f1_micro(valid.y, scores >= threshold), classifier, threshold))
    _, classifier, threshold = max(candidates, key=lambda candidate: candidate[0])
    return make_pipeline(vectorizer, classifier), threshold


def _score_table(y, results):
    table = Table("", box=box.SIMPLE)
    for heading in ("micro-F1", "macro-F1", "P@5", "MAP", "seconds"):
        table.add_column(heading, justify="right")
    for name, scores, threshold, seconds in results:
        assigned = scores >= threshold
        figures = (
            f1_micro(y, assigned),
            f1_macro(y, assigned, average="mean"),
            precision_at_k(y, scores, 5),
            mean_average_precision(y, scores),
        )
        table.add_row(name, *(f"{figure:.3f}" for figure in figures), f"{seconds:.0f}")
    return table


def _explanation_table(note, explanations, has):
    table = Table("code", "title", box=box.SIMPLE)
    table.add_column("probability", justify="right")
    table.add_column("correct")
    table.add_column("words it looked at")
    for explanation in explanations:
        words = explanation.words(note)
        words = [(word, weight) for word, weight in words if weight >= 0.01] or words[:1]
        table.add_row(
            str(explanation.code),
            explanation.title or "",
            f"{explanation.probability:.2f}",
            "yes" if explanation.code in has else "no",
            ", ".join(f"{word} {weight:.0%}" for word, weight in words),
        )
    return table
