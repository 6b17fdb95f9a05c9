"""KAICD: the authors' computation, titles known and not, and that it can learn."""

import numpy as np
import pytest
from by_hand import (
    TINY,
    TITLED,
    beside_a_longer,
    bigru,
    convolve,
    notes,
    shapes,
    single,
    unreached_parameters,
    values,
)
from scipy.special import softmax
from sklearn.metrics import f1_score

from sklearn_icd.models import KAICDClassifier

SIZES = {"n_filters": 3, "kernel_sizes": (1, 3), "hidden_size": 4, "title_dim": 5}


def fit(**parameters):
    return KAICDClassifier(**{**TINY, **SIZES, **TITLED, **parameters}).fit(*notes())


def test_defaults_are_those_of_the_authors_code():
    parameters = KAICDClassifier().get_params()
    public = {
        "embedding_dim": 320,
        "n_filters": 448,
        "kernel_sizes": (1, 3, 5),
        "title_dim": 192,
        "hidden_size": 128,
        "dropout": 0.5,
        "lr": 1e-3,
        "batch_size": 256,
        "patience": 30,
    }
    assert {name: parameters[name] for name in public} == public


def test_shapes_of_the_parameters():
    """Compare with the public code, for 20 and 9 words, e = 6, 3 maps of 2 sizes, 4 units, 4 codes.

    ===============================  =============  ===========================================
    public name                      shape          ours
    ===============================  =============  ===========================================
    noteEmbedding.embedding.weight   (20, 6)        read.0.embed.table.weight
    textCNN.conv1dList.i.0.weight    (3, 6, k)      read.0.encode.filters.i.convolution
    titleEmbedding.embedding.weight  (9, 5)         read.1.titles.read.embed.table.weight
    textBiRNN.biGRU, both ways       (12, 5), ...   read.1.titles.read.encode.ahead, .back
    simpleAttn.attnWeight.0          (2, 8), (2,)   read.1.titles.read.pool.project
    simpleAttn.W                     (2, 1)         read.1.titles.read.pool.query (2,)
    knowledgeAttn.linear.0           (8, 6), (8,)   read.1.project
    fcLinear.out                     (4, 14), (4,)  score.vectors.free, score.bias
    ===============================  =============  ===========================================
    """
    named = shapes(fit().net_.module_)
    gru = {"weight_ih_l0": (12, 5), "weight_hh_l0": (12, 4)}
    gru |= {"bias_ih_l0": (12,), "bias_hh_l0": (12,)}
    titles = {
        "embed.table.weight": (9, 5),
        **{f"encode.{way}.{k}": s for way in ("ahead", "back") for k, s in gru.items()},
        "pool.project.weight": (2, 8),
        "pool.project.bias": (2,),
        "pool.query": (2,),
    }
    assert named == {
        "read.0.embed.table.weight": (20, 6),
        "read.0.encode.filters.0.convolution.weight": (3, 6, 1),
        "read.0.encode.filters.0.convolution.bias": (3,),
        "read.0.encode.filters.1.convolution.weight": (3, 6, 3),
        "read.0.encode.filters.1.convolution.bias": (3,),
        **{f"read.1.titles.read.{k}": s for k, s in titles.items()},
        "read.1.project.weight": (8, 6),
        "read.1.project.bias": (8,),
        "score.vectors.free": (4, 14),
        "score.bias": (4,),
    }


def titles_by_hand(module):
    table, W, b, w = values(
        module,
        *(
            f"read.1.titles.read.{name}"
            for name in ("embed.table.weight", "pool.project.weight", "pool.project.bias")
        ),
        "read.1.titles.read.pool.query",
    )
    vectors = []
    for ids in module.read[1].titles.ids.numpy():
        hidden = bigru(module, "read.1.titles.read.encode", table[ids[ids != 0]])
        vectors.append(softmax(np.tanh(hidden @ W.T + b) @ w) @ hidden)
    return np.array(vectors)


@pytest.mark.parametrize("words", [[2, 5, 3, 4, 2], [3]])
def test_logits_are_those_of_the_public_formulas(words):
    fitted = fit()
    module = fitted.net_.module_
    table, first, first_bias, second, second_bias, W, b, scores, offsets = values(
        module,
        "read.0.embed.table.weight",
        *(
            f"read.0.encode.filters.{i}.convolution.{kind}"
            for i in range(2)
            for kind in ("weight", "bias")
        ),
        "read.1.project.weight",
        "read.1.project.bias",
        "score.vectors.free",
        "score.bias",
    )
    maps = [
        convolve(table[words], first, first_bias, left=0),
        convolve(table[words], second, second_bias, left=1),
    ]
    x = np.maximum(np.hstack(maps), 0).max(axis=0)
    T = titles_by_hand(module)
    knowledge = softmax(T @ np.tanh(W @ x + b)) @ T
    expected = scores @ np.hstack([knowledge, x]) + offsets
    for X in (single(*words), beside_a_longer(*words)):
        np.testing.assert_allclose(fitted.decision_function(X)[0], expected, rtol=1e-10)


def test_words_of_titles_are_numbered_in_lower_case():
    titles = {"A01": "Fever of Unknown origin", "B02": "unknown fever", "C03": "gum", "D04": "gum"}
    ids = fit(label_titles=titles).net_.module_.read[1].titles.ids
    assert ids.shape == (4, 4)
    assert set(ids[1, :2].tolist()) == {ids[0, 0].item(), ids[0, 2].item()}
    assert ids[2].tolist() == ids[3].tolist() == [ids[2, 0].item(), 0, 0, 0]


def test_codes_without_known_titles_have_vectors_instead():
    fitted = fit(classes=None, label_titles=None)
    assert shapes(fitted.net_.module_)["read.1.titles.free"] == (4, 8)
    with pytest.raises(ValueError, match="no title for 1 of 4 codes"):
        fit(label_titles=dict.fromkeys(list(TITLED["classes"])[:3], "x"))


def test_it_has_no_attention_and_says_why():
    with pytest.raises(AttributeError, match="KAICDClassifier has no attention: it attends to"):
        fit().attention(single(2))


def test_it_can_learn_what_stands_in_the_notes():
    sizes = {"n_filters": 32, "embedding_dim": 16, "max_epochs": 10, "dropout": 0.0}
    fitted = KAICDClassifier(**{**TINY, **SIZES, **TITLED, **sizes}).fit(*notes(150))
    X, y = notes(60, seed=1)
    y_pred = fitted.predict(X)
    assert f1_score(y, y_pred, average="micro") > 0.9


def test_gradients_reach_every_parameter():
    assert not unreached_parameters(fit(dropout=0.0).net_.module_)
