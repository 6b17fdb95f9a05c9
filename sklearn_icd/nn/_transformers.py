"""Pretrained transformers over the segments of notes."""

import torch
from torch import nn

from sklearn_icd.nn._transformer_attention import use_self_attention

# What tables of positions are called in BERT and its kin, in BART, and in GPT-2.
_POSITIONS = ("position_embeddings", "embed_positions", "wpe")


class SegmentEncoder(nn.Module):
    """Read each segment of a batch of notes with a transformer, all in one call.

    Segments of padding alone are left out before the call, and cost nothing.

    Parameters
    ----------
    transformer : transformers.PreTrainedModel
        Gives a hidden state for each token.

    dropout : float, default=0.0
        Share of the components of hidden states set to zero in training.
    """

    def __init__(self, transformer, *, dropout=0.0):
        super().__init__()
        self.transformer = transformer
        self.dropout = nn.Dropout(dropout)
        self.out_features = transformer.config.hidden_size
        self.padding_id = getattr(transformer.config, "pad_token_id", None) or 0
        self.longest = _longest_segment(transformer)
        self.window = _attention_window(transformer)

    def forward(self, ids):
        """Encode the segments that hold tokens.

        Parameters
        ----------
        ids : tensor of int64 of shape (n, s, l), or (n, l) for one segment per note
            The tokenizer's ids plus one; 0 is padding.

        Returns
        -------
        hidden : tensor of shape (r, l, d)
            Hidden states of the r segments with tokens, note by note.

        mask : tensor of bool of shape (r, l)
            Real tokens.
        """
        segments = ids.flatten(end_dim=-2)
        segments = segments[(segments != 0).any(dim=-1)]  # (r, l)
        mask = segments != 0
        if len(segments) == 0:
            return next(self.parameters()).new_zeros(0, ids.shape[-1], self.out_features), mask
        self._check_length(segments)
        if self.training and not torch.compiler.is_compiling():
            use_self_attention(self.transformer)
        whole = nn.functional.pad(segments, (0, -segments.shape[1] % self.window))
        hidden = self.transformer(
            input_ids=torch.where(whole != 0, whole - 1, self.padding_id),
            attention_mask=(whole != 0).long(),
        ).last_hidden_state
        return self.dropout(hidden[:, : segments.shape[1]]), mask

    def _check_length(self, segments):
        if self.longest is not None and segments.shape[1] > self.longest:
            raise ValueError(
                f"X has a segment of {segments.shape[1]} tokens, and the transformer reads at most "
                f"{self.longest} at once: use SegmentTokenizer(segment_length={self.longest}) or "
                "less."
            )


def join_segments(packed, mask, ids):
    """Join what was computed for the tokens of segments into whole notes.

    Parameters
    ----------
    packed : tensor of shape (r, l, d)
        One vector per token of the segments with tokens, note by note.

    mask : tensor of bool of shape (r, l)
        Real tokens.

    ids : tensor of int64 of shape (n, s, l) or (n, l)
        The batch that the segments are from; 0 is padding.

    Returns
    -------
    joined : tensor of shape (n, t, d)
        The vectors of the real tokens of each note in their order, then zeros.

    mask : tensor of bool of shape (n, t)
        Real tokens.
    """
    lengths = (ids != 0).flatten(start_dim=1).sum(dim=1, keepdim=True)  # (n, 1)
    inside = torch.arange(max(1, lengths.max()), device=ids.device) < lengths  # (n, t)
    joined = packed.new_zeros(*inside.shape, packed.shape[-1])
    joined[inside] = packed[mask]
    return joined, inside


def segments_by_note(packed, ids):
    """Arrange what was computed for segments by the notes that they are from.

    Parameters
    ----------
    packed : tensor of shape (r, d)
        One vector per segment with tokens, note by note.

    ids : tensor of int64 of shape (n, s, l) or (n, l)
        The batch that the segments are from; 0 is padding.

    Returns
    -------
    arranged : tensor of shape (n, s, d)
        Zeros for segments of padding.

    is_segment : tensor of bool of shape (n, s)
        Segments with tokens.
    """
    is_segment = (ids != 0).any(dim=-1).reshape(len(ids), -1)  # (n, s)
    arranged = packed.new_zeros(*is_segment.shape, packed.shape[-1])
    arranged[is_segment] = packed
    return arranged, is_segment


class TransformerEmbedding(nn.Module):
    """Give every token of a note its hidden state in a pretrained transformer.

    Parameters
    ----------
    encoder : SegmentEncoder
        Reads the segments.

    stack : Module, default=None
        Reads the joined segments once more, as `BiLSTM`: vectors and mask to vectors and mask.
    """

    def __init__(self, encoder, stack=None):
        super().__init__()
        self.encoder = encoder
        self.stack = stack
        self.out_features = (encoder if stack is None else stack).out_features

    def forward(self, ids):
        """Read notes, segment by segment.

        Parameters
        ----------
        ids : tensor of int64 of shape (n, s, l), or (n, l) for one segment per note
            The tokenizer's ids plus one; 0 is padding.

        Returns
        -------
        vectors : tensor of shape (n, t, d)
            The hidden states of all segments of a note, joined.

        mask : tensor of bool of shape (n, t)
            Real tokens.
        """
        joined = join_segments(*self.encoder(ids), ids)
        return joined if self.stack is None else self.stack(*joined)


def enable_checkpointing(transformer):
    """Let a transformer compute its layers again in the backward pass instead of keeping them.

    Parameters
    ----------
    transformer : transformers.PreTrainedModel
        Changed in place.

    Raises
    ------
    ValueError
        If its architecture cannot.
    """
    if not transformer.supports_gradient_checkpointing:
        raise ValueError(
            f"gradient_checkpointing=True, but {type(transformer).__name__} has none: lower "
            "batch_size and raise gradient_accumulation_steps instead."
        )
    # The name since transformers 5.2; the older one warns there, and will go.
    name = "activation_checkpointing_enable"
    enable = getattr(transformer, name, None) or transformer.gradient_checkpointing_enable
    enable({"use_reentrant": False})
    # It makes the embeddings' output ask for gradients, for checkpoints of the reentrant kind: that
    # cannot be pickled, and would carry gradients down through frozen layers.
    if getattr(transformer, "_require_grads_hook", None) is not None:
        transformer.disable_input_require_grads()
    transformer.config.use_cache = False


def freeze_layers(transformer, n_layers):
    """Keep training from moving the embeddings and the lowest layers of a transformer.

    Parameters
    ----------
    transformer : transformers.PreTrainedModel
        Changed in place.

    n_layers : int
        How many layers; 0 freezes nothing, the embeddings neither. All layers: nothing is trained.

    Raises
    ------
    ValueError
        If there are fewer layers, or if they share their parameters.
    """
    if n_layers == 0:
        return
    depth = transformer.config.num_hidden_layers
    if n_layers > depth:
        raise ValueError(f"freeze_layers={n_layers}, but the transformer has {depth} layers.")
    lists = [
        name
        for name, module in transformer.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == depth
    ]
    if not lists:
        raise ValueError(
            f"freeze_layers={n_layers}, but the layers of {type(transformer).__name__} share their "
            "parameters: none of them can be frozen alone."
        )
    trained = False
    for name, parameter in transformer.named_parameters():
        trained = trained or name.startswith(f"{lists[0]}.{n_layers}.")
        parameter.requires_grad_(trained)


def _longest_segment(transformer):
    """Give the number of tokens that a transformer has positions for, None without a limit."""
    for name, module in transformer.named_modules():
        if isinstance(module, nn.Embedding) and name.endswith(_POSITIONS):
            behind_padding = 0 if module.padding_idx is None else module.padding_idx + 1
            return module.num_embeddings - getattr(module, "offset", behind_padding)
    return None


def _attention_window(transformer):
    """Give what the length of a segment must be a multiple of: Longformer's window, else 1."""
    window = getattr(transformer.config, "attention_window", 1)
    return window if isinstance(window, int) else max(window)
