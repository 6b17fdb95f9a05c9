"""Transformers with random weights, small enough for tests."""

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

import torch

N_WORDS = 40  # ids of the vocabulary
LONGEST = 640  # tokens that a segment may have, for those with a limit

_SIZE = {
    "vocab_size": N_WORDS,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 8,
}
_RECURRENT = {"vocab_size": N_WORDS, "d_model": 8, "n_layer": 2, "n_head": 2, "d_inner": 8}
_CONFIGS = {
    "bert": {**_SIZE, "max_position_embeddings": LONGEST},
    "roberta": {**_SIZE, "max_position_embeddings": LONGEST + 2, "pad_token_id": 1},
    "longformer": {
        **_SIZE,
        "max_position_embeddings": LONGEST + 2,
        "pad_token_id": 1,
        "attention_window": [4, 4],
    },
    "xlnet": {**_RECURRENT, "pad_token_id": 5},
}


@functools.cache
def tiny_model(kind="bert", **changes):
    """Make the folder of a transformer, which is removed when Python ends.

    Parameters
    ----------
    kind : {"bert", "roberta", "longformer", "xlnet"}, default="bert"
        Its architecture.

    **changes : dict
        What is different in its configuration.

    Returns
    -------
    folder : str
        With configuration and weights.
    """
    folder = tempfile.mkdtemp(prefix=f"tiny-{kind}-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return save_tiny(folder, kind, **changes)


def hidden_states(transformer, segment):
    """Read one segment of ids, 0 behind its end, alone."""
    ids = torch.as_tensor(segment[segment != 0])[None] - 1
    with torch.no_grad():
        return transformer(ids).last_hidden_state[0].numpy()


def save_tiny(folder, kind="bert", **changes):
    """Save a transformer with random weights, its configuration changed as asked."""
    from transformers import AutoConfig, AutoModel
    from transformers.utils import logging

    config = AutoConfig.for_model(kind, **{**_CONFIGS[kind], **changes})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModel.from_config(config)
        # Nothing is at its start value, as in a trained model: biases neither.
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, mean=parameter.mean().item(), std=0.3)
    logging.disable_progress_bar()
    model.save_pretrained(Path(folder))
    logging.enable_progress_bar()
    return folder
