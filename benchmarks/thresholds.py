"""What thresholds, calibration and abstention gain on real notes.

    python benchmarks/thresholds.py --out docs/_static

The model is ridge regression of the 0/1 codes on TF-IDF, which finds the scores of thousands of
codes in one system of equations. Everything is chosen on the scores that five folds of the train
notes give each other, and judged on the dev notes of CodiEsp-D (English) and PubMed-MeSH, from the
data home. Writes thresholds.csv, calibration.csv and abstention.csv. Macro-F1 is over the codes
that the dev notes have.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

from sklearn_icd.datasets import load_codiesp, load_pubmed_mesh
from sklearn_icd.metrics import (
    binary_cross_entropy,
    brier_score,
    expected_calibration_error,
    f1_report,
    mean_average_precision,
)
from sklearn_icd.model_selection import (
    MultilabelCalibrator,
    MultilabelStratifiedGroupKFold,
    ThresholdTuner,
    coverage_error_curve,
)

STRATEGIES = [
    ("f1_micro", "global", {}),
    ("f1_micro", "top_k", {}),
    *(("f1_micro", "per_code", {"shrinkage": m}) for m in (0, 5, 10, 20, 50, 100)),
    ("f1_macro", "global", {}),
    *(("f1_macro", "per_code", {"shrinkage": m}) for m in (0, 20)),
]


class Known(ClassifierMixin, BaseEstimator):
    """Take scores for notes, and give them back."""

    def __init__(self, method="decision_function"):
        self.method = method

    def fit(self, X, y):
        self.classes_ = np.arange(y.shape[1])
        return self

    def __getattr__(self, name):
        if name == self.__dict__.get("method"):
            return lambda X: X
        raise AttributeError(name)


def load(corpus):
    """Give train and dev notes with their codes."""
    if corpus == "CodiEsp-D":
        return (load_codiesp(subset=part, return_X_y=True) for part in ("train", "dev"))
    return (load_pubmed_mesh(subset=part, return_X_y=True) for part in ("train", "dev"))


def score(corpus):
    """Give codes and scores of the train notes, by other notes, and of the dev notes."""
    (notes, y), (dev_notes, dev_y) = load(corpus)
    model = make_pipeline(
        TfidfVectorizer(sublinear_tf=True, min_df=2, stop_words="english", dtype=np.float32),
        Ridge(alpha=0.3, solver="cholesky", fit_intercept=False),
    )
    folds = MultilabelStratifiedGroupKFold(5, shuffle=True, random_state=0)
    targets = y.toarray().astype(np.float32)
    scores = cross_val_predict(model, notes, targets, cv=folds)
    return (y, scores), (dev_y, model.fit(notes, targets).predict(dev_notes))


def compare_thresholds(corpus, train, dev):
    """Give a row for each strategy."""
    for metric, strategy, more in STRATEGIES:
        tuner = ThresholdTuner(
            Known().fit(*train[::-1]), metric=metric, strategy=strategy, cv="prefit", **more
        )
        report = f1_report(dev[0], tuner.fit(*train[::-1]).predict(dev[1]))
        yield {
            "corpus": corpus,
            "metric": metric,
            "strategy": strategy,
            "shrinkage": more.get("shrinkage", ""),
            "micro-F1": f"{report['micro']:.4f}",
            "macro-F1": f"{report['macro_present']:.4f}",
        }


def calibrate(method, train):
    """Learn a map from the scores of the train notes."""
    clf = Known().fit(*train[::-1])
    return MultilabelCalibrator(clf, method=method, cv="prefit").fit(*train[::-1])


def compare_calibration(corpus, train, dev):
    """Give a row for each method."""
    base_rates = (train[0].sum(axis=0) + 0.5) / (train[0].shape[0] + 1)
    probabilities = {
        "base rates": np.broadcast_to(base_rates, dev[1].shape),
        "platt": calibrate("platt", train).predict_proba(dev[1]),
        "isotonic": calibrate("isotonic", train).predict_proba(dev[1]),
    }
    for method, p in probabilities.items():
        yield {
            "corpus": corpus,
            "method": method,
            "cross-entropy": f"{1e3 * binary_cross_entropy(dev[0], p):.2f}",
            "Brier": f"{1e3 * brier_score(dev[0], p):.3f}",
            "calibration error": f"{1e3 * expected_calibration_error(dev[0], p):.3f}",
            "MAP": f"{mean_average_precision(dev[0], p):.3f}",
        }


def compare_abstention(corpus, train, dev):
    """Give a row for each share of notes that are kept, the surest ones."""
    calibrated = calibrate("platt", train)
    p = calibrated.predict_proba(train[1])
    tuner = ThresholdTuner(Known("predict_proba").fit(p, train[0]), cv="prefit").fit(p, train[0])
    p = calibrated.predict_proba(dev[1])
    expected = tuner.expected_f1(p)
    coverage, error, least = coverage_error_curve(dev[0], tuner.predict(p), expected)
    for share in (0.1, 0.25, 0.5, 0.75, 1):
        at = np.searchsorted(coverage, share)
        yield {
            "corpus": corpus,
            "coverage": f"{coverage[at]:.2f}",
            "min_expected_f1": f"{least[at]:.3f}",
            "mean expected F1": f"{expected[expected >= least[at]].mean():.3f}",
            "micro-F1": f"{1 - error[at]:.3f}",
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the tables")
    parser.add_argument("--corpora", nargs="+", default=["CodiEsp-D", "PubMed-MeSH"])
    arguments = parser.parse_args()
    tables = {
        "thresholds": compare_thresholds,
        "calibration": compare_calibration,
        "abstention": compare_abstention,
    }
    scored = {corpus: score(corpus) for corpus in arguments.corpora}
    for name, compare in tables.items():
        rows = [row for corpus, notes in scored.items() for row in compare(corpus, *notes)]
        with (arguments.out / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        for row in rows:
            print(*row.values(), sep="  ", flush=True)


if __name__ == "__main__":
    main()
