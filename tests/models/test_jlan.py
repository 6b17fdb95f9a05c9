"""JLAN: the paper's settings, its loss, its titles, and that it can learn."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.metrics import f1_score

from sklearn_icd.codes import TitleEncoder
from sklearn_icd.datasets import make_notes
from sklearn_icd.losses import TruncatedBCE
from sklearn_icd.models import JLANClassifier, LDPLAMClassifier
from sklearn_icd.text import WordTokenizer

TITLES = {
    "A": "Cholera",
    "B": "Typhoid fever",
    "C": "Asthma",
    "D": "Chronic obstructive pulmonary disease",
}
TINY = {
    "hidden_size": 6,
    "attention_size": 5,
    "embedding_dim": 8,
    "kernel_size": 3,
    "word_vectors": None,
    "lr": 0.01,
    "batch_size": 8,
    "max_epochs": 2,
    "validation_fraction": None,
    "random_state": 0,
}


def notes(n=60, seed=0):
    random_state = np.random.RandomState(seed)
    X = sparse.csr_array(random_state.randint(1, 20, size=(n, 9)))
    Y = np.array([np.isin(np.arange(4) + 2, row) for row in X.toarray()])
    return X, Y.astype(int)


def titled(**parameters):
    return JLANClassifier(**{**TINY, "classes": list(TITLES), "label_titles": TITLES, **parameters})


def test_defaults_are_the_papers():
    parameters = JLANClassifier().get_params()
    paper = {
        "hidden_size": 256,
        "attention_size": 200,
        "n_residual_blocks": 1,
        "epsilon": 0.15,
        "gamma": None,
        "embedding_dim": 256,
        "word_vectors": "skip-gram",
        "optimizer": "adam",
        "lr": 0.001,
    }
    assert {name: parameters[name] for name in paper} == paper
    assert "loss" not in parameters


@pytest.mark.parametrize("with_encoder", [False, True])
def test_shapes_of_the_parameters(with_encoder):
    """There is no public code."""
    X, Y = notes()
    encoder = TitleEncoder(random_state=0) if with_encoder else None
    fitted = titled(n_residual_blocks=2, label_encoder=encoder).fit(X, Y)
    shapes = {k: tuple(v.shape) for k, v in fitted.net_.module_.named_parameters()}
    assert shapes["embed.table.weight"] == (20, 8)
    assert shapes["encode.blocks.1.layers.0.convolution.weight"] == (8, 8, 3)
    assert shapes["encode.encode.ahead.weight_hh_l0"] == (24, 6)
    assert shapes["attend.keys.weight"] == (5, 12)
    assert shapes["attend.questions.free"] == (4, 5)
    assert shapes["attend.descriptions.free"] == (4, 6)
    assert shapes["attend.self_gate.weight"] == shapes["attend.description_gate.weight"] == (1, 12)
    assert shapes["score.first.weight"] == (6, 24)
    assert shapes["score.second.weight"] == (6, 6)
    assert "attend.descriptions.map.weight" in shapes
    assert ("attend.questions.map.weight" in shapes) == with_encoder
    assert (shapes.get("score_own.vectors.free") == (4, 24)) == with_encoder


def test_no_residual_block():
    X, Y = notes()
    fitted = JLANClassifier(**TINY, n_residual_blocks=0).fit(X, Y)
    assert len(fitted.net_.module_.encode.blocks) == 0
    assert fitted.predict(X).shape == Y.shape


def test_it_learns_from_the_first_epochs_on():
    made = make_notes(400, 6, mean_words=40, sd_words=10, codes_per_note=1.5, random_state=0)
    X, Y = WordTokenizer(min_notes=2).fit_transform(made.data), made.target.toarray()
    sizes = {"hidden_size": 32, "attention_size": 32, "embedding_dim": 32, "kernel_size": 5}
    learner = JLANClassifier(**{**TINY, **sizes, "lr": 0.005, "batch_size": 16, "max_epochs": 8})
    fitted = learner.set_params(classes=made.target_names, epsilon=0).fit(X[:300], Y[:300])
    losses = fitted.history_[:, "train_loss"]
    assert losses[3] < 0.85 * losses[0]
    assert f1_score(Y[300:], fitted.predict(X[300:]), average="micro") > 0.75


def test_the_loss_leaves_out_what_epsilon_and_gamma_say():
    X, Y = notes()
    classifier = JLANClassifier(**TINY, epsilon=0.3, gamma=0.02)
    loss = classifier.training_loss()
    assert isinstance(loss, TruncatedBCE)
    assert loss.get_params() == {"epsilon": 0.3, "gamma": 0.02}
    plain, truncated = (
        clone(classifier).set_params(epsilon=epsilon, gamma=1.0).fit(X, Y) for epsilon in (0.0, 0.5)
    )
    first, second = (
        [row["train_loss"] for row in fitted.history_[0]["batches"]]
        for fitted in (plain, truncated)
    )
    assert first[0] == second[0]  # no step is done yet, and nothing is left out
    assert second[1] < first[1]


@pytest.mark.parametrize("name", ["epsilon", "gamma", "hidden_size", "n_residual_blocks"])
def test_wrong_parameters_are_named(name):
    X, Y = notes()
    with pytest.raises(ValueError, match=f"'{name}' parameter of JLANClassifier"):
        JLANClassifier(**{**TINY, name: -1}).fit(X, Y)


def test_descriptions_start_from_the_titles_and_are_trained():
    X, Y = notes()
    same = {**TITLES, "B": TITLES["A"]}
    start = titled(label_titles=same, lr=1e-12, optimizer="sgd").fit(X, Y)
    vectors = start.net_.module_.attend.descriptions().detach()
    near, far = vectors[0] @ vectors[1], vectors[0] @ vectors[2]
    assert near > 0.5 * vectors[0].norm() * vectors[1].norm() > far
    trained = titled(label_titles=same).fit(X, Y).net_.module_.attend.descriptions
    assert trained.free.abs().min() > 0


def test_codes_without_titles_start_at_random():
    X, Y = notes()
    fitted = JLANClassifier(**TINY).fit(X, Y)
    assert not hasattr(fitted, "label_encoder_")
    assert fitted.net_.module_.attend.descriptions.map is None
    with pytest.raises(ValueError, match="label_encoder"):
        fitted.with_codes({"new": "Some disease"})


def test_codes_can_be_added_with_an_encoder_only():
    X, Y = notes()
    new = {"E": "Asthma with exacerbation"}
    with pytest.raises(ValueError, match=r"label_encoder=TitleEncoder\(\)"):
        titled().fit(X, Y).with_codes(new)
    fitted = titled(label_encoder=TitleEncoder(random_state=0)).fit(X, Y)
    before = fitted.predict_proba(X)
    extended = fitted.with_codes(new)
    assert extended.classes_.tolist() == [*TITLES, "E"]
    np.testing.assert_allclose(extended.predict_proba(X)[:, :4], before, rtol=1e-5)
    assert np.array_equal(fitted.predict_proba(X), before)
    for weights in extended.attention(X[:3], ["E", "A"]):
        np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)


def test_attention_is_that_of_the_tokens():
    X, Y = notes()
    fitted = titled().fit(X, Y)
    padded = sparse.csr_array(np.pad(X.toarray(), ((0, 0), (0, 3))))
    for weights, same in zip(fitted.attention(X), fitted.attention(padded), strict=True):
        assert weights.shape == (4, 9)
        np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)
        np.testing.assert_allclose(weights, same, rtol=1e-4, atol=1e-6)


def test_empty_notes_and_notes_of_one_word():
    X, Y = notes()
    fitted = titled(precision="float64").fit(X, Y)
    few = sparse.csr_array(np.array([[0, 0, 0], [3, 0, 0], [3, 4, 5]]))
    together = fitted.predict_proba(few)
    assert np.isfinite(together).all()
    for i in range(3):
        np.testing.assert_allclose(fitted.predict_proba(few[[i]])[0], together[i], rtol=1e-10)
    assert [weights.shape for weights in fitted.attention(few)] == [(4, 0), (4, 1), (4, 3)]


def test_the_truncated_loss_serves_other_systems_too():
    X, Y = notes()
    shared = {
        name: value for name, value in TINY.items() if name in LDPLAMClassifier().get_params()
    }
    fitted = LDPLAMClassifier(**shared, n_pseudo_labels=4, loss=TruncatedBCE(gamma=1.0))
    fitted.set_params(loss__epsilon=0.5).fit(X, Y)
    plain = LDPLAMClassifier(**shared, n_pseudo_labels=4).fit(X, Y)
    first, second = (c.history_[0]["batches"] for c in (plain, fitted))
    assert first[0]["train_loss"] == second[0]["train_loss"]
    assert first[1]["train_loss"] > second[1]["train_loss"]
