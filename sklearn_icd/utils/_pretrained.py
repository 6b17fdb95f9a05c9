"""Loading of pretrained models: offline from folders, without their code, with readable errors."""

from contextlib import contextmanager
from pathlib import Path


def load_tokenizer(path_or_name, *, parameter):
    """Load the tokenizer of a folder or of a model on the hub.

    Parameters
    ----------
    path_or_name : str or path-like
        A folder, or the name of a model.
    parameter : str
        What error messages call it.

    Returns
    -------
    tokenizer : transformers.PreTrainedTokenizerBase
        The tokenizer.

    Raises
    ------
    OSError
        If it cannot be loaded.
    ValueError
        If it knows no words.
    """
    from transformers import AutoTokenizer

    with readable_errors(path_or_name, parameter=parameter, what="tokenizer"), quiet():
        tokenizer = AutoTokenizer.from_pretrained(path_or_name, **only_safe(path_or_name))
    # Without its files some tokenizers load all the same, and know their special tokens only.
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise ValueError(_no_tokenizer(f"{parameter}={str(path_or_name)!r}"))
    return tokenizer


def load_config(path_or_name, *, parameter):
    """Load the description of a transformer.

    Parameters
    ----------
    path_or_name : str or path-like
        A folder, or the name of a model.
    parameter : str
        What error messages call it.

    Returns
    -------
    config : transformers.PreTrainedConfig
        With its sizes.
    """
    from transformers import AutoConfig

    with readable_errors(path_or_name, parameter=parameter):
        return AutoConfig.from_pretrained(path_or_name, **only_safe(path_or_name))


def load_transformer(path_or_name, *, parameter, use_safetensors=True):
    """Load a transformer of any architecture, in float32, without its pooler.

    Of a model with an encoder and a decoder, the encoder is given.

    Parameters
    ----------
    path_or_name : str or path-like
        A folder, or the name of a model.
    parameter : str
        What error messages call it.
    use_safetensors : bool, default=True
        Whether to refuse weights in other formats, which can run code when they are read.

    Returns
    -------
    transformer : transformers.PreTrainedModel
        Ready to predict.

    Raises
    ------
    OSError
        If it cannot be loaded.
    ValueError
        If weights are missing.
    """
    import torch
    from transformers import AutoModel

    # Weights that a checkpoint lacks are drawn at random before they can be counted.
    with (
        readable_errors(path_or_name, parameter=parameter),
        quiet(),
        torch.random.fork_rng(devices=[]),
    ):
        transformer, report = AutoModel.from_pretrained(
            path_or_name,
            **only_safe(path_or_name),
            use_safetensors=True if use_safetensors else None,
            dtype=torch.float32,
            output_loading_info=True,
        )
    # The pooler comes after the last hidden state; checkpoints often have none.
    missing = sorted(key for key in report["missing_keys"] if not key.startswith("pooler."))
    if missing:
        raise ValueError(
            f"The weights of {parameter}={str(path_or_name)!r} lack {len(missing)} tensors of the "
            f"model, {missing[0]!r} first: they are not those that its config.json describes."
        )
    if transformer.config.is_encoder_decoder:
        transformer = transformer.get_encoder()
    if hasattr(transformer, "pooler"):
        transformer.pooler = None
    return transformer.eval()


def only_safe(path_or_name):
    """Give the arguments that keep loading from running code and, for a folder, off the network."""
    return {"trust_remote_code": False, "local_files_only": Path(path_or_name).is_dir()}


@contextmanager
def readable_errors(path_or_name, *, parameter, what="model"):
    """Say of something that cannot be loaded what is wanted.

    Parameters
    ----------
    path_or_name : str or path-like
        A folder, or the name of a model.
    parameter : str
        What error messages call it.
    what : {"model", "tokenizer"}, default="model"
        What is loaded.
    """
    try:
        yield
    except Exception as error:
        given = f"{parameter}={str(path_or_name)!r}"
        raise OSError(_what_is_wrong(given, Path(path_or_name), what)) from error


def _what_is_wrong(given, path, what):
    if not path.is_dir():
        return (
            f"{given} is no folder, and no {what} of this name could be loaded from the Hugging "
            "Face hub or its local cache. Give the folder of a downloaded model, or download it "
            "once with a network connection."
        )
    if what == "tokenizer":
        if not any(path.glob("*token*")) and not any(path.glob("vocab*")):
            return _no_tokenizer(given)
    elif not (path / "config.json").is_file():
        return f"{given} has no config.json: it is no transformers model."
    elif not any(path.glob("*.safetensors")):
        return (
            f"{given} has no weights in safetensors format (*.safetensors). Convert others with "
            "save_pretrained(..., safe_serialization=True)."
        )
    return f"The {what} in the folder {given} cannot be loaded: see the error above."


def _no_tokenizer(given):
    return f"{given} has no tokenizer: add its files, such as tokenizer.json."


@contextmanager
def quiet():
    """Keep transformers from printing a progress bar and a report of unused weights."""
    from transformers.utils import logging

    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()
