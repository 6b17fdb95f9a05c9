"""HiLAT, fitted: the paper's equations on top of what the transformer gives."""

import numpy as np
import pytest
from scipy.special import expit, softmax
from tiny_models import N_WORDS, hidden_states, tiny_model

from sklearn_icd.codes import TitleEncoder
from sklearn_icd.models import HiLATClassifier
from sklearn_icd.text import SegmentTokenizer

LENGTHS = np.array([[6, 4, 5], [3, 0, 0], [6, 1, 0], [2, 2, 0]])
CODES = {"I10": "Essential hypertension", "E11.9": "Type 2 diabetes", "J18.9": "Pneumonia"}


def notes(width=6):
    random_state = np.random.RandomState(0)
    ids = random_state.randint(2, N_WORDS + 1, size=(*LENGTHS.shape, width))
    X = ids * (np.arange(width) < LENGTHS[..., None])
    return X, random_state.randint(0, 2, size=(len(X), len(CODES)))


def numpy_of(tensor):
    return tensor.detach().numpy()


def paper(module, H):
    """Give probabilities (eq. 1-8) and weights (eq. 10) from the hidden states of segments."""
    W, K = numpy_of(module.attend.project.linear.weight), numpy_of(module.mix.weight)
    U, beta = numpy_of(module.attend.vectors()), numpy_of(module.score.vectors())
    A = [softmax(U @ np.tanh(W @ h.T), axis=1) for h in H]
    M = np.stack([a @ h for a, h in zip(A, H, strict=True)], axis=1)  # (L, s, d)
    o = softmax(np.tanh(M @ K.T) @ numpy_of(module.query), axis=1)
    logits = (np.einsum("ls,lsd->ld", o, M) * beta).sum(axis=1) + numpy_of(module.score.bias)
    weights = np.hstack([a * o[:, s, None] for s, a in enumerate(A)])
    return expit(logits), weights


@pytest.mark.parametrize("encoder", [None, TitleEncoder()], ids=["random", "titles"])
def test_the_papers_equations(encoder):
    X, Y = notes()
    classifier = HiLATClassifier(
        pretrained=tiny_model(), classes=list(CODES), label_titles=CODES, label_encoder=encoder,
        max_epochs=2, lr=1e-2, warmup_steps=0, validation_fraction=None, precision="float64",
        random_state=0,
    ).fit(X, Y)  # fmt: skip
    module = classifier.net_.module_.eval()
    found, attended = classifier.predict_proba(X), classifier.attention(X)
    for i, note in enumerate(X):
        H = [hidden_states(module.encode.transformer, s) for s in note if s.any()]
        probabilities, weights = paper(module, H)
        np.testing.assert_allclose(found[i], probabilities, rtol=1e-9)
        np.testing.assert_allclose(attended[i], weights, rtol=1e-5, atol=1e-7)


def test_shapes_of_the_parameters():
    """Compare with the public code, for hidden states of 8 and 3 codes.

    ============================================  ======  ============================
    public name                                   shape   ours
    ============================================  ======  ============================
    transformer_layer.*                                   encode.transformer.*
    label_wise_attention_layer.l1_linear.weight   (8, 8)  attend.project.linear.weight
    label_wise_attention_layer.l2_linear.weight   (3, 8)  attend.vectors.free
    chunk_attention_layer.l1_linear.weight        (8, 8)  mix.weight
    chunk_attention_layer.l2_linear.weight        (1, 8)  query (8,)
    classifier_layer.weight                       (3, 8)  score.vectors.free
    classifier_layer.bias                         (3,)    score.bias
    ============================================  ======  ============================

    The four maps of the attentions have no bias.
    """
    X, Y = notes()
    classifier = HiLATClassifier(pretrained=tiny_model(), max_epochs=1, validation_fraction=None)
    parameters = classifier.fit(X, Y).net_.module_.named_parameters()
    assert {n: tuple(p.shape) for n, p in parameters if "transformer" not in n} == {
        "attend.project.linear.weight": (8, 8),
        "attend.vectors.free": (3, 8),
        "mix.weight": (8, 8),
        "query": (8,),
        "score.vectors.free": (3, 8),
        "score.bias": (3,),
    }


def test_codes_start_at_their_base_rates():
    X, Y = notes()
    classifier = HiLATClassifier(pretrained=tiny_model(), max_epochs=1, lr=1e-12, random_state=0,
                                 warmup_steps=0, validation_fraction=None)  # fmt: skip
    bias = numpy_of(classifier.fit(X, Y).net_.module_.score.bias)
    np.testing.assert_allclose(expit(bias), (Y.sum(axis=0) + 0.5) / (len(Y) + 1), rtol=1e-4)


def test_the_papers_settings():
    parameters = HiLATClassifier(pretrained="x").get_params()
    paper = {
        "optimizer": "adamw",
        "lr": 5e-5,
        "weight_decay": 0.1,
        "dropout": 0.1,
        "warmup_steps": 500,
        "batch_size": 16,
        "threshold": 0.5,
        "label_encoder": None,
    }
    assert {name: parameters[name] for name in paper} == paper


def test_a_real_roberta(models_home):
    folder = models_home / "roberta-30m"
    tokenizer = SegmentTokenizer(folder, segment_length=8, special_tokens="segment")
    texts = ["Chest pain on exertion, troponin negative.", "No fever."]
    X = tokenizer.fit_transform(texts)
    classifier = HiLATClassifier(
        pretrained=folder, max_epochs=8, lr=3e-4, warmup_steps=0, freeze_layers=4,
        validation_fraction=None, random_state=0,
    )  # fmt: skip
    Y = np.array([[1, 0], [0, 1]])
    assert np.array_equal(classifier.fit(X, Y).predict(X), Y)
    weights = classifier.attention(X)
    spans = tokenizer.spans(texts)
    assert [w.shape[1] for w in weights] == [len(s) for s in spans]
