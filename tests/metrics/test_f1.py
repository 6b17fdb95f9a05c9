"""The five F1: against plain counting, scikit-learn, and each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from made_scores import PREDICTIONS
from scipy import sparse
from sklearn.metrics import f1_score
from sklearn.metrics import precision_recall_fscore_support as skl_scores

from sklearn_icd.metrics import f1_macro, f1_micro, f1_report


def brute_report(y_true, y_pred):
    def ratio(part, whole):
        return part / whole if whole else 0.0

    def mean(values):
        return ratio(sum(values), len(values))

    tp, fn, fp = [], [], []
    for true, pred in zip(y_true.T.tolist(), y_pred.T.tolist(), strict=True):
        pairs = list(zip(true, pred, strict=True))
        tp.append(pairs.count((1, 1)))
        fn.append(pairs.count((1, 0)))
        fp.append(pairs.count((0, 1)))
    codes = list(zip(tp, fn, fp, strict=True))
    f1 = [ratio(2 * t, 2 * t + n + p) for t, n, p in codes]
    precision = mean([ratio(t, t + p) for t, n, p in codes])
    recall = mean([ratio(t, t + n) for t, n, p in codes])
    return {
        "micro": ratio(2 * sum(tp), 2 * sum(tp) + sum(fn) + sum(fp)),
        "macro_mean": mean(f1),
        "macro_harmonic": ratio(2 * precision * recall, precision + recall),
        "macro_present": mean([f for f, (t, n, _) in zip(f1, codes, strict=True) if t + n]),
        "macro_active": mean([f for f, (t, n, p) in zip(f1, codes, strict=True) if t + n + p]),
    }


@given(PREDICTIONS)
@settings(deadline=None, max_examples=200)
def test_report_equals_plain_counting(pair):
    assert f1_report(*pair) == pytest.approx(brute_report(*pair))


@given(PREDICTIONS)
@settings(deadline=None, max_examples=100)
def test_micro_and_mean_are_those_of_scikit_learn(pair):
    y_true, y_pred = (np.hstack([y, y]) for y in pair)  # one column would be binary to it
    assert f1_micro(y_true, y_pred) == pytest.approx(
        f1_score(y_true, y_pred, average="micro", zero_division=0)
    )
    assert f1_macro(y_true, y_pred) == pytest.approx(
        f1_score(y_true, y_pred, average="macro", zero_division=0)
    )
    precision, recall, _, _ = skl_scores(y_true, y_pred, average="macro", zero_division=0)
    harmonic = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    assert f1_macro(y_true, y_pred, average="harmonic") == pytest.approx(harmonic)


@given(PREDICTIONS)
@settings(deadline=None, max_examples=100)
def test_macro_averages_have_the_documented_order(pair):
    report = f1_report(*pair)
    assert report["macro_mean"] <= report["macro_harmonic"] + 1e-12
    assert report["macro_mean"] <= report["macro_active"] + 1e-12
    assert report["macro_active"] <= report["macro_present"] + 1e-12


def test_the_four_macros_differ():
    y_true = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]])
    y_pred = np.array([[1, 0, 1, 0], [1, 1, 0, 0], [1, 1, 0, 0]])
    report = f1_report(y_true, y_pred)
    # codes: P 2/3 R 1 F .8; P 1/2 R 1/2 F 1/2; predicted only; neither
    precision, recall = (2 / 3 + 1 / 2) / 4, (1 + 1 / 2) / 4
    assert report == pytest.approx(
        {
            "micro": 2 * 3 / (4 + 6),
            "macro_mean": 1.3 / 4,
            "macro_harmonic": 2 * precision * recall / (precision + recall),
            "macro_present": 1.3 / 2,
            "macro_active": 1.3 / 3,
        }
    )
    for name in ("mean", "harmonic", "present", "active"):
        assert f1_macro(y_true, y_pred, average=name) == report[f"macro_{name}"]
    assert f1_micro(y_true, y_pred) == report["micro"]


@pytest.mark.parametrize(
    "form",
    [
        sparse.csr_array,
        sparse.csc_matrix,
        sparse.coo_array,
        lambda y: y.astype(bool),
        lambda y: y.astype(float),
        lambda y: y.tolist(),
    ],
)
def test_every_form_of_indicator_gives_the_same(form):
    y_true = np.array([[1, 0, 1], [0, 0, 1]])
    y_pred = np.array([[1, 1, 0], [0, 0, 1]])
    expected = f1_report(y_true, y_pred)
    assert f1_report(form(y_true), y_pred) == expected
    assert f1_report(y_true, form(y_pred)) == expected


def test_data_frames():
    pd = pytest.importorskip("pandas")
    y = pd.DataFrame({"I10": [1, 0], "E11.9": [0, 1]})
    assert f1_micro(y, y.to_numpy()) == 1.0


def test_stored_zeros_and_duplicates_count_as_what_they_sum_to():
    stored_zero = sparse.csr_array((np.array([1, 0]), ([0, 1], [0, 1])), shape=(2, 2))
    stored_zero.data[1] = 0
    assert f1_micro(stored_zero, [[1, 0], [0, 0]]) == 1.0
    twice = sparse.csr_array((np.array([1, 1]), np.array([0, 0]), np.array([0, 2])), shape=(1, 2))
    with pytest.raises(ValueError, match="got 2 at row 0, column 0"):
        f1_micro(twice, [[1, 0]])
    assert twice.nnz == 2  # the user's array is left as it was


def test_nothing_true_and_nothing_predicted_is_zero():
    none = np.zeros((3, 2), dtype=int)
    assert set(f1_report(none, none).values()) == {0.0}
    assert f1_macro(none, none + 1, average="present") == 0.0


def test_results_are_plain_floats():
    report = f1_report([[1, 0]], [[1, 0]])
    assert {type(value) for value in report.values()} == {float}
    assert type(f1_micro([[1, 0]], [[1, 0]])) is float
    assert type(f1_macro([[1, 0]], [[1, 0]], average="harmonic")) is float


@pytest.mark.parametrize(
    ("y_true", "y_pred", "error", "message"),
    [
        ([[1, 2]], [[1, 0]], ValueError, "y_true must hold only 0 and 1, got 2 at row 0, column 1"),
        ([[1, 0]], [[1, 0.3]], ValueError, r"y_pred must hold only 0 and 1, got 0\.3"),
        ([[1, 0]], [[1, np.nan]], ValueError, "y_pred must hold only 0 and 1, got nan"),
        (
            sparse.csr_array([[0, 0], [0, -1]]),
            [[1, 0], [0, 1]],
            ValueError,
            "got -1 at row 1, column 1",
        ),
        ([[1, 0]], [[1, 0, 0]], ValueError, r"same shape .* got \(1, 2\) and \(1, 3\)"),
        ([1, 0], [1, 0], ValueError, r"y_true must be 2-D .* got shape \(2,\)"),
        (np.empty((0, 2)), np.empty((0, 2)), ValueError, "at least one note and one code"),
        (np.empty((2, 0)), np.empty((2, 0)), ValueError, "at least one note and one code"),
        ([["secret note"]], [[1]], TypeError, "y_true must hold real numbers, got dtype <U11"),
    ],
)
def test_bad_input_is_named(y_true, y_pred, error, message):
    with pytest.raises(error, match=message) as caught:
        f1_report(y_true, y_pred)
    assert "secret" not in str(caught.value)


def test_unknown_average_is_named():
    with pytest.raises(ValueError, match=r"average must be one of \[.*'present'\], got 'micro'"):
        f1_macro([[1]], [[1]], average="micro")
