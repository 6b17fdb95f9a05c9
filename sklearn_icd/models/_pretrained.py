"""The parameters of systems that read with a pretrained transformer, and how it is trained."""

from dataclasses import field
from os import PathLike
from typing import Annotated

import numpy as np

from sklearn_icd._callbacks import LinearWarmup
from sklearn_icd.nn import (
    LabelQueries,
    LabelScores,
    LabelVectors,
    SegmentEncoder,
    TanhKeys,
    enable_checkpointing,
    freeze_layers,
)
from sklearn_icd.utils._hyperparameters import (
    Count,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    Search,
    Share,
    hyperparameters,
)
from sklearn_icd.utils._pretrained import load_config, load_transformer

# Titles in the space of the hidden states are worth following from the start: these gave the best
# MAP on CodiEsp-D's dev notes before any training.
_ALIKE_QUERY_SPREAD, _ALIKE_WEIGHT_SPREAD = 3.5, 0.9


@hyperparameters
class SegmentReader:
    """Give a classifier a pretrained transformer that reads the segments of notes.

    Parameters
    ----------
    pretrained : str or path-like, default=None
        Folder of a transformer, read without network, or its name on the Hugging Face hub. It is
        loaded by `fit`.

    freeze_layers : int, default=0
        Lowest layers of the transformer that are not trained, its embeddings with them.

    gradient_checkpointing : bool, default=False
        Whether to compute the transformer's layers again in the backward pass, which saves most
        of their memory and costs a third more time.

    use_safetensors : bool, default=True
        Whether to refuse weights that are not in safetensors format. Others can run code when
        they are read.
    """

    pretrained: str | PathLike | None = None
    freeze_layers: Count = 0
    gradient_checkpointing: bool = False
    use_safetensors: bool = True

    @property
    def reads_segments(self):
        """Whether segment token arrays are taken too."""
        return self.pretrained is not None

    def known_tokens(self, tokens):
        """Mark all ids of the transformer's vocabulary.

        Parameters
        ----------
        tokens : SegmentArray or TokenArray
            The training notes.

        Returns
        -------
        known : ndarray of bool of shape (n_tokens,)
            Padding first, then the vocabulary.
        """
        if self.pretrained is None:
            return super().known_tokens(tokens)
        config = load_config(self.pretrained, parameter="pretrained")
        return np.ones(1 + config.vocab_size, dtype=bool)

    def read_known(self, tokens):
        """Refuse ids beyond the transformer's vocabulary.

        Parameters
        ----------
        tokens : SegmentArray or TokenArray
            Any notes.

        Returns
        -------
        tokens : SegmentArray or TokenArray
            The same notes.
        """
        if self.pretrained is None:
            return super().read_known(tokens)
        largest, n_tokens = tokens.ids.max(initial=0), len(self.known_tokens_)
        if largest >= n_tokens:
            raise ValueError(
                f"X holds the id {largest}, but the vocabulary of {str(self.pretrained)!r} ends at "
                f"{n_tokens - 1}: tokenise with SegmentTokenizer({str(self.pretrained)!r})."
            )
        return tokens

    def make_encoder(self, data):
        """Load the transformer.

        Parameters
        ----------
        data : FitData
            What the fit found in its data.

        Returns
        -------
        encoder : SegmentEncoder
            Token ids to hidden states.
        """
        transformer = load_transformer(
            self.pretrained, parameter="pretrained", use_safetensors=self.use_safetensors
        )
        freeze_layers(transformer, self.freeze_layers)
        if self.gradient_checkpointing:
            enable_checkpointing(transformer)
        return SegmentEncoder(transformer, dropout=self.dropout)


@hyperparameters
class PretrainedTransformer(SegmentReader):
    """Give a classifier a pretrained transformer, fine-tuned as such models are.

    Parameters
    ----------
    pretrained : str or path-like
        Folder of a transformer, read without network, or its name on the Hugging Face hub. It is
        loaded by `fit`.

    dropout : float, default=0.1
        Share of the components of the transformer's hidden states set to zero in training.

    head_lr : float, default=None
        Learning rate of all that is not the transformer. None: `lr`.

    weight_decay : float, default=0.0
        Share of each parameter that a step takes away, times the learning rate.

    warmup_steps : int or float, default=0
        Optimiser steps in which the learning rate rises, before it falls to zero at the end of
        `max_epochs`; below 1, their share of all steps.

    gradient_accumulation_steps : int, default=1
        Batches that add up to one optimiser step, so that it sees
        ``batch_size * gradient_accumulation_steps`` notes in the memory of `batch_size`.
    """

    pretrained: str | PathLike = field()  # without a default: there is none that suits all notes
    dropout: Share = 0.1
    head_lr: Annotated[PositiveFloat | None, Search(None, 3e-4, 1e-3)] = None
    weight_decay: NonNegativeFloat = 0.0
    warmup_steps: Count | Share = 0
    gradient_accumulation_steps: PositiveInt = 1

    def make_head(self, data, width):
        """Make LAAT's attention, and scores with a weight vector per code.

        With titles, both start from these; without, at random.

        Parameters
        ----------
        data : FitData
            What the fit found in its data.

        width : int
            Width of the hidden states.

        Returns
        -------
        attend : LabelQueries
            Hidden states to queries, keys and values.

        score : LabelScores
            Weights and biases of the logits.
        """
        titles = self.title_vectors(data)
        alike = titles is not None and titles.shape[1] == width
        spreads = (_ALIKE_QUERY_SPREAD, _ALIKE_WEIGHT_SPREAD) if alike else (1.0, 1.0)
        queries, weights = (
            LabelVectors(data.n_outputs, width, titles=titles, spread=spread) for spread in spreads
        )
        attend = LabelQueries(queries, project=TanhKeys(width, near_identity=alike))
        return attend, LabelScores(weights, base_rates=data.base_rates)

    def net_settings(self):
        """Give the optimiser a group of parameters for the transformer.

        Returns
        -------
        settings : dict
            Parameters of `MultiLabelNet`.
        """
        settings = {"gradient_accumulation_steps": self.gradient_accumulation_steps}
        # torch's AdamW decays by 0.01 unless told; a callable may not know the word.
        if isinstance(self.optimizer, str) or self.weight_decay:
            settings["optimizer__weight_decay"] = self.weight_decay
        if self.head_lr is not None:
            settings["lr"] = self.head_lr
            settings["optimizer__param_groups"] = [("*transformer.*", {"lr": self.lr})]
        return settings

    def fit_callbacks(self):
        """Give the schedule of the learning rate.

        Returns
        -------
        callbacks : list of skorch.callbacks.Callback
            A linear rise and fall.
        """
        return [LinearWarmup(self.warmup_steps)]
