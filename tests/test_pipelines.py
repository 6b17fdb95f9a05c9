"""From raw notes to codes: pipelines, searches over them, validation notes and new codes."""

import pickle

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from sklearn_icd import LDPLAMClassifier, make_icd_pipeline, with_codes
from sklearn_icd.datasets import make_notes
from sklearn_icd.text import NoteCleaner, TfidfTruncator, WordTokenizer

TINY = {
    "n_pseudo_labels": 4,
    "embedding_dim": 8,
    "hidden_size": 6,
    "batch_size": 8,
    "max_epochs": 2,
    "word_vectors": None,
    "random_state": 0,
}
NEW = {"K35.80": "Unspecified acute appendicitis", "I26.99": "Other pulmonary embolism"}


@pytest.fixture(scope="module")
def data():
    made = make_notes(36, 6, mean_words=60, sd_words=30, random_state=0)
    assert not set(NEW) & set(made.target_names)
    return made.data, made.target, made.target_names


def small(**parameters):
    return make_icd_pipeline("ld-plam", size="small", **{**TINY, **parameters})


@pytest.fixture(scope="module")
def fitted(data):
    notes, Y, codes = data
    return small(classes=codes).fit(notes, Y)


def test_raw_notes_in_codes_out(data, fitted):
    notes, Y, codes = data
    assert fitted.predict(notes).shape == Y.shape
    assert sparse.issparse(fitted.predict(notes))
    assert fitted.classes_.tolist() == list(codes)
    by_hand = Pipeline(
        [
            ("clean", NoteCleaner()),
            ("truncate", TfidfTruncator(max_words=2500)),
            ("tokenize", WordTokenizer(min_notes=3)),
            ("clf", clone(fitted[-1])),
        ]
    ).fit(notes, Y)
    assert np.array_equal(by_hand.predict_proba(notes), fitted.predict_proba(notes))
    shuffled = fitted.predict_proba(notes[::-1])[::-1]
    np.testing.assert_allclose(shuffled, fitted.predict_proba(notes), atol=1e-5)


def test_a_note_of_unknown_words_and_an_empty_one(fitted):
    assert fitted.predict_proba(["", "xylophone zebra"]).shape == (2, 6)
    weights = fitted[-1].attention(fitted[:-1].transform(["", "xylophone zebra"]))
    assert [note.shape[1] for note in weights] == [0, 2]


def test_the_paper_is_the_default():
    pipe = make_icd_pipeline("ld-plam")
    assert repr(pipe[-1]) == "LDPLAMClassifier()"
    parameters = pipe.get_params()
    assert parameters["truncate__max_words"] == 2500
    assert parameters["clf__n_pseudo_labels"] == 256
    assert parameters["clf__batch_size"] == 128
    assert parameters["clf__optimizer"] == "lamb"
    assert parameters["clf__lr"] == 0.005


def test_parameters_of_steps():
    pipe = make_icd_pipeline("ld-plam", size="small", lr=0.5, truncate__max_words=7)
    assert pipe["clf"].lr == 0.5
    assert pipe["truncate"].max_words == 7
    assert list(clone(pipe).named_steps) == ["clean", "truncate", "tokenize", "clf"]


@pytest.mark.parametrize(
    ("arguments", "parameters", "word"),
    [
        (("ldplam",), {}, "ld-plam"),
        (("ld-plam",), {"size": "large"}, "size"),
        (("ld-plam",), {"no_such_parameter": 1}, "no_such_parameter"),
        (("ld-plam",), {"cut__max_words": 1}, "cut"),
    ],
)
def test_unknown_names(arguments, parameters, word):
    with pytest.raises(ValueError, match=word):
        make_icd_pipeline(*arguments, **parameters)


def test_grid_search_reads_as_expected(data):
    notes, Y, _ = data
    grid = {
        "clf__n_pseudo_labels": [2, 3],
        "clf__threshold": [0.3, 0.5],
        "truncate__max_words": [20, 2500],
    }
    pipe = small(max_epochs=1, validation_fraction=None, threshold=0.5)
    search = GridSearchCV(pipe, grid, cv=2, scoring="f1_micro").fit(notes, Y)
    assert len(search.cv_results_["params"]) == 8
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_["clf"].n_pseudo_labels in (2, 3)
    assert search.predict(notes).shape == Y.shape


@pytest.mark.filterwarnings("ignore:The estimator .* does not support callbacks")
def test_a_progress_bar_over_a_pipeline_in_a_search(data, capsys):
    notes, Y, _ = data
    pipe = small(max_epochs=1, validation_fraction=None, threshold=0.5)
    search = GridSearchCV(pipe, {"clf__lr": [0.1]}, cv=2, scoring="f1_micro")
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(notes, Y)
    assert "LDPLAMClassifier" in capsys.readouterr().out


# Validation notes ----------------------------------------------------------------------------


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def recipe(**parameters):
    return Pipeline(
        [
            ("tokenize", WordTokenizer(min_notes=1)),
            ("clf", LDPLAMClassifier(**TINY, **parameters).set_fit_request(X_val=True, y_val=True)),
        ],
        transform_input=["X_val"],
    )


@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize("by_hand", [True, False])
def test_validation_notes_arrive_transformed(data, by_hand):
    notes, Y, _ = data
    pipe = recipe(threshold="tuned") if by_hand else small()
    # The longest validation note is longer than the longest training note, or shorter.
    for longest in (max, min):
        held_out = longest(range(36), key=lambda i: len(notes[i]))
        rest = [i for i in range(36) if i != held_out]
        train = [notes[i] for i in rest]
        pipe.fit(train, Y[rest], X_val=[notes[held_out]] * 3, y_val=Y[[held_out] * 3])
        assert len(pipe["clf"].history_) == 2
        ids = pipe[:-1].transform(notes)
        same = clone(pipe["clf"]).fit(
            ids[rest], Y[rest], X_val=ids[[held_out] * 3], y_val=Y[[held_out] * 3]
        )
        assert np.array_equal(pipe.predict_proba(notes), same.predict_proba(ids))


@pytest.mark.usefixtures("routing")
def test_validation_notes_in_a_grid_search(data):
    notes, Y, _ = data
    search = GridSearchCV(recipe(), {"clf__lr": [0.01, 0.1]}, cv=2, scoring="f1_micro")
    search.fit(notes[:30], Y[:30], X_val=notes[30:], y_val=Y[30:])
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert "valid_loss" in search.best_estimator_["clf"].history_[-1]


def test_raw_validation_notes_are_refused_by_name(data):
    notes, Y, _ = data
    pipe = small()
    with pytest.raises(TypeError, match=r"X_val holds text.*metadata routing") as caught:
        pipe.fit(notes, Y, clf__X_val=notes[:3], clf__y_val=Y[:3])
    assert notes[0].split()[0] not in str(caught.value)


def test_folds_of_other_widths():
    X = WordTokenizer(min_notes=1).fit_transform(["a b c d e f", "a b", "b", "c a"] * 5)
    assert X.shape[1] == 6
    Y = sparse.csr_array(np.tile([[1, 0], [1, 1], [0, 1], [0, 0]], (5, 1)))
    narrow = X[[1, 2, 3]][:, :2]
    classifier = LDPLAMClassifier(**TINY, validation_fraction=None)
    pipe = Pipeline([("clf", classifier)]).fit(narrow, Y[[1, 2, 3]])
    assert pipe.predict(X).shape == (20, 2)
    search = GridSearchCV(classifier, {"lr": [0.1]}, cv=2, scoring="f1_micro")
    search.fit(X, Y, X_val=narrow, y_val=Y[[1, 2, 3]])
    assert search.predict(narrow).shape == (3, 2)


# New codes -----------------------------------------------------------------------------------


def test_new_codes_stand_behind_the_others_and_change_none(data, fitted):
    notes, _, codes = data
    before = fitted.predict_proba(notes)
    extended = with_codes(fitted, NEW)
    after = extended.predict_proba(notes)
    assert after.shape == (36, 8)
    assert np.array_equal(after[:, :6], before)
    assert np.array_equal(fitted.predict_proba(notes), before)
    assert extended.classes_.tolist() == [*codes, *NEW]
    assert extended["clf"].added_codes_.tolist() == list(NEW)
    assert list(fitted.classes_) == list(codes)
    assert extended.predict(notes).shape == (36, 8)
    assert extended["tokenize"] is fitted["tokenize"]
    weights = extended["clf"].attention(extended[:-1].transform(notes[:2]), list(NEW))
    assert [note.shape[0] for note in weights] == [2, 2]


def test_a_pipeline_with_new_codes_survives_a_pickle(data, fitted):
    notes, *_ = data
    extended = with_codes(fitted, NEW)
    restored = pickle.loads(pickle.dumps(extended))
    assert np.array_equal(restored.predict_proba(notes), extended.predict_proba(notes))
    assert restored.classes_.tolist() == extended.classes_.tolist()


def test_a_clone_forgets_new_codes(data, fitted):
    notes, Y, codes = data
    refitted = clone(with_codes(fitted, NEW)).fit(notes, Y)
    assert refitted.classes_.tolist() == list(codes)
    assert not hasattr(refitted["clf"], "added_codes_")
    again = with_codes(fitted, NEW).fit(notes, Y)
    assert again.classes_.tolist() == list(codes)
    assert not hasattr(again["clf"], "added_codes_")
    assert np.array_equal(again.predict_proba(notes), refitted.predict_proba(notes))
