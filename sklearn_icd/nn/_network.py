"""The network of every label-wise system: embed, encode, compress, attend, score."""

from torch import nn

from sklearn_icd.nn._attention import attention_weights
from sklearn_icd.nn._label_attention import label_attention, label_attention_loss


class LabelAttentionNetwork(nn.Module):
    """Compose the sockets of a label-wise system.

    Parameters
    ----------
    embed : Module
        Token ids (n, t), or those of segments (n, s, l), to vectors (n, t, e) and their mask:
        the real tokens of a note in their order, then padding.

    attend : Module
        Encoded vectors to queries (L, a), keys (n, t', a) and values (n, t', d).

    score : Module
        Called without arguments: the weight (L or 1, d) and the bias (L or 1,) of the logits.

    encode : Module, default=None
        Vectors and mask to vectors (n, t', d) and their mask. None: they are encoded already.

    compress : Module, default=None
        Between `encode` and `attend`: vectors and mask to fewer vectors and their mask. Its
        `spread` brings attention over these back onto the encoded tokens.

    shift : Module, default=None
        Mask (n, t) of the tokens to what is added to the logits (n, L), as `LengthShift`.

    penalize_queries, penalize_weight : Module, default=None
        The queries, or the weight, and the targets to what training adds to the loss, as
        `DescriptionPenalty`.
    """

    def __init__(
        self,
        *,
        embed,
        attend,
        score,
        encode=None,
        compress=None,
        shift=None,
        penalize_queries=None,
        penalize_weight=None,
    ):
        super().__init__()
        self.embed = embed
        self.encode = encode
        self.compress = compress
        self.attend = attend
        self.score = score
        self.shift = shift
        self.penalize_queries = penalize_queries
        self.penalize_weight = penalize_weight

    def forward(self, ids, y=None, loss=None):
        """Compute the logits, or the loss where `y` and `loss` are given.

        Parameters
        ----------
        ids : tensor of int64 of shape (n, t) or (n, s, l)
            Token ids, 0 behind the end of a note or a segment.

        y : tensor of shape (n, L), default=None
            Targets.

        loss : callable, default=None
            Takes logits and targets.

        Returns
        -------
        output : tensor of shape (n, L) or ()
            The logits, or the loss.
        """
        hidden, words = self._encode(ids)
        mask = words
        if self.compress is not None:
            hidden, mask = self.compress(hidden, mask)
        queries, keys, values = self.attend(hidden)
        weight, bias = self.score()
        if self.shift is not None:
            bias = bias + self.shift(words)  # (n, L)
        head = queries, keys, values, mask, weight, bias
        if loss is None:
            return label_attention(*head)
        # The tiles know biases of labels only, not of notes.
        total = (
            label_attention_loss(*head, y, loss)
            if self.shift is None
            else loss(label_attention(*head), y)
        )
        if self.penalize_queries is not None:
            total = total + self.penalize_queries(queries, y)
        if self.penalize_weight is not None:
            total = total + self.penalize_weight(weight, y)
        return total

    def attention(self, ids, labels):
        """Give the attention of some labels over the tokens.

        Parameters
        ----------
        ids : tensor of int64 of shape (n, t) or (n, s, l)
            Token ids, 0 behind the end of a note or a segment.

        labels : tensor of int64 of shape (k,)
            Which labels.

        Returns
        -------
        weights : tensor of shape (n, k, t)
            The product of the attention layers, 0 where there is padding.
        """
        encoded, mask = self._encode(ids)
        if self.compress is None:
            return self._weights(encoded, mask, labels)
        weights = self._weights(*self.compress(encoded, mask), labels)
        return self.compress.spread(weights, encoded, mask)

    def _encode(self, ids):
        embedded = self.embed(ids)
        return embedded if self.encode is None else self.encode(*embedded)

    def _weights(self, hidden, mask, labels):
        queries, keys, _ = self.attend(hidden)
        return attention_weights(queries[labels], keys, mask)
