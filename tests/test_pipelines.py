"""From raw notes to codes: pipelines, searches over them, validation notes and new codes."""

import gc
import pickle
from pathlib import Path

import numpy as np
import pytest
import sklearn
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from skorch import NeuralNet
from small_systems import SYSTEMS, has_transformer, small_settings

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
        (("plm-icd",), {}, "'plm-icd' needs pretrained"),
        (("hilat",), {"size": "small"}, "'hilat' needs pretrained"),
        (("jlan",), {"pretrained": "models/bert"}, "'jlan' has no transformer"),
        (("fusion",), {"pretrained": "models/bert"}, "'fusion' has no transformer"),
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


@pytest.mark.parametrize("step", ["clean", "tokenize"])
def test_candidates_share_text_steps_through_memory(data, tmp_path, monkeypatch, step):
    notes, Y, _ = data
    pipe = small(max_epochs=1, validation_fraction=None, threshold=0.5)
    calls, kind = [], type(pipe[step])
    fit_transform = kind.fit_transform

    def counted(self, X, y=None, **parameters):
        calls.append(len(X))
        return fit_transform(self, X, y, **parameters)

    monkeypatch.setattr(kind, "fit_transform", counted)
    grid = {"clf__n_pseudo_labels": [2, 3], "clf__threshold": [0.3, 0.5]}
    search = GridSearchCV(pipe.set_params(memory=str(tmp_path)), grid, cv=3, scoring="f1_micro")
    search.fit(notes, Y)
    assert calls == [24] * 3 + [36]  # each fold, and all notes for the best candidate
    calls.clear()
    uncached = clone(search).set_params(estimator__memory=None, refit=False).fit(notes, Y)
    assert calls == [24] * 12
    key = "mean_test_score"
    assert np.array_equal(uncached.cv_results_[key], search.cv_results_[key])


def living(*kinds):
    gc.collect()
    return sum(issubclass(type(found), kinds) for found in gc.get_objects())


def test_losing_candidates_leave_nothing_behind(data):
    notes, Y, _ = data
    pipe = small(max_epochs=1, validation_fraction=None, threshold=0.5)
    alone = pipe.fit(notes, Y)
    of_one = len(list(alone["clf"].net_.module_.modules()))
    del alone
    pipe = clone(pipe)
    modules, nets, tensors = (living(kind) for kind in (torch.nn.Module, NeuralNet, torch.Tensor))
    grid = {"clf__lr": np.linspace(0.001, 0.1, 10)}
    search = GridSearchCV(pipe, grid, cv=2, scoring="f1_micro").fit(notes, Y)
    assert search.n_splits_ * len(search.cv_results_["params"]) == 20
    assert living(NeuralNet) == nets + 1  # the best
    assert living(torch.nn.Module) == modules + of_one
    del search
    assert living(NeuralNet) == nets
    assert living(torch.nn.Module) == modules
    assert living(torch.Tensor) == tensors


@pytest.mark.filterwarnings("ignore:The estimator .* does not support callbacks")
def test_a_progress_bar_over_a_pipeline_in_a_search(data, capsys):
    notes, Y, _ = data
    pipe = small(max_epochs=1, validation_fraction=None, threshold=0.5)
    search = GridSearchCV(pipe, {"clf__lr": [0.1]}, cv=2, scoring="f1_micro")
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(notes, Y)
    assert "LDPLAMClassifier" in capsys.readouterr().out


# All systems ---------------------------------------------------------------------------------

# What the papers say.
PAPER = {
    "attentive-lstm": {"tokenize__max_length": 2500, "clf__label_encoder": None},
    "bigru": {"tokenize__max_length": 2500, "clf__hidden_size": 256, "clf__lr": 0.003},
    "caml": {
        "clean__remove_numbers": True,
        "clean__token_pattern": r"\w+",
        "tokenize__min_notes": 3,
        "tokenize__max_length": 2500,
        "clf__embedding_dim": 100,
        "clf__n_filters": 50,
        "clf__kernel_size": 10,
        "clf__dropout": 0.2,
        "clf__optimizer": "adam",
        "clf__lr": 1e-4,
        "clf__batch_size": 16,
        "clf__patience": 10,
    },
    "deep-labeler": {
        "tokenize__max_length": 700,
        "clf__kernel_sizes": (3, 4, 5),
        "clf__document_dim": 128,
    },
    "dr-caml": {
        "clean__remove_numbers": True,
        "tokenize__max_length": 2500,
        "clf__kernel_size": 10,
        "clf__description_penalty": 0.01,
        "clf__lr": 1e-4,
    },
    "effective-can": {"tokenize__max_length": 2500, "clf__dropout": 0.2},
    "fusion": {
        "tokenize__min_notes": 3,
        "tokenize__max_length": 2500,
        "clf__embedding_dim": 100,
        "clf__kernel_sizes": (3, 5, 9, 15, 19, 25),
        "clf__n_filters": 50,
        "clf__pool_size": 2,
        "clf__dropout": 0.2,
        "clf__optimizer": "adam",
        "clf__lr": 1e-4,
        "clf__batch_size": 16,
    },
    "hilat": {
        "reorder__first": ("discharge diagnosis", "discharge disposition", "discharge condition"),
        "clean__require_letter": True,
        "tokenize__segment_length": 512,
        "tokenize__max_length": 5120,
        "tokenize__special_tokens": "segment",
        "tokenize__stride": 0,
        "clf__optimizer": "adamw",
        "clf__lr": 5e-5,
        "clf__weight_decay": 0.1,
        "clf__warmup_steps": 500,
        "clf__batch_size": 16,
        "clf__dropout": 0.1,
        "clf__threshold": 0.5,
    },
    "hlan": {"tokenize__max_length": 2500, "clf__hidden_size": 100, "clf__sentence_length": 25},
    "jlan": {
        "tokenize__min_notes": 2,
        "tokenize__max_length": 2500,
        "clf__embedding_dim": 256,
        "clf__hidden_size": 256,
        "clf__attention_size": 200,
        "clf__n_residual_blocks": 1,
        "clf__epsilon": 0.15,
        "clf__optimizer": "adam",
        "clf__lr": 0.001,
    },
    "joint-laat": {
        "tokenize__max_length": 4000,
        "clf__hidden_size": 512,
        "clf__projection_size": 128,
        "clf__lr": 0.001,
        "clf__batch_size": 8,
    },
    "kaicd": {"truncate__max_words": 768, "clf__embedding_dim": 320, "clf__n_filters": 448},
    "laat": {
        "clean__require_letter": True,
        "clean__token_pattern": r"\w+",
        "tokenize__min_notes": 1,
        "tokenize__max_length": 4000,
        "clf__embedding_dim": 100,
        "clf__hidden_size": 512,
        "clf__attention_size": 512,
        "clf__train_word_vectors": False,
        "clf__dropout": 0.3,
        "clf__optimizer": "adamw",
        "clf__lr": 0.001,
        "clf__batch_size": 8,
        "clf__max_epochs": 50,
    },
    "ld-plam": {
        "truncate__max_words": 2500,
        "tokenize__min_notes": 3,
        "tokenize__max_length": None,
        "clf__n_pseudo_labels": 256,
        "clf__n_attention_layers": 1,
        "clf__embedding_dim": 128,
        "clf__hidden_size": 128,
        "clf__dropout": 0.2,
        "clf__optimizer": "lamb",
        "clf__lr": 0.005,
        "clf__batch_size": 128,
        "clf__patience": 64,
        "clf__threshold": 0.5,
    },
    "leam": {"clf__embedding_dim": 300, "clf__kernel_size": 10, "clf__dropout": 0.5},
    "logistic-regression": {"tokenize__max_length": None, "clf__max_iter": 1000},
    "multirescnn": {
        "clean__remove_numbers": True,
        "tokenize__min_notes": 3,
        "tokenize__max_length": 2500,
        "clf__embedding_dim": 100,
        "clf__n_filters": 50,
        "clf__kernel_sizes": (3, 5, 9, 15, 19, 25),
        "clf__dropout": 0.2,
        "clf__optimizer": "adam",
        "clf__lr": 1e-4,
        "clf__batch_size": 16,
        "clf__patience": 10,
    },
    "mvc-lda": {"clf__kernel_sizes": (6, 8, 10, 12), "tokenize__max_length": 2500},
    "mvc-rlda": {"clf__kernel_sizes": (6, 8, 10, 12), "clf__description_penalty": 0.01},
    "plm-icd": {
        "tokenize__segment_length": 128,
        "tokenize__max_length": 3072,
        "tokenize__special_tokens": "note",
        "tokenize__stride": 0,
        "clf__optimizer": "adamw",
        "clf__lr": 5e-5,
        "clf__warmup_steps": 2000,
        "clf__batch_size": 8,
        "clf__max_epochs": 20,
        "clf__threshold": "tuned",
    },
    "text-cnn": {"tokenize__max_length": 2500, "clf__n_filters": 500, "clf__kernel_size": 4},
    "transicd": {
        "tokenize__max_length": 2500,
        "clf__n_layers": 2,
        "clf__n_heads": 8,
        "clf__margin": 3.0,
    },
}
BEFORE_CLF = {name: ["clean", "tokenize"] for name in PAPER} | {
    "hilat": ["reorder", "clean", "tokenize"],
    "kaicd": ["clean", "truncate", "tokenize"],
    "ld-plam": ["clean", "truncate", "tokenize"],
}
every_system = pytest.mark.parametrize("name", SYSTEMS)


def make_system(name, folder, **parameters):
    pretrained = {"pretrained": folder} if has_transformer(SYSTEMS[name]) else {}
    return make_icd_pipeline(name, **pretrained, **parameters)


@pytest.mark.parametrize("name", PAPER)
def test_steps_and_settings_of_the_paper(name):
    pipe = make_system(name, "models/bert")
    assert list(pipe.named_steps) == [*BEFORE_CLF[name], "clf"]
    parameters = pipe.get_params()
    assert {key: parameters[key] for key in PAPER[name]} == PAPER[name]


@every_system
def test_the_paper_settings_of_a_classifier_are_its_defaults(name):
    pipe = make_system(name, "models/bert")
    if has_transformer(SYSTEMS[name]):
        assert repr(pipe["clf"]) == f"{type(pipe['clf']).__name__}(pretrained='models/bert')"
        assert pipe["tokenize"].pretrained == "models/bert"
    else:
        assert repr(pipe["clf"]) == f"{type(pipe['clf']).__name__}()"


@every_system
def test_the_small_size_has_the_same_steps_and_a_tuned_threshold(name):
    pipe = make_system(name, "models/bert", size="small", threshold=0.3)
    assert list(pipe.named_steps) == list(make_system(name, "models/bert").named_steps)
    assert pipe["clf"].threshold == 0.3
    assert make_system(name, "models/bert", size="small")["clf"].threshold == "tuned"


@pytest.mark.parametrize("size", ["paper", "small"])
@every_system
def test_every_system_from_raw_notes_to_codes(data, tiny_bert, name, size):
    notes, Y, codes = data
    settings = small_settings(SYSTEMS[name]) | {"threshold": 0.5, "random_state": 0}
    if "max_epochs" in SYSTEMS[name]._get_param_names():
        settings["max_epochs"] = 1
    if has_transformer(SYSTEMS[name]):
        settings |= {"tokenize__segment_length": 32, "pretrained": tiny_bert}
    pipe = make_icd_pipeline(name, size=size, classes=codes, **settings)
    pipe.fit(notes[:12], Y[:12])
    assert pipe.predict(notes).shape == Y.shape
    assert pipe.classes_.tolist() == list(codes)
    assert pipe.predict_proba(["", notes[0]]).min() > 0


def test_every_system_has_tests_of_its_own():
    files = (Path(__file__).parent / "models").glob("test_*.py")
    tests = "".join(path.read_text(encoding="utf-8") for path in files)
    assert not [name for name, system in SYSTEMS.items() if f"{system.__name__}(" not in tests]


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="known system") as error:
        make_icd_pipeline("?")
    assert str([*SYSTEMS]) in str(error.value)


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
