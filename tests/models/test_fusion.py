"""Fusion: the paper's network, its errors, titles, and that it can learn."""

import numpy as np
import pytest
import torch
from by_hand import (
    attend,
    beside_a_longer,
    convolve,
    group_norm,
    layer_norm,
    shapes,
    single,
    values,
)
from scipy import sparse
from scipy.special import softmax
from sklearn.metrics import f1_score
from tiny_models import tiny_model

from sklearn_icd.codes import TitleEncoder
from sklearn_icd.models import FusionClassifier

TINY = {
    "n_filters": 4,
    "kernel_sizes": (1, 3),
    "n_heads": 2,
    "embedding_dim": 6,
    "word_vectors": None,
    "lr": 0.01,
    "batch_size": 8,
    "max_epochs": 2,
    "validation_fraction": None,
    "random_state": 0,
}
TITLES = {
    "A01": "typhoid fever",
    "B02": "zoster",
    "C03": "malignant neoplasm of gum",
    "D04": "carcinoma in situ of skin",
}


def notes(n=60, seed=0):
    random_state = np.random.RandomState(seed)
    X = sparse.csr_array(random_state.randint(1, 20, size=(n, 9)))
    Y = np.array([np.isin(np.arange(4) + 2, row) for row in X.toarray()])
    return X, Y.astype(int)


def ragged():
    """Give notes of 9, 4, 1, 0 and 5 words."""
    X = notes()[0][:5].toarray()
    for row, length in zip(X, [9, 4, 1, 0, 5], strict=True):
        row[length:] = 0
    return sparse.csr_array(X)


def test_defaults_are_the_papers():
    parameters = FusionClassifier().get_params()
    paper = {
        "n_filters": 50,
        "kernel_sizes": (3, 5, 9, 15, 19, 25),
        "pool_size": 2,
        "n_residual_blocks": 1,
        "embedding_dim": 100,
        "dropout": 0.2,
        "word_vectors": "skip-gram",
        "label_encoder": None,
        "optimizer": "adam",
        "lr": 1e-4,
        "batch_size": 16,
    }
    assert {name: parameters[name] for name in paper} == paper


def test_shapes_of_the_parameters():
    """Compare with the public code, for a vocabulary of 20, e = 6, d = 4, k = 1 and 3, 4 codes.

    ======================================  =========  =============================================
    public name                             shape      ours
    ======================================  =========  =============================================
    word_rep.embed.weight                   (20, 6)    embed.table.weight
    conv.channel-3.baseconv.weight          (6, 6, 3)  encode.filters.1.convolution.weight (4, 6, 3)
    conv.channel-3.baseconv.bias            (6,)       encode.filters.1.convolution.bias (4,)
    conv.channel-3.basevonb-pool-0
    .att_conv.0.weight                      (1, 6, 1)  compress.pools.1.score.weight (1, 4)
    none: it cancels in the softmax                    compress.pools.1.score.bias (1,)
    conv.channel-3.resconv-0.left.0         (4, 6, 3)  compress.blocks.1.0.layers.0.convolution
    conv.channel-3.resconv-0.left.1         (4,)       compress.blocks.1.0.layers.0.norm
    conv.channel-3.resconv-0.left.3         (4, 4, 3)  compress.blocks.1.0.layers.1.convolution
    conv.channel-3.resconv-0.left.4         (4,)       compress.blocks.1.0.layers.1.norm
    conv.channel-3.resconv-0.shortcut.0     (4, 6, 1)  compress.blocks.1.0.shortcut.convolution
    conv.channel-3.resconv-0.shortcut.1     (4,)       compress.blocks.1.0.shortcut.norm
    transfer.encoder_layers.0.attention
    .linear_q, .linear_k, .linear_v         (8, 8)     compress.mix.project (24, 8)
    .linear_final                           (8, 8)     compress.mix.join
    .layer_norm                             (8,)       compress.mix.norm
    transfer.encoder_layers.0.feed_forward  ...        none
    transfer.pos_embedding                  ...        none
    output_layer.U.weight                   (4, 8)     attend.vectors.free
    output_layer.U.bias                     (4,)       none: there it is made, and never used
    output_layer.final.weight               (4, 8)     score.vectors.free
    output_layer.final.bias                 (4,)       score.bias
    ======================================  =========  =============================================

    The convolutions of a residual block have no bias; normalisation has weight and bias, as have
    the four maps of the key-query attention. With e = d and without what `transfer` does, the
    public code gives the same logits; with one head, the attention in it the same as ours. The
    rest is what the Notes of the class tell.
    """
    X, Y = notes()
    expected = {
        "embed.table.weight": (20, 6),
        "compress.mix.project.weight": (24, 8),
        "compress.mix.project.bias": (24,),
        "compress.mix.join.weight": (8, 8),
        "compress.mix.join.bias": (8,),
        "compress.mix.norm.weight": (8,),
        "compress.mix.norm.bias": (8,),
        "attend.vectors.free": (4, 8),
        "score.vectors.free": (4, 8),
        "score.bias": (4,),
    }
    for i, k in enumerate((1, 3)):
        block = f"compress.blocks.{i}.0"
        expected |= {
            f"encode.filters.{i}.convolution.weight": (4, 6, k),
            f"encode.filters.{i}.convolution.bias": (4,),
            f"compress.pools.{i}.score.weight": (1, 4),
            f"compress.pools.{i}.score.bias": (1,),
            f"{block}.layers.0.convolution.weight": (4, 4, k),
            f"{block}.layers.1.convolution.weight": (4, 4, k),
            f"{block}.shortcut.convolution.weight": (4, 4, 1),
        }
        for part in ("layers.0", "layers.1", "shortcut"):
            expected |= {f"{block}.{part}.norm.{name}": (4,) for name in ("weight", "bias")}
    assert shapes(FusionClassifier(**TINY).fit(X, Y).net_.module_) == expected


def compressed_by_hand(module, x):
    """Give what the filters make of word vectors (t, 6): eq. 1 and 2, section 3.2.3."""
    found = []
    for i, k in enumerate((1, 3)):
        look, b, w, c = values(
            module,
            *(f"encode.filters.{i}.convolution.{name}" for name in ("weight", "bias")),
            *(f"compress.pools.{i}.score.{name}" for name in ("weight", "bias")),
        )
        y = np.tanh(convolve(x, look, b, left=k // 2))
        windows = [y[start : start + 2] for start in range(0, len(y), 2)]
        y = np.array([softmax(window @ w[0] + c) @ window for window in windows])

        def normed(y, part, k, block=f"compress.blocks.{i}.0"):
            names = ("convolution.weight", "norm.weight", "norm.bias")
            W, gamma, beta = values(module, *(f"{block}.{part}.{name}" for name in names))
            return group_norm(convolve(y, W, 0, left=k // 2), gamma, beta)

        inner = normed(np.tanh(normed(y, "layers.0", k)), "layers.1", k)
        found.append(np.tanh(inner + normed(y, "shortcut", 1)))
    return np.hstack(found)


def mixed_by_hand(module, positions):
    """Let positions (p, 8) look at each other with two heads: section 3.3."""
    P, p, J, j, gamma, beta = values(
        module,
        *(
            f"compress.mix.{part}.{name}"
            for part in ("project", "join", "norm")
            for name in ("weight", "bias")
        ),
    )
    parts = np.split(positions @ P.T + p, 3, axis=1)
    heads = [[part[:, h : h + 4] for part in parts] for h in (0, 4)]
    found = np.hstack([softmax(q @ k.T / 2, axis=1) @ v for q, k, v in heads])
    return layer_norm(positions + found @ J.T + j, gamma, beta)


@pytest.mark.parametrize("words", [[2, 5, 3, 4, 2, 9, 11], [3]])
def test_logits_are_those_of_the_paper(words):
    X, Y = notes()
    fitted = FusionClassifier(**TINY, precision="float64").fit(X, Y)
    module = fitted.net_.module_
    table, U, weight, bias = values(
        module, "embed.table.weight", "attend.vectors.free", "score.vectors.free", "score.bias"
    )
    g = mixed_by_hand(module, compressed_by_hand(module, table[words]))
    expected = (weight * attend(U, g, g)).sum(axis=1) + bias
    for X in (single(*words), beside_a_longer(*words)):
        np.testing.assert_allclose(fitted.decision_function(X)[0], expected, rtol=1e-9)


def test_an_empty_note_has_the_biases_of_the_codes():
    X, Y = notes()
    fitted = FusionClassifier(**TINY).fit(X, Y)
    bias = fitted.net_.module_.score.bias.detach().numpy()
    np.testing.assert_allclose(fitted.decision_function(ragged())[3], bias, rtol=1e-6)


@pytest.mark.parametrize("pool_size", [1, 2, 4, 50])
@pytest.mark.parametrize("n_residual_blocks", [0, 2])
def test_attention_sums_to_1_over_the_words(pool_size, n_residual_blocks):
    X, Y = notes()
    parameters = {**TINY, "pool_size": pool_size, "n_residual_blocks": n_residual_blocks}
    fitted = FusionClassifier(**parameters, precision="float64").fit(X, Y)
    X = ragged()
    together, weights = fitted.decision_function(X), fitted.attention(X, [3, 0])
    assert [row.shape for row in weights] == [(2, length) for length in (9, 4, 1, 0, 5)]
    for i, row in enumerate(weights):
        assert (row >= 0).all()
        np.testing.assert_allclose(row.sum(axis=1), float(row.shape[1] > 0), rtol=1e-5)
        alone = fitted.decision_function(X[[i]])[0]
        np.testing.assert_allclose(alone, together[i], rtol=1e-9, atol=1e-9)


def test_it_can_learn_what_stands_in_the_notes():
    X, Y = notes(150)
    sizes = {"n_filters": 16, "embedding_dim": 16, "max_epochs": 15, "dropout": 0.0}
    fitted = FusionClassifier(**{**TINY, **sizes}).fit(X, Y)
    assert f1_score(Y, fitted.predict(X), average="micro") > 0.95
    held_out, y = notes(60, seed=1)
    assert f1_score(y, fitted.predict(held_out), average="micro") > 0.9
    # Codes look where their word stands.
    hits = [
        held_out[[i], :].toarray()[0][weights[code].argmax()] == code + 2
        for i, weights in enumerate(fitted.attention(held_out))
        for code in np.flatnonzero(y[i])
    ]
    assert np.mean(hits) > 0.6


def test_gradients_reach_every_parameter():
    X, Y = notes()
    fitted = FusionClassifier(**TINY, label_encoder=TitleEncoder(n_components=3), classes=[*TITLES])
    module = fitted.set_params(label_titles=TITLES).fit(X, Y).net_.module_
    module.zero_grad()
    ids = torch.from_numpy(X.toarray().astype(np.int64))
    module(ids, y=torch.from_numpy(Y).float(), loss=lambda a, y: (a - y).square().sum()).backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad.isfinite().all(), name
        # A number that is added to all scores of a softmax changes nothing.
        cancels = name.startswith("compress.pools") and name.endswith("bias")
        assert cancels or parameter.grad.any(), name


def test_codes_are_added_by_their_titles():
    X, Y = notes()
    parameters = {**TINY, "classes": list(TITLES), "label_titles": TITLES}
    fitted = FusionClassifier(**parameters, label_encoder=TitleEncoder(n_components=3)).fit(X, Y)
    extended = fitted.with_codes({"E05": "another fever", "F06": "neoplasm of skin"})
    assert extended.classes_.tolist() == [*TITLES, "E05", "F06"]
    before, after = fitted.decision_function(X), extended.decision_function(X)
    assert after.shape == (60, 6)
    np.testing.assert_array_equal(after[:, :4], before)
    assert not np.allclose(after[:, 4], after[:, 5])
    assert [row.shape for row in extended.attention(X[:1], ["F06", "A01"])] == [(2, 9)]
    with pytest.raises(ValueError, match="label_encoder"):
        FusionClassifier(**parameters).fit(X, Y).with_codes({"E05": "another fever"})


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_heads": 3}, "n_heads=3 does not divide the 8 maps"),
        ({"kernel_sizes": ()}, "kernel_sizes must hold at least one positive integer"),
        ({"kernel_sizes": (3, 0)}, r"kernel_sizes must hold .*\(3, 0\)"),
        ({"kernel_sizes": (3, 2.5)}, r"kernel_sizes must hold .*\(3, 2.5\)"),
    ],
)
def test_errors_name_the_parameter(parameters, message):
    X, Y = notes(10)
    with pytest.raises(ValueError, match=message):
        FusionClassifier(**{**TINY, **parameters}).fit(X, Y)


def test_kernel_sizes_may_be_an_array():
    X, Y = notes(20)
    fitted = FusionClassifier(**{**TINY, "kernel_sizes": np.array([1, 4])}).fit(X, Y)
    assert fitted.predict(X).shape == (20, 4)


# Segments ------------------------------------------------------------------------------------


def segments():
    """Give notes of 3, 1, 0 and 2 segments."""
    X = np.random.RandomState(0).randint(1, 20, size=(4, 3, 7))
    for note, n_segments in zip(X, [3, 1, 0, 2], strict=True):
        note[n_segments:] = 0
    X[0, 2, 4:] = 0
    return X, np.eye(4, dtype=int)


def read_segments(**parameters):
    X, Y = segments()
    return FusionClassifier(
        **{**TINY, "pretrained": tiny_model("bert"), "precision": "float64", **parameters}
    ).fit(X, Y)


def test_a_transformer_and_an_lstm_can_make_the_input():
    module = read_segments(embedding_dim=5).net_.module_.eval()
    ids = torch.from_numpy(segments()[0])
    hidden, mask = module.embed.encoder(ids)
    joined, is_token = module.embed(ids)
    assert joined.shape == (4, 18, 6)  # 5 is odd: one half per direction, rounded up
    assert is_token.sum(dim=1).tolist() == [18, 7, 0, 14]
    first = torch.cat([segment[real] for segment, real in zip(hidden[:3], mask[:3], strict=True)])
    alone = module.embed.stack(first[None], torch.ones(1, 18, dtype=torch.bool))[0]
    torch.testing.assert_close(joined[:1], alone)


def test_segments_give_the_same_alone_and_in_company():
    classifier, (X, _) = read_segments(), segments()
    together = classifier.decision_function(X)
    for i in range(len(X)):
        alone = classifier.decision_function(X[[i]])
        np.testing.assert_allclose(alone[0], together[i], rtol=1e-9, atol=1e-12)
    for note, weights in zip(X, classifier.attention(X), strict=True):
        assert weights.shape == (4, np.count_nonzero(note))
        np.testing.assert_allclose(weights.sum(axis=1), 1.0 if note.any() else 0, rtol=1e-5)


def test_frozen_layers_stay_and_the_rest_moves():
    def parameters(max_epochs):
        module = read_segments(freeze_layers=1, lr=0.05, max_epochs=max_epochs).net_.module_
        return dict(module.embed.named_parameters())

    short, long = parameters(1), parameters(3)
    moved = {name for name in short if not torch.equal(short[name], long[name])}
    still = {name for name in short if ".embeddings." in name or "layer.0." in name}
    assert still
    assert not moved & still
    assert any("layer.1." in name for name in moved)
    assert any("stack." in name for name in moved)


def test_without_a_transformer_segments_are_refused():
    X, Y = segments()
    with pytest.raises(ValueError, match="FusionClassifier reads whole notes"):
        FusionClassifier(**TINY).fit(X, Y)
