"""AttentiveLSTM: sentences matched with titles by hand, attention on words, what it learns."""

import numpy as np
import pytest
from by_hand import (
    TINY,
    TITLED,
    attend,
    beside_a_longer,
    lstm,
    notes,
    recurrent_parameters,
    shapes,
    single,
    unreached_parameters,
    values,
)
from scipy.special import softmax
from sklearn.metrics import f1_score

from sklearn_icd.codes import TitleEncoder
from sklearn_icd.models import AttentiveLSTMClassifier

SIZES = {"hidden_size": 5, "sentence_length": 3}


def fit(**parameters):
    return AttentiveLSTMClassifier(**{**TINY, **SIZES, **TITLED, **parameters}).fit(*notes())


def test_shapes_of_the_parameters():
    """There is no public code; beside the LSTMs, only the scores of codes have a bias."""
    lstms = {"weight_ih_l0": (20, 6), "weight_hh_l0": (20, 5)}
    lstms |= {"bias_ih_l0": (20,), "bias_hh_l0": (20,)}
    readers = ("compress.encode.ahead", "attend.vectors.read.encode.ahead")
    assert shapes(fit().net_.module_) == {
        "embed.table.weight": (20, 6),
        "attend.vectors.read.embed.table.weight": (9, 6),
        **{f"{reader}.{k}": s for reader in readers for k, s in lstms.items()},
        "score.vectors.free": (4, 5),
        "score.bias": (4,),
    }


def sentences(words):
    return [words[start : start + 3] for start in range(0, len(words), 3)]


@pytest.mark.parametrize("words", [[2, 5, 3, 4, 2, 9, 11], [3]])
def test_codes_look_for_sentences_like_their_titles(words):
    fitted = fit()
    module = fitted.net_.module_
    table, title_table, weight, bias = values(
        module,
        "embed.table.weight",
        "attend.vectors.read.embed.table.weight",
        "score.vectors.free",
        "score.bias",
    )
    H = np.array(
        [
            lstm(table[sentence], *recurrent_parameters(module, "compress.encode.ahead"))[-1]
            for sentence in sentences(words)
        ]
    )
    U = np.array(
        [
            lstm(
                title_table[ids[ids != 0]],
                *recurrent_parameters(module, "attend.vectors.read.encode.ahead"),
            )[-1]
            for ids in module.attend.vectors.ids.numpy()
        ]
    )
    expected = (weight * attend(U, H, H)).sum(axis=1) + bias
    weights = softmax(U @ H.T, axis=1)
    shares = [
        weights[:, [s]].repeat(len(sentence), axis=1) / len(sentence)
        for s, sentence in enumerate(sentences(words))
    ]
    for X in (single(*words), beside_a_longer(*words)):
        np.testing.assert_allclose(fitted.decision_function(X)[0], expected, rtol=1e-10)
        np.testing.assert_allclose(fitted.attention(X)[0], np.hstack(shares), rtol=1e-6)


def test_codes_without_known_titles_have_vectors_instead():
    fitted = fit(classes=None, label_titles=None)
    assert shapes(fitted.net_.module_)["attend.vectors.free"] == (4, 5)


def test_an_empty_note_has_the_biases_of_the_codes():
    fitted = fit()
    np.testing.assert_allclose(
        fitted.decision_function(single(0, 0))[0], *values(fitted.net_.module_, "score.bias")
    )


def test_it_can_learn_what_stands_in_the_notes():
    sizes = {"hidden_size": 32, "embedding_dim": 16, "max_epochs": 20, "lr": 0.02}
    fitted = AttentiveLSTMClassifier(**{**TINY, **SIZES, **TITLED, **sizes}).fit(*notes(150))
    X, y = notes(60, seed=1)
    assert f1_score(y, fitted.predict(X), average="micro") > 0.8


def test_codes_are_added_by_their_titles_where_an_encoder_reads_them():
    fitted = fit(label_encoder=TitleEncoder(n_components=3))
    X, _ = notes()
    after = fitted.with_codes({"E05": "another fever"}).decision_function(X)
    np.testing.assert_array_equal(after[:, :4], fitted.decision_function(X))
    with pytest.raises(ValueError, match="label_encoder"):
        fit().with_codes({"E05": "another fever"})


def test_gradients_reach_every_parameter():
    assert not unreached_parameters(fit().net_.module_)
