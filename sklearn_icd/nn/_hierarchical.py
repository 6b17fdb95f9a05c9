"""Two levels of label-wise attention: tokens of a segment, then segments of a note."""

import torch
from torch import nn

from sklearn_icd.nn._attention import attention_weights, in_label_blocks, masked_softmax
from sklearn_icd.nn._transformers import join_segments, segments_by_note


class HierarchicalLabelAttention(nn.Module):
    """Let each label read the tokens of every segment, then the segments of the note.

    Inside a segment, a label pools the tokens: ``c = sum_t softmax_t(q_l . k_t) h_t``. Over the
    segments it pools what it found: ``d = sum_s softmax_s(v . tanh(K c_s)) c_s``, and scores it:
    ``logit = w_l . d + b_l``. As K and w_l are linear, they are applied to the tokens before they
    are pooled, and no vector per label and segment is kept.

    Parameters
    ----------
    encode : SegmentEncoder
        Token ids to hidden states of the segments.

    attend : Module
        Hidden states to queries (L, a), keys (r, l, a) and values (r, l, d).

    score : Module
        Gives weights (L, d) and biases (L,).
    """

    def __init__(self, *, encode, attend, score):
        super().__init__()
        self.encode = encode
        self.attend = attend
        self.score = score
        self.mix = nn.Linear(encode.out_features, encode.out_features, bias=False)
        self.query = nn.Parameter(torch.randn(encode.out_features) / encode.out_features**0.5)

    def forward(self, ids, y=None, loss=None):
        """Compute the logits, or the loss where `y` and `loss` are given.

        Parameters
        ----------
        ids : tensor of int64 of shape (n, s, l), or (n, l) for one segment per note
            Token ids; 0 is padding.

        y : tensor of shape (n, L), default=None
            Targets.

        loss : callable, default=None
            Takes logits and targets.

        Returns
        -------
        output : tensor of shape (n, L) or ()
            The logits, or the loss.
        """
        hidden, mask = self.encode(ids)
        queries, keys, values = self.attend(hidden)
        weight, bias = self.score()
        votes, energies = self._read_segments(queries, weight, keys, values, mask)
        shares, _ = _segment_shares(energies, ids)  # (n, s, L)
        votes, _ = segments_by_note(votes, ids)  # (n, s, L)
        logits = (shares * votes).sum(dim=1) + bias
        return logits if loss is None else loss(logits, y)

    def attention(self, ids, labels):
        """Give the attention of some labels over the tokens.

        Parameters
        ----------
        ids : tensor of int64 of shape (n, s, l), or (n, l) for one segment per note
            Token ids; 0 is padding.

        labels : tensor of int64 of shape (k,)
            Which labels.

        Returns
        -------
        weights : tensor of shape (n, k, t)
            The product of the two levels, 0 where there is padding.
        """
        hidden, mask = self.encode(ids)
        queries, keys, values = self.attend(hidden)
        weight, _ = self.score()
        _, energies = self._read_segments(queries[labels], weight[labels], keys, values, mask)
        shares, is_segment = _segment_shares(energies, ids)
        tokens = attention_weights(queries[labels], keys, mask)  # (r, k, l)
        tokens = tokens * shares[is_segment][..., None]
        return join_segments(tokens.transpose(1, 2), mask, ids)[0].transpose(1, 2)

    def _read_segments(self, queries, weight, keys, values, mask):
        """Give what each segment adds to each logit, and how loud it asks to be heard."""
        shared = (keys, values, self.mix(values), mask, self.query)
        entries = len(values) * max(values.shape[1:])
        read = in_label_blocks(_read_block, (queries, weight), shared, entries=entries)
        return read.unbind(dim=-1)  # (r, L), (r, L)


def _read_block(queries, weight, keys, values, mixed, mask, query):
    attention = attention_weights(queries, keys, mask)  # (r, b, l)
    votes = (attention * (weight @ values.transpose(1, 2))).sum(dim=-1)  # (r, b)
    energies = (attention @ mixed).tanh() @ query  # (r, b)
    return torch.stack([votes, energies], dim=-1)


def _segment_shares(energies, ids):
    """Give the attention of each label over the segments (n, s, L), and which are real (n, s)."""
    energies, is_segment = segments_by_note(energies, ids)
    shares = masked_softmax(energies.transpose(1, 2), is_segment[:, None])  # (n, L, s)
    return shares.transpose(1, 2), is_segment
