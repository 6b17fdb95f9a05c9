"""Notes out of segments without attention over the whole: class tokens, and the loudest segment."""

import torch
from torch import nn

from sklearn_icd.nn._transformers import join_segments, segments_by_note


class ClassTokenPooling(nn.Module):
    """Read a note as the mean of the class tokens of its segments.

    Parameters
    ----------
    encoder : SegmentEncoder
        Token ids to hidden states of the segments.

    last : bool, default=False
        Whether the class token is the last of a segment, as in XLNet, and not the first.

    Notes
    -----
    Segments have a class token each with ``SegmentTokenizer(special_tokens="segment")``.
    """

    def __init__(self, encoder, *, last=False):
        super().__init__()
        self.encoder = encoder
        self.last = last

    def forward(self, ids):
        """Pool notes.

        Parameters
        ----------
        ids : tensor of int64 of shape (n, s, l), or (n, l) for one segment per note
            Token ids; 0 is padding.

        Returns
        -------
        vectors : tensor of shape (n, d)
            One vector per note, zeros if it is empty.
        """
        hidden, mask = self.encoder(ids)
        place = mask.sum(dim=1) - 1 if self.last else 0
        tokens = hidden[torch.arange(len(hidden), device=ids.device), place]  # (r, d)
        tokens, is_segment = segments_by_note(tokens, ids)  # (n, s, d)
        return tokens.sum(dim=1) / is_segment.sum(dim=1, keepdim=True).clamp_min(1)


class MaxOverSegments(nn.Module):
    """Score each segment as a note of its own, and give each label its largest logit.

    Parameters
    ----------
    network : LabelAttentionNetwork
        Scores notes of one segment.
    """

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, ids):
        """Compute the logits.

        Parameters
        ----------
        ids : tensor of int64 of shape (n, s, l), or (n, l) for one segment per note
            Token ids; 0 is padding.

        Returns
        -------
        logits : tensor of shape (n, L)
            Those of the segment with the largest one, for each label. Segments of padding have no
            say, unless the note is empty.
        """
        segments, has_say = _segments_with_a_say(ids)
        return self._by_note(segments, has_say).amax(dim=1)

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
            Those inside the segment with the largest logit, 0 in the others.
        """
        segments, has_say = _segments_with_a_say(ids)
        logits = self._by_note(segments, has_say)[..., labels]  # (n, s, k)
        winner = logits.argmax(dim=1, keepdim=True)
        won = torch.zeros_like(logits, dtype=torch.bool).scatter(1, winner, True)[has_say]  # (r, k)
        weights = self.network.attention(segments, labels) * won[..., None]  # (r, k, t)
        lengths = (segments != 0).sum(dim=1, keepdim=True)
        inside = torch.arange(weights.shape[-1], device=ids.device) < lengths  # (r, t)
        return join_segments(weights.transpose(1, 2), inside, ids)[0].transpose(1, 2)

    def _by_note(self, segments, has_say):
        """Give the logits of the segments of each note (n, s, L), -inf where there is none."""
        logits = self.network(segments)
        by_note = logits.new_full((*has_say.shape, logits.shape[-1]), -torch.inf)
        by_note[has_say] = logits
        return by_note


def _segments_with_a_say(ids):
    """Give the segments (r, l) with tokens, one of each empty note, and where they are (n, s)."""
    ids = ids.reshape(len(ids), -1, ids.shape[-1])
    has_say = (ids != 0).any(dim=-1)
    has_say[:, 0] |= ~has_say.any(dim=1)
    return ids[has_say], has_say
