"""Where real data and models are, a tiny BERT, one torch thread, matplotlib without a screen."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("MPLBACKEND", "agg")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")


def _home(variable, what):
    folder = os.environ.get(variable)
    if not folder or not Path(folder).is_dir():
        pytest.skip(f"{variable} names no folder: the {what} are not on this machine")
    return Path(folder)


@pytest.fixture(scope="session")
def data_home():
    return _home("SKLEARN_ICD_DATA", "real corpora")


@pytest.fixture(scope="session")
def models_home():
    return _home("SKLEARN_ICD_MODELS", "pretrained models")


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory):
    """A folder with a BERT of random weights, and a tokenizer that learned from made notes."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast
    from transformers.utils import logging

    from sklearn_icd.datasets import make_notes

    folder = tmp_path_factory.mktemp("tiny_bert")
    notes = make_notes(100, 8, mean_words=60, random_state=0).data
    tokenizer = BertTokenizerFast().train_new_from_iterator(notes, 400, show_progress=False)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=512,
        pad_token_id=tokenizer.pad_token_id,
    )
    logging.disable_progress_bar()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    logging.enable_progress_bar()
    return folder
