"""Time the metrics beside scikit-learn's at the size of MIMIC-III's test notes and codes.

    python benchmarks/metrics.py --rounds 3

Scores and truth are made: codes as frequent as Zipf's law has it, each true for some note (or
scikit-learn's macro-AUC would be nan), 16 a note on average, scores in float32. Both sides take
turns in each round, so that a busy machine slows them alike; medians of the processor time over the
rounds are printed, that of all threads together, and how far the values are apart. Then come the
metrics that scikit-learn has not, with dense and with sparse truth, and the resampling methods.
"""

import argparse
import statistics
import time
from functools import partial

import numpy as np
from scipy import sparse
from sklearn import metrics as theirs

from sklearn_icd import metrics as ours


def make_truth_and_scores(n_notes, n_codes, seed=0):
    """Make an indicator of int8 and scores between 0 and 1 of float32, both (n_notes, n_codes)."""
    rng = np.random.default_rng(seed)
    frequency = 1 / np.arange(1, n_codes + 1)
    frequency = np.minimum(0.5, frequency * 16 / frequency.sum())
    scores = rng.standard_normal((n_notes, n_codes), dtype=np.float32)
    y_true = np.zeros((n_notes, n_codes), dtype=np.int8)
    for code, share in enumerate(frequency):
        chosen = rng.choice(n_notes, max(1, round(share * n_notes)), replace=False)
        y_true[chosen, code] = 1
    scores += 3 * y_true + np.log(frequency / (1 - frequency)).astype(np.float32)
    return y_true, 1 / (1 + np.exp(-scores))


def pairs(y_true, scores):
    """Give what both have: a name, our function and theirs."""
    y_pred = scores >= 0.5
    f1 = partial(theirs.f1_score, y_true, y_pred, zero_division=0)
    return {
        "micro-AUC": (
            partial(ours.roc_auc_micro, y_true, scores),
            partial(theirs.roc_auc_score, y_true, scores, average="micro"),
        ),
        "macro-AUC": (
            partial(ours.roc_auc_macro, y_true, scores),
            partial(theirs.roc_auc_score, y_true, scores, average="macro"),
        ),
        "micro-AUPR": (
            partial(ours.average_precision_micro, y_true, scores),
            partial(theirs.average_precision_score, y_true, scores, average="micro"),
        ),
        "macro-AUPR": (
            partial(ours.average_precision_macro, y_true, scores),
            partial(theirs.average_precision_score, y_true, scores, average="macro"),
        ),
        "nDCG@15": (
            partial(ours.ndcg_at_k, y_true, scores, 15),
            partial(theirs.ndcg_score, y_true, scores, k=15),
        ),
        "micro-F1": (partial(ours.f1_micro, y_true, y_pred), partial(f1, average="micro")),
        "macro-F1": (partial(ours.f1_macro, y_true, y_pred), partial(f1, average="macro")),
        "Jaccard": (
            partial(ours.jaccard_samples, y_true, y_pred),
            partial(theirs.jaccard_score, y_true, y_pred, average="samples", zero_division=0),
        ),
        "exact match": (
            partial(ours.exact_match_ratio, y_true, y_pred),
            partial(theirs.accuracy_score, y_true, y_pred),
        ),
    }


def only_ours(y_true, scores):
    """Give what scikit-learn has not, or not so: a name and a function of no arguments."""
    stored = sparse.csr_array(y_true)
    highest = np.where(scores >= np.partition(scores, -50, axis=1)[:, [-50]], scores, 0)
    top = sparse.csr_array(highest)
    propensities = ours.code_propensities(stored.sum(axis=0), len(y_true))
    pred_a = sparse.csr_array(scores >= 0.5)
    pred_b = sparse.csr_array(scores >= 0.4)
    macro = partial(ours.f1_macro, average="present")
    psp = partial(ours.propensity_precision_at_k, k=8, propensities=propensities)
    return {
        "micro-AUC, sparse truth": partial(ours.roc_auc_micro, stored, scores),
        "micro-AUC, 50 scores a note": partial(ours.roc_auc_micro, stored, top),
        "macro-AUC, sparse truth": partial(ours.roc_auc_macro, stored, scores),
        "macro-AUC, 50 scores a note": partial(ours.roc_auc_macro, stored, top),
        "AUC report": partial(ours.auc_report, stored, scores),
        "P@8": partial(ours.precision_at_k, stored, scores, 8),
        "P@8, 50 scores a note": partial(ours.precision_at_k, stored, top, 8),
        "PSP@8": partial(psp, stored, scores),
        "MAP": partial(ours.mean_average_precision, stored, scores),
        "cross-entropy": partial(ours.binary_cross_entropy, stored, scores),
        "Brier score": partial(ours.brier_score, stored, scores),
        "calibration error": partial(ours.expected_calibration_error, stored, scores),
        "AUPR in 11 bands": partial(
            ours.by_frequency, ours.average_precision_micro, stored, scores, stored.sum(axis=0)
        ),
        "micro-F1 of 1,000 groups": partial(
            ours.at_level, ours.f1_micro, stored, pred_a, np.arange(y_true.shape[1]) % 1000
        ),
        "AUC of 1,000 groups": partial(
            ours.at_level, ours.roc_auc_micro, stored, scores, np.arange(y_true.shape[1]) % 1000
        ),
        "bootstrap micro-F1, 1,000": partial(
            ours.bootstrap_interval, ours.f1_micro, stored, pred_a, random_state=0
        ),
        "bootstrap macro-F1, 1,000": partial(
            ours.bootstrap_interval, macro, stored, pred_a, random_state=0
        ),
        "bootstrap MAP, BCa, 1,000": partial(
            ours.bootstrap_interval,
            ours.mean_average_precision,
            stored,
            scores,
            method="bca",
            random_state=0,
        ),
        "randomization micro-F1, 10,000": partial(
            ours.approximate_randomization_test,
            ours.f1_micro,
            stored,
            pred_a,
            pred_b,
            random_state=0,
        ),
        "randomization macro-F1, 10,000": partial(
            ours.approximate_randomization_test, macro, stored, pred_a, pred_b, random_state=0
        ),
        "McNemar": partial(ours.mcnemar_test, stored, pred_a, pred_b),
    }


def timed(function):
    """Give the processor time of one call and its value."""
    start = time.process_time()
    value = function()
    return time.process_time() - start, value


def main():
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--notes", type=int, default=3372, help="number of notes (%(default)s)")
    parser.add_argument("--codes", type=int, default=8922, help="number of codes (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each (%(default)s)")
    arguments = parser.parse_args()
    y_true, scores = make_truth_and_scores(arguments.notes, arguments.codes)
    print(f"{arguments.notes:,} notes, {arguments.codes:,} codes, {y_true.sum():,} true cells")

    both, alone = pairs(y_true, scores), only_ours(y_true, scores)
    times = {name: [] for name in [*both, *alone]}
    apart = {}
    for _ in range(arguments.rounds):
        for name, functions in both.items():
            (mine, value), (other, expected) = map(timed, functions)
            times[name].append((mine, other))
            apart[name] = abs(value - expected)
        for name, function in alone.items():
            times[name].append(timed(function)[0])

    print(f"\n{'':32}{'seconds':>9}{'theirs':>9}{'ratio':>8}{'apart':>10}")
    for name in both:
        mine, other = map(statistics.median, zip(*times[name], strict=True))
        print(f"{name:32}{mine:9.3f}{other:9.3f}{other / mine:8.1f}{apart[name]:10.0e}")
    print()
    for name in alone:
        print(f"{name:32}{statistics.median(times[name]):9.3f}")


if __name__ == "__main__":
    main()
