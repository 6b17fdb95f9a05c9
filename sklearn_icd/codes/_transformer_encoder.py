"""Vectors of texts from a pretrained transformer."""

from numbers import Integral
from os import PathLike
from typing import ClassVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval

from sklearn_icd.codes._encoder import TextEncoder
from sklearn_icd.utils._pretrained import load_config, load_tokenizer, load_transformer


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
        tokenizer = load_tokenizer(self.path_or_name, parameter="path_or_name")
        model = load_transformer(self.path_or_name, parameter="path_or_name")
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
        return load_config(self.path_or_name, parameter="path_or_name").hidden_size

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
