"""Weights in the naming of a system's authors, and classifiers fitted to them."""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from scipy import sparse

from sklearn_icd._torch_settings import find_random_state, own_generators

_TABLE = "embed.table.weight"


@dataclass(frozen=True)
class Published:
    """Say how the authors' code names and arranges the weights of a system.

    Parameters
    ----------
    names : dict of str to str
        Public names and ours.

    not_used : set of str
        Public names that have no part in the logits.

    first_word : int
        Row of the first word in the table of word vectors.

    unknown_word : int
        Row of the unknown word.

    sizes : callable
        Weights by our names to the sizes of the classifier.
    """

    names: dict
    not_used: set
    first_word: int
    unknown_word: int
    sizes: Any

    def read(self, path):
        """Read weights, and call them what they are called here.

        Parameters
        ----------
        path : str or path-like
            A file of ``torch.save`` or, if it ends in ``.safetensors``, of safetensors.

        Returns
        -------
        state : dict of str to tensor
            By our names.
        """
        public = _read_tensors(path)
        missing = [name for name in self.names if name not in public]
        unknown = sorted(set(public) - set(self.names) - self.not_used)
        if missing or unknown:
            what = (
                f"has no {missing[0]!r}" if missing else f"has {unknown[0]!r}, which is not known"
            )
            raise ValueError(
                f"{str(path)!r} does not hold the weights of this system: it {what}. Wanted are "
                f"{sorted(self.names)}; {sorted(self.not_used)} may be there and are not used."
            )
        return {ours: public[name].float() for name, ours in self.names.items()}

    def arrange(self, state, vocabulary):
        """Put the word vectors in our order: padding, the unknown word, the vocabulary.

        Parameters
        ----------
        state : dict of str to tensor
            By our names; the table of word vectors is exchanged.

        vocabulary : sequence of str, or mapping of str to int
            The words in the order of their rows, or the row of each.

        Returns
        -------
        words : list of str
            The words in their order here.
        """
        table = state[_TABLE]
        if isinstance(vocabulary, Mapping):
            words, rows = list(vocabulary), list(vocabulary.values())
            if not all(0 <= row < len(table) for row in rows):
                raise ValueError(
                    f"vocabulary has rows from {min(rows)} to {max(rows)}, and the weights have "
                    f"{len(table)} word vectors, counted from 0."
                )
        else:
            words = list(vocabulary)
            if len(words) != len(table) - 2:
                raise ValueError(
                    f"vocabulary has {len(words)} words, and the weights have {len(table)} word "
                    "vectors, two of them for padding and the unknown word: pass the words that "
                    "the weights were trained with, in the order of their vectors, or a mapping "
                    "of words to rows."
                )
            rows = range(self.first_word, self.first_word + len(words))
        if len(set(words)) < len(words):
            raise ValueError("vocabulary has a word twice.")
        padding, unknown = torch.zeros_like(table[:1]), table[self.unknown_word][None]
        state[_TABLE] = torch.cat([padding, unknown, table[list(rows)]])
        return words


CAML = Published(
    names={
        "embed.weight": _TABLE,
        "conv.weight": "compress.views.0.weight",
        "conv.bias": "compress.views.0.bias",
        "U.weight": "attend.vectors.free",
        "final.weight": "score.vectors.free",
        "final.bias": "score.bias",
    },
    # The first is never used there either, the others read titles in the training of DR-CAML.
    not_used={
        "U.bias",
        "desc_embedding.weight",
        "label_conv.weight",
        "label_conv.bias",
        "label_fc1.weight",
        "label_fc1.bias",
    },
    first_word=1,
    unknown_word=-1,
    sizes=lambda state: dict(
        zip(
            ("n_filters", "embedding_dim", "kernel_size"),
            state["compress.views.0.weight"].shape,
            strict=True,
        )
    ),
)

LAAT = Published(
    names={
        "embedding.embeddings.weight": _TABLE,
        **{
            f"rnn.{kind}_{side}_l0{suffix}": f"encode.{direction}.{kind}_{side}_l0"
            for kind in ("weight", "bias")
            for side in ("ih", "hh")
            for suffix, direction in (("", "ahead"), ("_reverse", "back"))
        },
        "attention.first_linears.0.weight": "attend.project.linear.weight",
        "attention.second_linears.0.weight": "attend.vectors.free",
        "attention.third_linears.0.weight": "score.vectors.free",
        "attention.third_linears.0.bias": "score.bias",
    },
    # Made there, and nothing goes through them.
    not_used={
        "attention.linear.weight",
        "linears.0.weight",
        "linears.0.bias",
        "projection_linears.0.weight",
    },
    first_word=2,
    unknown_word=1,
    sizes=lambda state: {
        "hidden_size": state["encode.ahead.weight_hh_l0"].shape[1],
        "attention_size": state["attend.vectors.free"].shape[1],
        "embedding_dim": state[_TABLE].shape[1],
    },
)

PUBLISHED = {"caml": CAML, "laat": LAAT}


def fit_to_weights(classifier, state, classes):
    """Fit a classifier to weights instead of notes.

    Parameters
    ----------
    classifier : MultiLabelClassifier
        Of the sizes that the weights have.

    state : dict of str to tensor
        The parameters of its module.

    classes : array-like of shape (n_codes,)
        The codes, in the order of the weights.

    Returns
    -------
    classifier : MultiLabelClassifier
        The same, fitted.
    """
    classes, n_codes = list(classes), len(state["score.bias"])
    if len(classes) != n_codes:
        raise ValueError(f"classes has {len(classes)} codes, and the weights are of {n_codes}.")
    classifier._validate_params()
    classifier._refuse_tuned_threshold()
    # A note with every word, by which the module learns how many there are.
    every_word = np.arange(1, len(state[_TABLE]))
    tokens = classifier._check(sparse.csr_array([every_word]), reset=True)
    targets = classifier._read_first_targets(np.zeros((1, n_codes), dtype=np.int64), classes)
    random_state = find_random_state(classifier.random_state, classifier.device)
    with own_generators(random_state.randint(2**31), classifier.device):
        net = classifier._make_net(tokens, targets, random_state)
    module = getattr(net.module_, "_orig_mod", net.module_)
    module.load_state_dict(state)
    module.get_parameter(_TABLE).requires_grad_(getattr(classifier, "train_word_vectors", True))
    classifier.net_ = net
    return classifier


def _read_tensors(path):
    if Path(path).suffix == ".safetensors":
        return load_file(path)
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{str(path)!r} holds more than tensors and plain values, and could run code if it "
            "were read. If you trust it, load it yourself and save its state dictionary alone: "
            "torch.save(torch.load(path, weights_only=False)['state_dict'], new_path)."
        ) from error
    saved = saved.get("state_dict", saved) if isinstance(saved, dict) else {}
    return {name: value for name, value in saved.items() if isinstance(value, torch.Tensor)}
