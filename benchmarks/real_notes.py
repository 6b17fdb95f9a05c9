"""LD-PLAM beside a linear model on real notes, from document labels alone.

    python benchmarks/real_notes.py cmc2007     # 5-fold
    python benchmarks/real_notes.py codiesp     # train to dev, learning rates by lengths
    python benchmarks/real_notes.py fit         # can it fit 100 notes?
    python benchmarks/real_notes.py shuffled    # does it fall to chance without true labels?
    python benchmarks/real_notes.py zero-shot   # a tenth of the codes hidden from training

reads the corpora from the data home (SKLEARN_ICD_DATA) and prints one line per figure, as a
row of a table. Both systems read the same words; thresholds are chosen the same way for both.
"""

import argparse
import time

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import KFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC
from skorch.callbacks import Callback

from sklearn_icd.codes import TransformerEncoder, load_catalogue
from sklearn_icd.datasets import load_cmc2007, load_codiesp
from sklearn_icd.metrics import (
    best_f1_threshold,
    f1_macro,
    f1_micro,
    mean_average_precision,
    precision_at_k,
    recall_by_frequency,
)
from sklearn_icd.models import LDPLAMClassifier
from sklearn_icd.text import NoteCleaner, WordTokenizer
from sklearn_icd.utils._token_array import TokenArray

SETTINGS = {
    "n_pseudo_labels": 128,
    "embedding_dim": 64,
    "hidden_size": 64,
    "optimizer": "adam",
    "batch_size": 8,
    "patience": None,
    "validation_fraction": None,
}
# 500 notes and 2,194 codes: without this dropout the dev notes gain nothing from epoch 25 on.
CODIESP = {"dropout": 0.6, "train_label_vectors": True}


class Checkpoints(Callback):
    """Score other notes after some epochs."""

    def __init__(self, epochs, tokens, show):
        self.epochs = epochs
        self.tokens = tokens
        self.show = show

    def __deepcopy__(self, memo):
        return self  # the estimator copies its callbacks, and this one must report back

    def on_epoch_end(self, net, **kwargs):
        epoch = len(net.history)
        if epoch in self.epochs:
            self.show(epoch, net.decision_function(self.tokens), net.history[-1]["train_loss"])


def figures(y, scores, threshold=None):
    """Say micro-F1, MAP and P@5; without a threshold, micro-F1 at the best single cut."""
    cut = best_f1_threshold(y, scores) if threshold is None else threshold
    assigned = (scores >= cut).astype(int)
    return {
        "micro-F1": f1_micro(y, assigned),
        "macro-F1 (present)": f1_macro(y, assigned, average="present"),
        "MAP": mean_average_precision(y, scores),
        "P@5": precision_at_k(y, scores, 5),
    }


def row(name, values):
    cells = " | ".join(f"{key} {value:.4g}" for key, value in values.items())
    print(f"{name:44} | {cells}", flush=True)


def linear_scores(notes, y, other_notes):
    """Score notes with TF-IDF and one linear SVM per code that has a training note."""
    vectorizer = TfidfVectorizer(sublinear_tf=True)
    X = vectorizer.fit_transform(notes)
    seen = np.flatnonzero(y.sum(axis=0))
    model = OneVsRestClassifier(LinearSVC()).fit(X, y[:, seen])
    scores = np.full((len(other_notes), y.shape[1]), -np.inf)
    scores[:, seen] = model.decision_function(vectorizer.transform(other_notes))
    scores[np.isinf(scores)] = scores[:, seen].min() - 1
    return scores


class Codiesp:
    """CodiEsp-D in English: train and dev as words and token arrays."""

    def __init__(self, arguments, n_notes=None):
        train = load_codiesp(subset="train", data_home=arguments.data_home)
        dev = load_codiesp(subset="dev", data_home=arguments.data_home)
        cleaner, tokenizer = NoteCleaner(), WordTokenizer(min_notes=2)
        self.names = train.target_names
        self.notes = cleaner.fit_transform(train.data[:n_notes])
        self.dev_notes = cleaner.transform(dev.data)
        self.X, self.X_dev = (
            tokenizer.fit_transform(self.notes),
            tokenizer.transform(self.dev_notes),
        )
        self.y, self.y_dev = train.target.toarray()[:n_notes], dev.target.toarray()
        self.known = TokenArray.from_matrix(self.X).known_ids()

    def read(self, X):
        return TokenArray.from_matrix(X).read_with(self.known)


def classifier(arguments, **parameters):
    encoder = TransformerEncoder(arguments.encoder) if arguments.encoder else None
    own = {"label_encoder": encoder, "random_state": arguments.seed, **SETTINGS}
    return LDPLAMClassifier(**{**own, **parameters})


def cmc2007(arguments):
    bunch = load_cmc2007(data_home=arguments.data_home)
    notes, y = (
        np.array(NoteCleaner().fit_transform(bunch.data), dtype=object),
        bunch.target.toarray(),
    )
    results = {}
    for train, test in KFold(5, shuffle=True, random_state=arguments.seed).split(notes):
        scores = linear_scores(notes[train], y[train], notes[test])
        results.setdefault("linear SVM, threshold 0", []).append(figures(y[test], scores, 0))
        tokenizer = WordTokenizer(min_notes=2)
        X, X_test = tokenizer.fit_transform(notes[train]), tokenizer.transform(notes[test])
        for lr in arguments.lr:

            def show(epoch, logits, loss, lr=lr, test=test):
                name = f"LD-PLAM, lr {lr:g}, {epoch} epochs, threshold 0.5"
                results.setdefault(name, []).append(figures(y[test], logits, 0))

            known = TokenArray.from_matrix(X).known_ids()
            checkpoints = Checkpoints(
                arguments.epochs, TokenArray.from_matrix(X_test).read_with(known), show
            )
            classifier(
                arguments, classes=bunch.target_names, lr=lr, max_epochs=max(arguments.epochs),
                callbacks=[checkpoints],
            ).fit(X, y[train])  # fmt: skip
    for name, folds in results.items():
        row(name, {key: np.mean([fold[key] for fold in folds]) for key in folds[0]})


def codiesp(arguments):
    data = Codiesp(arguments)
    if not arguments.skip_linear:
        scores = linear_scores(data.notes, data.y, data.dev_notes)
        row("linear SVM, best cut", figures(data.y_dev, scores))
    for lr in arguments.lr:
        start = time.perf_counter()

        def show(epoch, logits, loss, lr=lr, start=start):
            seconds = {"train loss": loss, "seconds": time.perf_counter() - start}
            values = {**figures(data.y_dev, logits), **seconds}
            row(f"LD-PLAM, lr {lr:g}, {epoch} epochs, best cut", values)

        checkpoints = Checkpoints(arguments.epochs, data.read(data.X_dev), show)
        classifier(
            arguments, classes=data.names, lr=lr, max_epochs=max(arguments.epochs),
            callbacks=[checkpoints], **CODIESP,
        ).fit(data.X, data.y)  # fmt: skip


def fit(arguments):
    data = Codiesp(arguments, n_notes=100)

    def show(epoch, logits, loss):
        values = {"train loss": loss, **figures(data.y, logits, 0)}
        row(f"LD-PLAM on its 100 notes, {epoch} epochs, threshold 0.5", values)

    checkpoints = Checkpoints(arguments.epochs, data.read(data.X), show)
    classifier(
        arguments, classes=data.names, lr=arguments.lr[0], max_epochs=max(arguments.epochs),
        dropout=0.0, train_label_vectors=True, callbacks=[checkpoints],
    ).fit(data.X, data.y)  # fmt: skip


def shuffled(arguments):
    data = Codiesp(arguments)
    by_frequency = np.tile(data.y.sum(axis=0) / len(data.y), (len(data.y_dev), 1))
    row("codes by their frequency, the same for all", figures(data.y_dev, by_frequency))
    y = np.random.default_rng(arguments.seed).permutation(data.y)

    def show(epoch, logits, loss):
        values = {"train loss": loss, **figures(data.y_dev, logits)}
        row(f"LD-PLAM, labels shuffled, {epoch} epochs, best cut", values)

    checkpoints = Checkpoints(arguments.epochs, data.read(data.X_dev), show)
    classifier(
        arguments, classes=data.names, lr=arguments.lr[0], max_epochs=max(arguments.epochs),
        callbacks=[checkpoints], **CODIESP,
    ).fit(data.X, y)  # fmt: skip


def zero_shot(arguments):
    data = Codiesp(arguments)
    rng = np.random.default_rng(arguments.seed)
    hidden = np.sort(rng.choice(len(data.names), len(data.names) // 10, replace=False))
    shown = np.setdiff1d(np.arange(len(data.names)), hidden)
    titles = load_catalogue("icd10cm").titles(data.names)
    trained = classifier(
        arguments, classes=data.names[shown], lr=arguments.lr[0], max_epochs=max(arguments.epochs),
        label_titles={code: titles[code] for code in data.names[shown]}, dropout=0.6,
    ).fit(data.X, data.y[:, shown])  # fmt: skip
    extended = trained.with_codes({code: titles[code] for code in data.names[hidden]})
    columns = np.concatenate([shown, hidden])
    scores = extended.decision_function(data.X_dev)
    counts = np.concatenate([data.y[:, shown].sum(axis=0), np.zeros(len(hidden), dtype=int)])
    report = recall_by_frequency(data.y_dev[:, columns], scores, counts)
    for group, values in report.items():
        row(f"LD-PLAM, {max(arguments.epochs)} epochs, group {group}", values)
    only = recall_by_frequency(
        data.y_dev[:, hidden], scores[:, len(shown) :], np.zeros(len(hidden))
    )
    row("of Z, the hidden codes alone", only["Z"])


def main():
    commands = {
        "cmc2007": cmc2007, "codiesp": codiesp, "fit": fit, "shuffled": shuffled,
        "zero-shot": zero_shot,
    }  # fmt: skip
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=commands)
    parser.add_argument("--lr", type=float, nargs="+", default=[0.001, 0.003, 0.01])
    parser.add_argument("--epochs", type=int, nargs="+", default=[30, 60, 120])
    parser.add_argument("--encoder", help="folder of a transformer to make the label vectors with")
    parser.add_argument("--skip-linear", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data-home")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    commands[arguments.command](arguments)


if __name__ == "__main__":
    main()
