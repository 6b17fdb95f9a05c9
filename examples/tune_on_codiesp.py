"""
Tune, compare and judge on real notes
=====================================

Real notes from end to end: the number of LD-PLAM's pseudo labels is searched on a small Dask
cluster, thresholds are tuned on held-out notes, and the result is tested against a linear model,
with intervals. The notes are those of CodiEsp-D in English, and the codes those with at least five
training notes. The notes are not part of the package, so that the gallery shows this example
without running it; what it printed and drew is under :ref:`tune-on-codiesp`.
"""

# %%
# Notes and codes
# ---------------

from sklearn_icd.datasets import fetch_codiesp
from sklearn_icd.text import NoteCleaner

train, dev = fetch_codiesp(subset="train"), fetch_codiesp(subset="dev")
notes, dev_notes = NoteCleaner().fit_transform(train.data), NoteCleaner().fit_transform(dev.data)
frequent = train.target.sum(axis=0) >= 5
Y, Y_dev, codes = train.target[:, frequent], dev.target[:, frequent], train.target_names[frequent]
# %%
# Search the number of pseudo labels
# ----------------------------------
#
# Each candidate chooses its threshold on a fifth of its training notes: `ThresholdTuner` stands
# around the pipeline, and the search around the tuner. With Dask as joblib's backend the fits go
# to the workers of a cluster, here two processes on this machine, one torch thread each.

from dask.distributed import Client, LocalCluster
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV

from sklearn_icd import make_icd_pipeline
from sklearn_icd.metrics import get_scorer
from sklearn_icd.model_selection import MultilabelStratifiedGroupKFold, ThresholdTuner


def main():
    print(f"{len(notes)} notes to train, {len(dev_notes)} to judge, {len(codes)} codes")
    pipeline = make_icd_pipeline(
        "ld-plam",
        size="small",
        classes=codes,
        dropout=0.6,
        train_label_vectors=True,
        max_epochs=30,
        validation_fraction=None,
        threshold=0.5,
        random_state=0,
    )
    search = GridSearchCV(
        ThresholdTuner(pipeline, cv=0.2, refit=False, random_state=0),
        {"estimator__clf__n_pseudo_labels": [32, 64, 128]},
        scoring=get_scorer("f1_micro"),
        cv=MultilabelStratifiedGroupKFold(2, shuffle=True, random_state=0),
    )
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster),
        parallel_config(backend="dask"),
    ):
        search.fit(notes, Y)
    for number, f1 in zip(
        search.cv_results_["param_estimator__clf__n_pseudo_labels"],
        search.cv_results_["mean_test_score"],
        strict=True,
    ):
        print(f"{number:4} pseudo labels: micro-F1 {f1:.3f}")
    judge(search.best_estimator_)


# %%
# Test it against a linear model
# ------------------------------
#
# The linear model gets its threshold the same way, from five folds. The intervals are those of
# the bootstrap over notes, the test is the approximate randomization test.

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from sklearn_icd.metrics import (
    approximate_randomization_test,
    bootstrap_interval,
    f1_micro,
    f1_report,
)


def judge(ld_plam):
    linear = make_pipeline(TfidfVectorizer(sublinear_tf=True), OneVsRestClassifier(LinearSVC()))
    tuned = ThresholdTuner(linear, random_state=0).fit(notes, Y)
    predictions = {"LD-PLAM": ld_plam.predict(dev_notes), "linear": tuned.predict(dev_notes)}
    for name, predicted in predictions.items():
        interval = bootstrap_interval(f1_micro, Y_dev, predicted, random_state=0)
        print(f"{name}: micro-F1 {interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})")
    test = approximate_randomization_test(f1_micro, Y_dev, *predictions.values(), random_state=0)
    print(f"difference {test.difference:.3f}, p = {test.p_value:.4f}")
    compare_strategies(linear)
    draw(ld_plam, tuned)


# %%
# One threshold, or one for each code
# -----------------------------------


def compare_strategies(linear):
    for strategy, shrinkage in [("global", 0), ("per_code", 0), ("per_code", 20)]:
        tuner = ThresholdTuner(linear, strategy=strategy, shrinkage=shrinkage, random_state=0)
        report = f1_report(Y_dev, tuner.fit(notes, Y).predict(dev_notes))
        print(
            f"{strategy}, shrinkage {shrinkage}: micro-F1 {report['micro']:.3f}, "
            f"macro-F1 {report['macro_mean']:.3f}"
        )


# %%
# Look at thresholds and calibration
# ----------------------------------

import matplotlib.pyplot as plt

from sklearn_icd.inspection import (
    PrecisionRecallByFrequencyDisplay,
    ReliabilityDisplay,
    ThresholdCurveDisplay,
)
from sklearn_icd.model_selection import MultilabelCalibrator


def draw(ld_plam, linear):
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 4), layout="constrained")
    ThresholdCurveDisplay.from_predictions(
        Y_dev, ld_plam.predict_proba(dev_notes), name="LD-PLAM", ax=left
    )
    calibrated = MultilabelCalibrator(linear.estimator, method="platt", random_state=0)
    calibrated.fit(notes, Y)
    for name, estimator in {"LD-PLAM": ld_plam, "linear, Platt": calibrated}.items():
        ReliabilityDisplay.from_estimator(estimator, dev_notes, Y_dev, name=name, ax=middle)
    middle.set(xscale="log", yscale="log", xlim=(1e-3, 1), ylim=(1e-3, 1))
    PrecisionRecallByFrequencyDisplay.from_estimator(
        linear,
        dev_notes,
        Y_dev,
        Y.sum(axis=0),
        bands={"50 and more": (50, None), "10-49": (10, 49), "5-9": (5, 9)},
        ax=right,
    )
    figure.savefig("tune_on_codiesp.png", dpi=120)


if __name__ == "__main__":  # the workers of the cluster import this file
    main()
