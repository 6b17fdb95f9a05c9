"""Transformers attend head by head where it pays, learn the same, and are saved as they were."""

import copy
import pickle

import numpy as np
import pytest
import torch
from tiny_models import N_WORDS, tiny_model
from torch.nn.functional import scaled_dot_product_attention

from sklearn_icd import PLMICDClassifier
from sklearn_icd.nn import SegmentEncoder, _self_attention, _transformer_attention
from sklearn_icd.nn._transformers import enable_checkpointing
from sklearn_icd.utils._pretrained import load_transformer

LENGTHS = [9, 9, 4, 0, 1]
DROPPED = {"attention_probs_dropout_prob": 0.4}


@pytest.fixture
def heads(monkeypatch):
    """Compute head by head however short segments are, and give a list of the heads."""
    monkeypatch.setattr(_self_attention, "_FEWEST_DROPPED", 1)
    seen = []
    own = _self_attention._Head.__init__

    def init(self, *arguments):
        seen.append(self)
        own(self, *arguments)

    monkeypatch.setattr(_self_attention._Head, "__init__", init)
    return seen


@pytest.fixture
def fused(monkeypatch):
    """Give a list of the calls of torch's fused attention."""
    calls = []

    def count(*arguments, **options):
        calls.append(options)
        return scaled_dot_product_attention(*arguments, **options)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", count)
    return calls


def segments(lengths=LENGTHS, width=9):
    ids = np.random.RandomState(0).randint(7, N_WORDS + 1, size=(len(lengths), 1, width))
    return torch.from_numpy(ids * (np.arange(width) < np.array(lengths)[:, None, None]))


def load(folder):
    return load_transformer(folder, parameter="pretrained")


def encoder(kind="bert", **changes):
    return SegmentEncoder(load(tiny_model(kind, **changes))).double().train()


def step(read, ids=None, seed=0):
    """Give the loss and the gradients of a training step."""
    torch.manual_seed(seed)
    read.zero_grad()
    hidden, mask = read(segments() if ids is None else ids)
    loss = (hidden[mask] ** 3).sum()
    loss.backward()
    gradients = {name: p.grad for name, p in read.named_parameters() if p.grad is not None}
    return {"loss": loss.detach(), **gradients}


def attends_by(read):
    return read.transformer.config._attn_implementation


def assert_same(found, expected, **tolerance):
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, **tolerance)


@pytest.mark.parametrize("kind", ["bert", "roberta"])
@pytest.mark.parametrize("lengths", [LENGTHS, [9, 9]])
def test_a_step_is_that_of_torchs_attention(heads, fused, kind, lengths):
    off = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    expected = step(encoder(kind, **off), segments(lengths))
    assert len(fused) == 2
    assert not heads
    # So little dropout that nothing is dropped.
    found = step(encoder(kind, **off | {"attention_probs_dropout_prob": 1e-9}), segments(lengths))
    assert len(fused) == 2
    layers, directions = 2, 2
    assert len(heads) == layers * directions * 2 * sum(length > 0 for length in lengths)
    assert_same(found, expected, rtol=1e-9, atol=1e-9)


def test_a_step_of_a_bert_with_a_vocabulary_of_notes(tiny_bert, monkeypatch, heads):
    ids = segments([300, 280], width=300)
    steps = []
    for fewest in (1000, 256):
        monkeypatch.setattr(_self_attention, "_FEWEST_DROPPED", fewest)
        transformer = load(tiny_bert)
        for module in transformer.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 1e-9
        steps.append(step(SegmentEncoder(transformer).train(), ids))
        assert bool(heads) == (fewest == 256)
    assert_same(*steps, rtol=1e-4, atol=1e-4)


def test_dropout_is_drawn_with_the_seed(heads):
    read = encoder(**DROPPED)
    assert_same(step(read), step(read), rtol=0, atol=0)
    assert step(read)["loss"] != step(read, seed=1)["loss"]
    assert heads


def test_checkpoints_drop_the_same(heads):
    read, checkpointed = encoder(**DROPPED), encoder(**DROPPED)
    enable_checkpointing(checkpointed.transformer)
    expected, n_heads = step(read), len(heads)
    assert_same(step(checkpointed), expected)
    assert len(heads) == n_heads + n_heads * 3 // 2


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_under_autocast(heads, dtype):
    read = encoder(**DROPPED).float()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        found = step(read)
    assert {head.queries.dtype for head in heads} == {dtype}
    assert all(tensor.isfinite().all() for tensor in found.values())


# Where the same call is made as before ---------------------------------------------------------


def test_evaluation_is_bit_for_bit_the_same(heads):
    read = encoder()
    expected = read.eval()(segments())[0]
    read.train()(segments())
    assert heads
    heads.clear()
    assert torch.equal(read.eval()(segments())[0], expected)
    assert not heads


@pytest.mark.parametrize("changes", [{}, {"attention_probs_dropout_prob": 0.0}])
def test_short_segments_are_bit_for_bit_the_same(monkeypatch, changes):
    read = encoder(**changes)
    found = step(read)
    assert attends_by(read) == "sklearn_icd"
    monkeypatch.setattr(_transformer_attention, "_FUSED", "another")
    before = encoder(**changes)
    assert_same(found, step(before), rtol=0, atol=0)
    assert attends_by(before) == "sdpa"


@pytest.mark.parametrize("kind", ["longformer", "xlnet"])
def test_architectures_with_attention_of_their_own(heads, kind):
    read = encoder(kind).float()
    step(read)
    assert attends_by(read) == "eager"
    assert not heads


def test_tokens_that_see_only_those_before(heads):
    from transformers import GPT2Config, GPT2Model

    config = GPT2Config(vocab_size=N_WORDS, n_embd=8, n_layer=2, n_head=2, n_positions=20)
    with torch.random.fork_rng(devices=[]):
        read = SegmentEncoder(GPT2Model(config)).train()
    step(read)
    assert attends_by(read) == "sdpa"
    assert not heads


class Layer(torch.nn.Module):
    is_causal = False


@pytest.mark.parametrize(
    ("how", "is_own"),
    [
        ("padding", True),
        ("none", True),
        ("padding first", False),
        ("window", False),
        ("per head", False),
        ("numbers", False),
        ("scaling", False),
        ("position_bias", False),
        ("is_causal", False),
        ("causal layer", False),
        ("fewer keys", False),
    ],
)
def test_other_masks_and_options_are_left_to_transformers(heads, fused, how, is_own):
    _transformer_attention._register()
    query, key, value = torch.randn(3, 2, 4, 6, 8)
    padding = (torch.arange(6) < torch.tensor([[6], [4]]))[:, None, None]
    mask = padding.expand(2, 1, 6, 6)
    masks = {
        "none": None,
        "padding first": mask.flip(-1),
        "window": mask & torch.ones(6, 6, dtype=torch.bool).tril(1).triu(-1),
        "per head": mask.expand(2, 4, 6, 6),
        "numbers": torch.where(mask, 0.0, -1e9),
        "fewer keys": mask[..., :5],
    }
    layer = Layer()
    layer.is_causal = how == "causal layer"
    if how == "fewer keys":
        key, value = key[:, :, :5], value[:, :, :5]
    options = {"scaling": 0.3 if how == "scaling" else 8**-0.5}
    if how == "position_bias":
        options["position_bias"] = torch.randn(1, 4, 6, 6)
    if how == "is_causal":
        options["is_causal"] = True
    output, _ = _transformer_attention._attend(
        layer, query, key, value, masks.get(how, mask), dropout=0.5, **options
    )
    assert output.shape == (2, 6, 4, 8)
    assert output.is_contiguous()
    assert bool(heads) == is_own
    assert len(fused) == (not is_own)


def test_a_compiled_encoder_has_torchs_attention(heads):
    read = encoder(hidden_dropout_prob=0.0, attention_probs_dropout_prob=1e-9)
    expected = step(read)
    assert heads
    heads.clear()
    torch.compiler.reset()
    compiled = torch.compile(read, backend="eager")
    found = step(compiled)
    assert_same(
        {name.removeprefix("_orig_mod."): tensor for name, tensor in found.items()}, expected
    )
    assert not heads


# What is saved ---------------------------------------------------------------------------------


def test_saved_and_copied_it_has_its_own_attention(heads, tmp_path):
    read = encoder()
    step(read)
    assert attends_by(read) == "sklearn_icd"
    for other in (copy.deepcopy(read), pickle.loads(pickle.dumps(read))):
        assert type(attends_by(other)) is str
        assert attends_by(other) == "sdpa"
        assert torch.equal(other.eval()(segments())[0], read.eval()(segments())[0])
        heads.clear()
        step(other.train())
        assert heads
    read.transformer.save_pretrained(tmp_path)
    assert "sklearn_icd" not in (tmp_path / "config.json").read_text()
    assert load(tmp_path).config._attn_implementation == "sdpa"


def test_a_fitted_classifier_does_not_name_it(heads):
    X = segments()[:, 0].numpy().astype(np.int32)
    Y = np.array([[1, 0], [0, 1], [1, 0], [0, 1], [1, 1]])
    classifier = PLMICDClassifier(
        pretrained=tiny_model(), max_epochs=1, warmup_steps=0, threshold=0.5, random_state=0
    )
    fitted = classifier.fit(X, Y)
    assert heads
    restored = pickle.loads(pickle.dumps(fitted))
    config = restored.net_.module_.embed.encoder.transformer.config
    assert config._attn_implementation == "sdpa"
    np.testing.assert_array_equal(restored.predict_proba(X), fitted.predict_proba(X))
