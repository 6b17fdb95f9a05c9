"""What the systems with a pretrained transformer share: loading, segments, and how they train."""

import json
import pickle
import shutil
import socket

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from scipy import sparse
from sklearn.base import clone
from sklearn.metrics import f1_score
from tiny_models import LONGEST, N_WORDS, save_tiny, tiny_model

from sklearn_icd.models import HiLATClassifier, PLMICDClassifier
from sklearn_icd.utils._pretrained import load_transformer

N_CODES = 3
WITHOUT_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
LENGTHS = [[6, 6, 2], [3, 0, 0], [6, 1, 0], [0, 0, 0], [6, 6, 6], [2, 0, 0], [4, 4, 0], [5, 0, 0]]

both = pytest.mark.parametrize("system", [HiLATClassifier, PLMICDClassifier])


def notes(lengths=LENGTHS, width=6, seed=0):
    """Make notes in segments: code k is there where the token k + 2 is."""
    lengths = np.array(lengths)
    ids = np.random.RandomState(seed).randint(2, 9, size=(*lengths.shape, width))
    X = (ids * (np.arange(width) < lengths[..., None])).astype(np.int32)
    Y = np.array([np.isin(np.arange(N_CODES) + 2, note) for note in X]).astype(int)
    return X, Y


X, Y = notes()


def make(system=PLMICDClassifier, kind="bert", **parameters):
    small = {
        "pretrained": tiny_model(kind),
        "dropout": 0.0,
        "warmup_steps": 0,
        "lr": 1e-3,
        "batch_size": 4,
        "max_epochs": 2,
        "validation_fraction": None,
        "threshold": 0.5,
        "random_state": 0,
    }
    return system(**{**small, **parameters})


def transformer_of(fitted):
    encoder = getattr(fitted.net_.module_, "embed", fitted.net_.module_)
    return (encoder.encoder if hasattr(encoder, "encoder") else encoder.encode).transformer


# Loading ---------------------------------------------------------------------------------------


@both
def test_the_transformer_is_loaded_by_fit_and_not_before(system, tmp_path):
    gone = tmp_path / "gone"
    classifier = clone(make(system, pretrained=gone))
    assert classifier.get_params()["pretrained"] == gone
    assert "gone" in repr(pickle.loads(pickle.dumps(classifier)))
    with pytest.raises(OSError, match=r"pretrained='.*gone' is no folder"):
        classifier.fit(X, Y)
    assert not hasattr(classifier, "net_")
    save_tiny(gone)
    classifier.fit(X, Y)


def spoil(folder, how):
    weights = folder / "model.safetensors"
    if how == "no config":
        (folder / "config.json").unlink()
    elif how == "pickled weights":
        torch.save(load_file(weights), folder / "pytorch_model.bin")
        weights.unlink()
    elif how == "pointer":
        weights.write_text("version https://git-lfs.github.com/spec/v1\n")
    elif how == "own code":
        config = json.loads((folder / "config.json").read_text())
        config |= {"model_type": "mine", "auto_map": {"AutoConfig": "m.C", "AutoModel": "m.M"}}
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "m.py").write_text("raise SystemExit('code of the model was run')")
    elif how == "tensor missing":
        tensors = load_file(weights)
        del tensors["encoder.layer.0.attention.self.query.weight"]
        save_file(tensors, weights, {"format": "pt"})
    elif how == "other size":
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"hidden_size": 16}))


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ("no config", OSError, r"has no config\.json"),
        ("pickled weights", OSError, "has no weights in safetensors format"),
        ("pointer", OSError, "cannot be loaded"),
        ("own code", OSError, "cannot be loaded"),
        ("tensor missing", ValueError, r"lack 1 tensors.*query\.weight"),
        ("other size", OSError, "cannot be loaded"),
    ],
)
def test_a_folder_that_lacks_something(how, error, message, tmp_path):
    save_tiny(tmp_path)
    spoil(tmp_path, how)
    with pytest.raises(error, match=message) as caught:
        make(pretrained=tmp_path).fit(X, Y)
    assert f"pretrained='{tmp_path}'" in str(caught.value)


def test_a_known_architecture_with_code_beside_it_is_read_without_that(tmp_path):
    save_tiny(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["auto_map"] = {"AutoConfig": "m.C", "AutoModel": "m.M"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "m.py").write_text("raise SystemExit('code of the model was run')")
    fitted = make(pretrained=tmp_path).fit(X, Y)
    assert type(transformer_of(fitted)).__name__ == "BertModel"


def test_weights_in_other_formats_only_where_asked_for(tmp_path):
    expected = make(pretrained=save_tiny(tmp_path)).fit(X, Y).predict_proba(X)
    spoil(tmp_path, "pickled weights")
    fitted = make(pretrained=tmp_path, use_safetensors=False).fit(X, Y)
    np.testing.assert_array_equal(fitted.predict_proba(X), expected)


def test_a_folder_needs_no_network(monkeypatch):
    from huggingface_hub import constants

    def refuse(*args, **kwargs):
        calls.append(args)
        raise OSError("no network here")

    calls = []
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    make().fit(X, Y).predict(X)
    assert not calls


@both
def test_a_fitted_classifier_needs_no_folder(system, tmp_path):
    fitted = make(system, pretrained=save_tiny(tmp_path / "model"), gradient_checkpointing=True)
    fitted.fit(X, Y)
    expected = fitted.predict_proba(X)
    saved = pickle.dumps(fitted)
    shutil.rmtree(tmp_path / "model")
    for one in (fitted, pickle.loads(saved)):
        np.testing.assert_array_equal(one.predict_proba(X), expected)
        assert len(one.attention(X)) == len(X)
        one.partial_fit(X, Y)
        assert not np.array_equal(one.predict_proba(X), expected)


@both
@pytest.mark.parametrize("kind", ["bert", "roberta", "longformer", "xlnet"])
def test_fit_prints_nothing(system, kind, tmp_path, capfd):
    make(system, pretrained=save_tiny(tmp_path, kind)).fit(X, Y).attention(X)
    assert capfd.readouterr() == ("", "")


# Segments --------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("kind", ["bert", "roberta", "longformer", "xlnet"])
def test_a_note_is_read_alike_alone_in_a_batch_and_padded(system, kind):
    # The softmax of a Longformer is float32 whatever the rest is, and overflows in float64.
    precision = "float32" if kind == "longformer" else "float64"
    tolerance = 1e-5 if kind == "longformer" else 1e-11
    fitted = make(system, kind, precision=precision, batch_size=8).fit(X, Y)
    expected, weights = fitted.decision_function(X), fitted.attention(X)
    assert np.ptp(expected, axis=0).max() > 1e-3
    padded = np.pad(X, ((0, 0), (0, 2), (0, 5)))
    for batch_size in (1, 3):
        fitted.set_params(batch_size=batch_size)
        fitted.net_.set_params(batch_size=batch_size)
        for same in (X, padded, X[::-1]):
            found = fitted.decision_function(same)
            found = found[::-1] if same is not padded and same is not X else found
            np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
        for alone, note in zip(fitted.attention(padded), weights, strict=True):
            np.testing.assert_allclose(alone, note, rtol=0, atol=1e-6)
    totals = np.sum(LENGTHS, axis=1)
    assert [note.shape for note in weights] == [(N_CODES, n) for n in totals]
    for note, n in zip(weights, totals, strict=True):
        np.testing.assert_allclose(note.sum(axis=1), float(n > 0), rtol=1e-5)


@both
def test_other_numbers_of_segments_and_other_lengths(system):
    fitted = make(system, precision="float64").fit(X, Y)
    expected = fitted.decision_function(X)
    np.testing.assert_allclose(fitted.decision_function(X[:, :2])[1], expected[1], atol=1e-12)
    np.testing.assert_allclose(fitted.decision_function(X[1:2, :1, :3])[0], expected[1])
    more, Y_more = notes([[9] * 5, [2, 0, 0, 0, 0]], width=11)
    assert fitted.predict(more).shape == (2, N_CODES)
    assert [note.shape[1] for note in fitted.attention(more)] == [45, 2]
    make(system).fit(X, Y, X_val=more, y_val=Y_more)
    make(system).fit(more, Y_more, X_val=X, y_val=Y).partial_fit(X, Y)


@both
def test_notes_of_words_are_one_segment(system):
    first = np.ascontiguousarray(X[:, 0])
    Y = np.array([np.isin(np.arange(N_CODES) + 2, note) for note in first]).astype(int)
    expected = make(system).fit(X[:, :1], Y).decision_function(X[:, :1])
    for same in (first, sparse.csr_array(first), sparse.coo_array(first)):
        fitted = make(system).fit(same, Y)
        np.testing.assert_array_equal(fitted.decision_function(same), expected)
        np.testing.assert_allclose(fitted.decision_function(X[:, :1]), expected, atol=1e-6)
    assert fitted.attention(first)[0].shape == (N_CODES, 6)


@both
@pytest.mark.parametrize("place", ["X", "X_val", "predict"])
def test_ids_beyond_the_vocabulary(system, place):
    wrong = X.copy()
    wrong[0, 0, 0] = N_WORDS  # the last one
    make(system, max_epochs=1).fit(wrong, Y)
    wrong[0, 0, 0] += 1
    message = rf"holds the id {N_WORDS + 1}.*vocabulary of .* ends at {N_WORDS}.*SegmentTokenizer"
    call = {
        "X": lambda: make(system).fit(wrong, Y),
        "X_val": lambda: make(system).fit(X, Y, X_val=wrong, y_val=Y),
        "predict": make(system, max_epochs=1).fit(X, Y).predict,
    }[place]
    with pytest.raises(ValueError, match=message):
        call(*[wrong] * (place == "predict"))


@both
def test_a_segment_that_is_too_long(system):
    wide = np.pad(X, ((0, 0), (0, 0), (0, LONGEST)))
    fitted = make(system, max_epochs=1).fit(wide, Y)  # padding is no token
    wide[4, 1, : LONGEST + 1] = 3
    message = rf"segment of {LONGEST + 1} tokens.*SegmentTokenizer\(segment_length={LONGEST}\)"
    for call in (lambda: make(system).fit(wide, Y), lambda: fitted.predict(wide)):
        with pytest.raises(ValueError, match=message):
            call()


# Training --------------------------------------------------------------------------------------


@both
def test_it_learns_what_can_be_read_off(system):
    many, Y = notes([[6, 4], [5, 0]] * 20, seed=1)
    fitted = make(system, batch_size=10, lr=1e-2, max_epochs=40).fit(many, Y)
    assert f1_score(Y, fitted.predict(many), average="micro") > 0.95


@both
def test_accumulated_batches_make_the_step_of_a_large_one(system, tmp_path):
    folder = save_tiny(tmp_path, **WITHOUT_DROPOUT)
    large, small = (
        make(system, pretrained=folder, precision="float64", optimizer="sgd", lr=0.1,
             batch_size=batch_size, gradient_accumulation_steps=6 // batch_size).fit(X, Y)
        for batch_size in (6, 2)
    )  # fmt: skip
    assert small.net_.n_steps_ == large.net_.n_steps_ == 4
    np.testing.assert_allclose(small.decision_function(X), large.decision_function(X), rtol=1e-9)
    for one, other in zip(
        small.net_.module_.parameters(), large.net_.module_.parameters(), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


@both
def test_the_memory_of_a_step_is_that_of_batch_size(system):
    fitted = make(system, batch_size=2, gradient_accumulation_steps=3).fit(X, Y)
    rows = []
    transformer_of(fitted).register_forward_pre_hook(
        lambda module, args, kwargs: rows.append(len(kwargs["input_ids"])), with_kwargs=True
    )
    fitted.partial_fit(X, Y)
    assert max(rows) <= 2 * X.shape[1]
    assert sum(rows) == np.count_nonzero(LENGTHS)


def parameters_of(fitted):
    start = load_transformer(tiny_model(), parameter="pretrained").state_dict()
    found = transformer_of(fitted).state_dict()
    return {name: torch.equal(start[name], found[name]) for name in found}


@both
def test_frozen_layers_stay_as_they_were(system):
    unchanged = parameters_of(make(system, freeze_layers=1, weight_decay=0.5).fit(X, Y))
    frozen = {name for name, same in unchanged.items() if same}
    kept = {name for name in unchanged if name.startswith(("embeddings.", "encoder.layer.0."))}
    assert frozen - {name for name in frozen if name.endswith("key.bias")} == kept - {
        name for name in kept if name.endswith("key.bias")
    }
    assert not all(parameters_of(make(system).fit(X, Y)).values())
    assert all(parameters_of(make(system, freeze_layers=2).fit(X, Y)).values())
    with pytest.raises(ValueError, match="freeze_layers=3, but the transformer has 2 layers"):
        make(system, freeze_layers=3).fit(X, Y)


@both
def test_checkpointing_changes_no_number(system):
    one, other = (
        make(system, gradient_checkpointing=checkpointing, precision="float64").fit(X, Y)
        for checkpointing in (False, True)
    )
    np.testing.assert_allclose(one.decision_function(X), other.decision_function(X), rtol=1e-9)


def test_checkpointing_of_a_transformer_that_has_none():
    with pytest.raises(ValueError, match="gradient_checkpointing=True, but XLNetModel has none"):
        make(kind="xlnet", gradient_checkpointing=True).fit(X, Y)


@both
@pytest.mark.parametrize("kind", ["bert", "xlnet"])
def test_bfloat16_is_near_float32(system, kind):
    fitted = make(system, kind).fit(X, Y)
    expected, weights = fitted.predict_proba(X), fitted.attention(X)
    assert np.ptp(expected, axis=0).max() > 0.01
    fitted.net_.set_params(precision="bfloat16")
    np.testing.assert_allclose(fitted.predict_proba(X), expected, atol=0.03)
    for rough, fine in zip(fitted.attention(X), weights, strict=True):
        np.testing.assert_allclose(rough, fine, atol=0.05)
    learned = make(system, kind, precision="bfloat16").fit(X, Y)
    assert learned.predict_proba(X).dtype == np.float32
    assert {p.dtype for p in learned.net_.module_.parameters()} == {torch.float32}


@both
def test_a_rate_of_their_own_for_the_transformer_and_the_head(system):
    fitted = make(system, lr=1e-4, head_lr=1e-2, weight_decay=0.25).fit(X, Y)
    groups = fitted.net_.optimizer_.param_groups
    assert [group["lr"] for group in groups] == [1e-4, 1e-2]
    assert {group["weight_decay"] for group in groups} == {0.25}
    in_first = {id(parameter) for parameter in groups[0]["params"]}
    assert in_first == {id(parameter) for parameter in transformer_of(fitted).parameters()}
    total = sum(1 for _ in fitted.net_.module_.parameters())
    assert sum(len(group["params"]) for group in groups) == total
    (group,) = make(system, lr=1e-4).fit(X, Y).net_.optimizer_.param_groups
    assert group["lr"] == 1e-4


@both
def test_weight_decay(system):
    assert make(system, weight_decay=0.0).fit(X, Y).net_.optimizer_.defaults["weight_decay"] == 0

    def plain(parameters, lr):
        return torch.optim.SGD(parameters, lr)

    make(system, optimizer=plain, weight_decay=0.0).fit(X, Y)
    with pytest.raises(TypeError, match="weight_decay"):
        make(system, optimizer=plain, weight_decay=0.1).fit(X, Y)


@both
def test_the_rate_rises_and_falls_to_zero(system):
    # Two steps an epoch.
    fitted = make(system, lr=1.2e-3, warmup_steps=2, max_epochs=4).fit(X, Y)
    np.testing.assert_allclose(fitted.history_[:, "lr"], np.array([6, 5, 3, 1]) / 6 * 1.2e-3)
    assert fitted.net_.optimizer_.param_groups[0]["lr"] == 1.2e-3
    share = make(system, lr=1.2e-3, warmup_steps=0.25, max_epochs=4).fit(X, Y)
    np.testing.assert_allclose(share.history_[:, "lr"], fitted.history_[:, "lr"])
    assert not any(type(c).__name__ == "LinearWarmup" for _, c in fitted.net_.callbacks_)


# Titles ----------------------------------------------------------------------------------------

TITLES = {"I10": "Essential hypertension", "E11.9": "Type 2 diabetes", "J18.9": "Pneumonia"}


@both
def test_codes_by_their_titles(system):
    from sklearn_icd.codes import TitleEncoder

    classifier = make(system, classes=list(TITLES), label_titles=TITLES,
                      label_encoder=TitleEncoder())  # fmt: skip
    fitted = classifier.fit(X, Y)
    before = fitted.decision_function(X)
    extended = fitted.with_codes({"I11.9": "Hypertensive heart disease"})
    after = extended.decision_function(X)
    assert after.shape == (len(X), 4)
    np.testing.assert_allclose(after[:, :3], before, rtol=1e-5, atol=1e-6)
    assert extended.attention(X[:1], ["I11.9"])[0].shape == (1, 14)
    np.testing.assert_array_equal(fitted.decision_function(X), before)
    with pytest.raises(ValueError, match="label_encoder=TitleEncoder"):
        make(system, classes=list(TITLES)).fit(X, Y).with_codes({"I11.9": "Heart disease"})
