"""Vectors of texts from a pretrained transformer."""

from contextlib import contextmanager
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import ClassVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval

from sklearn_icd.codes._encoder import TextEncoder


class TransformerEncoder(TextEncoder):
    """
    Mean of the word vectors that a pretrained transformer gives for a text.

    A text's vector is the mean of the model's last hidden state over its words' tokens.
    The tokens that the tokenizer adds, such as ``[CLS]`` and ``</s>``, and padding are
    no words and do not count, so a vector does not depend on the other texts. This is
    how LD-PLAM makes the vectors of codes from RoBERTa [1]_ (section 4.2).

    Nothing is learned: `fit` checks its input. The model is loaded for each call of
    `transform` and let go after it, so that the encoder, its copies and its pickles
    hold no weights. torch's global random generator is left as it was.

    Parameters
    ----------
    path_or_name : str or path-like
        A folder with ``config.json``, weights in safetensors format and a tokenizer,
        which is read without network; or the name of a model on the Hugging Face hub,
        which is downloaded if it is not in the local cache.
    batch_size : int, default=64
        Texts that go through the model at once.
    max_length : int, default=64
        Tokens of a text that are read, those that the tokenizer adds included; what
        follows is left out.
    device : str, default="auto"
        Device that the model runs on, such as "cpu" or "cuda:1"; "auto" takes a GPU if
        there is one.

    See Also
    --------
    TitleEncoder : Vectors without a pretrained model.

    Notes
    -----
    Weights in other formats than safetensors, which can run code when they are read,
    and models that bring their own code are refused. Vectors are in float32 whatever
    the precision that the weights are stored in. Of a model with an encoder and a decoder, the
    encoder is used.

    References
    ----------
    .. [1] Y. Wu, M. Zeng, Y. Yu, Y. Li and M. Li, "A pseudo label-wise attention network
       for automatic ICD coding", IEEE Journal of Biomedical and Health Informatics, 2022.

    Examples
    --------
    >>> from sklearn_icd.codes import TransformerEncoder
    >>> encoder = TransformerEncoder("models/roberta-base")
    >>> vectors = encoder.fit_transform(["I10: Essential hypertension"])  # doctest: +SKIP
    """

    _parameter_constraints: ClassVar = {
        "path_or_name": [str, PathLike],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_length": [Interval(Integral, 3, None, closed="left")],
        "device": [str],
    }

    def __init__(self, path_or_name, batch_size=64, max_length=64, device="auto"):
        self.path_or_name = path_or_name
        self.batch_size = batch_size
        self.max_length = max_length
        self.device = device

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """
        Check the parameters and the texts.

        Parameters
        ----------
        X : array-like of str of shape (n_texts,)
            Texts, for example those of :func:`describe_codes`.
        y : None
            Ignored.

        Returns
        -------
        self : TransformerEncoder
            The same encoder.
        """
        self._check_texts(X)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def transform(self, X):
        """
        Make the vectors of texts.

        Parameters
        ----------
        X : array-like of str of shape (n_texts,)
            Texts.

        Returns
        -------
        ndarray of shape (n_texts, hidden_size)
            The mean word vectors in float32; zeros for a text without words.

        Raises
        ------
        OSError
            If the model cannot be loaded.
        ValueError
            If the model lacks weights or its tokenizer, or reads fewer tokens than
            `max_length`, or if the device cannot be used.
        """
        import torch

        texts = self._check_texts(X)
        tokenizer, model = _load(self.path_or_name)
        self._check_length(tokenizer)
        device = _choose_device(self.device)
        tokens = tokenizer(
            texts, truncation=True, max_length=self.max_length, return_special_tokens_mask=True
        )
        ids = [torch.tensor(row, dtype=torch.long) for row in tokens["input_ids"]]
        words = [1 - torch.tensor(row, dtype=torch.long) for row in tokens["special_tokens_mask"]]
        order = np.argsort([len(row) for row in ids], kind="stable")
        vectors = np.empty((len(texts), model.config.hidden_size), np.float32)
        model.to(device)
        for start in range(0, len(texts), self.batch_size):
            batch = order[start : start + self.batch_size]
            vectors[batch] = _mean_word_vectors(
                model,
                _pad([ids[i] for i in batch], tokenizer.pad_token_id or 0).to(device),
                _pad([torch.ones_like(ids[i]) for i in batch]).to(device),
                _pad([words[i] for i in batch]).to(device),
            )
        return vectors

    @property
    def _n_features_out(self):
        return _load_config(self.path_or_name).hidden_size

    def _check_length(self, tokenizer):
        if self.max_length > tokenizer.model_max_length:
            raise ValueError(
                f"max_length={self.max_length} is more than the {tokenizer.model_max_length} "
                f"tokens that the model {str(self.path_or_name)!r} reads: lower max_length."
            )


def _mean_word_vectors(model, ids, mask, words):
    """Return the mean hidden state of the words of each text, an array (n, d)."""
    import torch

    with torch.inference_mode():
        hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state  # (n, t, d)
    total = torch.einsum("ntd,nt->nd", hidden, words.to(hidden.dtype))
    return (total / words.sum(1, keepdim=True).clamp(min=1)).cpu().numpy()


def _pad(rows, value=0):
    from torch.nn.utils.rnn import pad_sequence

    return pad_sequence(rows, batch_first=True, padding_value=value)  # (n, t)


def _choose_device(device):
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (AssertionError, RuntimeError) as error:
        raise ValueError(
            f"device={device!r} cannot be used on this machine. Use device='auto', which takes a "
            "GPU if there is one."
        ) from error
    return device


def _load_config(path_or_name):
    from transformers import AutoConfig

    with _readable_errors(path_or_name):
        return AutoConfig.from_pretrained(path_or_name, **_safe(path_or_name))


def _load(path_or_name):
    """Load the tokenizer and the model, on the CPU, ready to predict."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    safe = _safe(path_or_name)
    # Weights that a checkpoint lacks are drawn at random before they can be counted.
    with _readable_errors(path_or_name), _quiet(), torch.random.fork_rng(devices=[]):
        tokenizer = AutoTokenizer.from_pretrained(path_or_name, **safe)
        model, report = AutoModel.from_pretrained(
            path_or_name,
            **safe,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    # Without its files some tokenizers load all the same, and know their special tokens only.
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise ValueError(
            f"{str(path_or_name)!r} has no tokenizer: add its files, such as tokenizer.json."
        )
    # The pooler comes after the last hidden state; checkpoints often have none.
    missing = sorted(key for key in report["missing_keys"] if not key.startswith("pooler."))
    if missing:
        raise ValueError(
            f"The weights of {str(path_or_name)!r} lack {len(missing)} tensors of the model, "
            f"{missing[0]!r} first: they are not those that its config.json describes."
        )
    if model.config.is_encoder_decoder:
        model = model.get_encoder()
    return tokenizer, model.eval()


def _safe(path_or_name):
    """Give the arguments that keep loading from running code and, for a folder, off the network."""
    return {"trust_remote_code": False, "local_files_only": Path(path_or_name).is_dir()}


@contextmanager
def _readable_errors(path_or_name):
    """Say of a model that cannot be loaded what is wanted."""
    try:
        yield
    except Exception as error:
        raise OSError(_what_is_wrong(Path(path_or_name))) from error


def _what_is_wrong(path):
    if not path.is_dir():
        return (
            f"path_or_name={str(path)!r} is no folder, and no model of this name could be loaded "
            "from the Hugging Face hub or its local cache. Give the folder of a downloaded model, "
            "or download it once with a network connection."
        )
    if not (path / "config.json").is_file():
        return f"The folder {str(path)!r} has no config.json: it is no transformers model."
    if not any(path.glob("*.safetensors")):
        return (
            f"The folder {str(path)!r} has no weights in safetensors format (*.safetensors). "
            "Convert others with save_pretrained(..., safe_serialization=True)."
        )
    return (
        f"The model or the tokenizer in the folder {str(path)!r} cannot be loaded: see the "
        "error above."
    )


@contextmanager
def _quiet():
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
