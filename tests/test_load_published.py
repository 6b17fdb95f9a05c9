"""Weights in the public naming, made here, as a pipeline over raw notes."""

import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.special import softmax

from sklearn_icd.pipelines import load_published

WORDS = ["cough", "fever", "pain"]
CODES = ["I10", "J45.909", "R05"]
ROWS, E, D, K, U, A, L = 5, 4, 6, 4, 3, 2, 3
SHAPES = {
    "caml": {
        "embed.weight": (ROWS, E),
        "conv.weight": (D, E, K),
        "conv.bias": (D,),
        "U.weight": (L, D),
        "U.bias": (L,),
        "final.weight": (L, D),
        "final.bias": (L,),
    },
    "laat": {
        "embedding.embeddings.weight": (ROWS, E),
        "rnn.weight_ih_l0": (4 * U, E),
        "rnn.weight_hh_l0": (4 * U, U),
        "rnn.bias_ih_l0": (4 * U,),
        "rnn.bias_hh_l0": (4 * U,),
        "rnn.weight_ih_l0_reverse": (4 * U, E),
        "rnn.weight_hh_l0_reverse": (4 * U, U),
        "rnn.bias_ih_l0_reverse": (4 * U,),
        "rnn.bias_hh_l0_reverse": (4 * U,),
        "attention.linear.weight": (2 * U, 2 * U),
        "attention.first_linears.0.weight": (A, 2 * U),
        "attention.second_linears.0.weight": (L, A),
        "attention.third_linears.0.weight": (L, 2 * U),
        "attention.third_linears.0.bias": (L,),
        "linears.0.weight": (L, 2 * U),
        "linears.0.bias": (L,),
        "projection_linears.0.weight": (8, L),
    },
}
NOTE = "Fever, no COUGH; pain and fever."
# Rows of the words of the note in the public tables: the unknown word is last, or second.
IN_NOTE = {"caml": [2, 4, 1, 3, 4, 2], "laat": [3, 1, 2, 4, 1, 3]}


def made(name):
    rng = np.random.RandomState(0)
    return {
        key: torch.from_numpy(rng.normal(size=shape).astype(np.float32))
        for key, shape in SHAPES[name].items()
    }


def save(folder, name, state=None):
    path = folder / f"{name}.pth"
    torch.save(made(name) if state is None else state, path)
    return path


def load(path, name, **parameters):
    return load_published(name, path, **{"vocabulary": WORDS, "classes": CODES, **parameters})


def encoded(name, state, rows):
    """Read one note with torch's own layers, as the public code does."""
    if name == "caml":
        x = state["embed.weight"][rows].T[None]
        y = torch.conv1d(x, state["conv.weight"], state["conv.bias"], padding=K // 2)
        return y[0].T.tanh(), state["U.weight"], y[0].T.tanh()
    lstm = torch.nn.LSTM(E, U, bidirectional=True)
    lstm.load_state_dict({k[4:]: v for k, v in state.items() if k.startswith("rnn.")})
    H = lstm(state["embedding.embeddings.weight"][rows])[0].detach()
    keys = (H @ state["attention.first_linears.0.weight"].T).tanh()
    return keys, state["attention.second_linears.0.weight"], H


def logits_by_hand(name, state, rows):
    keys, queries, H = (tensor.numpy() for tensor in encoded(name, state, rows))
    last = {"caml": "final", "laat": "attention.third_linears.0"}[name]
    weight, bias = (state[f"{last}.{part}"].numpy() for part in ("weight", "bias"))
    return (weight * (softmax(queries @ keys.T, axis=1) @ H)).sum(axis=1) + bias


@pytest.mark.parametrize("name", SHAPES)
def test_logits_of_a_raw_note_are_the_public_ones(tmp_path, name):
    pipeline = load(save(tmp_path, name), name)
    expected = logits_by_hand(name, made(name), IN_NOTE[name])
    logits = pipeline.decision_function([NOTE, "cough " * 30])
    np.testing.assert_allclose(logits[0], expected, rtol=1e-4, atol=1e-5)
    assert pipeline.classes_.tolist() == CODES
    assert pipeline.predict([NOTE, ""]).shape == (2, 3)
    tokens = pipeline[:-1].transform([NOTE])
    assert pipeline["clf"].attention(tokens, ["R05"])[0].shape == (1, 6)
    again = pickle.loads(pickle.dumps(pipeline))
    np.testing.assert_array_equal(
        again.decision_function([NOTE])[0], pipeline.decision_function([NOTE])[0]
    )


@pytest.mark.parametrize("name", SHAPES)
def test_files_of_several_kinds(tmp_path, name):
    state, expected = made(name), logits_by_hand(name, made(name), IN_NOTE[name])
    save_file(state, tmp_path / "model.safetensors")
    paths = [
        tmp_path / "model.safetensors",
        save(tmp_path, "checkpoint", {"state_dict": state, "epoch": 3}),
    ]
    for path in paths:
        logits = load(path, name).decision_function([NOTE])[0]
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)
        assert load(str(path), name)["clf"].classes_.tolist() == CODES


def test_a_mapping_tells_the_rows(tmp_path):
    path = save(tmp_path, "caml")
    rows = {"pain": 2, "cough": 0, "fever": 1}  # counted from 0
    logits = load(path, "caml", vocabulary=rows).decision_function([NOTE])[0]
    expected = logits_by_hand("caml", made("caml"), [1, 4, 0, 2, 4, 1])
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


def test_weights_of_dr_caml_do(tmp_path):
    more = {"desc_embedding.weight": torch.zeros(ROWS, E), "label_fc1.bias": torch.zeros(D)}
    plain = load(save(tmp_path, "caml"), "caml").decision_function([NOTE])
    described = load(save(tmp_path, "caml", {**made("caml"), **more}), "caml")
    np.testing.assert_array_equal(described.decision_function([NOTE]), plain)


def test_parameters_reach_classifier_and_steps(tmp_path):
    parameters = {"threshold": 0.3, "tokenize__max_length": 2, "batch_size": 5}
    pipeline = load(save(tmp_path, "caml"), "caml", **parameters)
    assert pipeline["clf"].threshold == 0.3
    assert pipeline["clf"].get_params()["kernel_size"] == K
    assert pipeline[:-1].transform([NOTE]).shape == (1, 2)
    with pytest.raises(ValueError, match="threshold='tuned' needs validation notes"):
        load(save(tmp_path, "caml"), "caml", threshold="tuned")


@pytest.mark.parametrize("trained", [False, True])
def test_training_goes_on(tmp_path, trained):
    pipeline = load(save(tmp_path, "laat"), "laat", train_word_vectors=trained, random_state=0)
    before = made("laat")["embedding.embeddings.weight"]
    X = pipeline[:-1].transform([NOTE, "pain"])
    pipeline["clf"].partial_fit(X, np.array([[1, 0, 0], [0, 0, 1]]))
    table = pipeline["clf"].net_.module_.embed.table.weight.detach()
    assert torch.equal(table[2:], before[2:]) != trained
    assert not torch.equal(
        pipeline["clf"].net_.module_.score.bias, made("laat")["attention.third_linears.0.bias"]
    )


def without(name, key):
    return {k: v for k, v in made(name).items() if k != key}


@pytest.mark.parametrize(
    ("name", "state", "parameters", "message"),
    [
        ("jlan", None, {}, r"name='jlan': weights can be loaded for \['caml', 'laat'\]"),
        ("caml", without("caml", "conv.bias"), {}, "it has no 'conv.bias'"),
        ("caml", {**made("caml"), "x": torch.zeros(1)}, {}, "it has 'x', which is not known"),
        ("laat", made("caml"), {}, "it has no 'embedding.embeddings.weight'"),
        ("caml", None, {"vocabulary": WORDS[:2]}, "vocabulary has 2 words, .* 5 word vectors"),
        ("caml", None, {"vocabulary": ["a", "b", "a"]}, "vocabulary has a word twice"),
        ("caml", None, {"vocabulary": {"a": 5}}, "rows from 5 to 5, .* 5 word vectors"),
        ("laat", None, {"classes": CODES[:2]}, "classes has 2 codes, and the weights are of 3"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path, name, state, parameters, message):
    path = save(tmp_path, "caml" if name == "jlan" else name, state)
    with pytest.raises(ValueError, match=message):
        load(path, name, **parameters)


def test_files_that_could_run_code_are_refused(tmp_path):
    path = tmp_path / "model.pth"
    torch.save({"state_dict": made("caml"), "scores": np.float64(0.5), "made by": print}, path)
    with pytest.raises(ValueError, match="could run code"):
        load(path, "caml")
