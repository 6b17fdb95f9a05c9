"""Joint attention: each code reads a note with a question of its own and with its description."""

import torch
from scipy.special import logit
from torch import nn

from sklearn_icd.nn._attention import attention_weights, in_label_blocks
from sklearn_icd.nn._label_attention import label_attention

# How wide the keys of self-attention start: the standard deviation of what W makes of features of
# unit variance. Those of an LSTM have 0.2, and with torch's own start (0.6) all codes read the
# same mean of the note, and nothing tells them where to look instead.
_KEY_SPREAD = 5.0


class ResidualEncoder(nn.Module):
    """Pass vectors through residual blocks, then encode them.

    Parameters
    ----------
    blocks : sequence of Module
        Each takes vectors and mask and gives vectors, as `ResidualConvolution`.

    encode : Module
        Vectors and mask to vectors and their mask, as `BiLSTM`.
    """

    def __init__(self, blocks, encode):
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.encode = encode

    def forward(self, x, mask):
        """Encode padded notes.

        Parameters
        ----------
        x : tensor of shape (n, t, e)
            Vectors, zero where there is padding.

        mask : tensor of bool of shape (n, t)
            Real positions.

        Returns
        -------
        hidden : tensor of shape (n, t', d)
            Zero where there is padding.

        mask : tensor of bool of shape (n, t')
            Their mask.
        """
        for block in self.blocks:
            x = block(x, mask)
        return self.encode(x, mask)


class JointAttention(nn.Module):
    """Read a note for each code in two ways, and weigh what each of them found.

    The encoded tokens ``H = [F, B]`` join a forward and a backward pass. With softmax over the
    tokens, code l finds ``S_l = softmax(u_l . tanh(W H)) H`` (self-attention) and
    ``D_l = [softmax(c_l . F) F, softmax(c_l . B) B]`` (description attention). Of the gates
    ``a_l = sigmoid(w_3 . S_l)`` and ``b_l = sigmoid(w_4 . D_l)``, divided by their sum, come
    ``alpha_l = a_l / (a_l + b_l)`` and ``beta_l = b_l / (a_l + b_l)``.

    Parameters
    ----------
    questions : LabelVectors
        The rows u, (L, a).

    descriptions : LabelVectors
        The rows c, (L, k).

    References
    ----------
    .. [1] X. Li et al., "JLAN: medical code prediction via joint learning attention networks and
       denoising mechanism", BMC Bioinformatics, 2021: eq. 6-13. Eq. 8 has no softmax; without
       one, what is found would grow with the note.
    """

    def __init__(self, questions, descriptions):
        super().__init__()
        width = 2 * descriptions.free.shape[1]
        self.questions = questions
        self.descriptions = descriptions
        self.keys = nn.Linear(width, questions.free.shape[1], bias=False)
        self.self_gate = nn.Linear(width, 1, bias=False)
        self.description_gate = nn.Linear(width, 1, bias=False)
        nn.init.normal_(self.keys.weight, std=_KEY_SPREAD / width**0.5)

    def forward(self, questions, descriptions, keys, hidden, mask, weight, own=None):
        """Read the encoded tokens for some codes, and map what they find.

        A map of what is pooled is pooled from what the tokens are mapped to, ``W (A H)^T =
        (A (H W^T))^T``, which is narrower.

        Parameters
        ----------
        questions : tensor of shape (l, a)
            Their rows u.

        descriptions : tensor of shape (l, k)
            Their rows c.

        keys : tensor of shape (n, t, a)
            ``tanh(W H)``.

        hidden : tensor of shape (n, t, 2k)
            Encoded tokens H.

        mask : tensor of bool of shape (n, t)
            Real positions.

        weight : tensor of shape (h, 4k)
            Maps ``[alpha S, beta D]``, the same for all codes.

        own : tensor of shape (l, 4k), default=None
            Scores it, another row for each code.

        Returns
        -------
        mapped : tensor of shape (n, l, h)
            What `weight` makes of it.

        scores : tensor of shape (n, l), or None
            What `own` makes of it.
        """
        forward, backward = hidden.chunk(2, dim=-1)  # (n, t, k)
        gates = torch.cat([self.self_gate.weight, self.description_gate.weight], dim=1)
        both, ahead, back = _parts(torch.cat([weight, gates]))
        S = label_attention(questions, keys, hidden @ both.T, mask)  # (n, l, h + 1)
        D = label_attention(descriptions, forward, forward @ ahead.T, mask)
        D = D + label_attention(descriptions, backward, backward @ back.T, mask)
        alpha, beta = _shares(S[..., -1:], D[..., -1:])  # (n, l, 1)
        mapped = alpha * S[..., :-1] + beta * D[..., :-1]
        if own is None:
            return mapped, None
        both, ahead, back = _parts(own)
        s = label_attention(questions, keys, hidden, mask, both)  # (n, l)
        d = label_attention(descriptions, forward, forward, mask, ahead)
        d = d + label_attention(descriptions, backward, backward, mask, back)
        return mapped, alpha[..., 0] * s + beta[..., 0] * d

    def attention(self, questions, descriptions, keys, hidden, mask):
        """Give the attention of some codes over the encoded tokens.

        Parameters
        ----------
        questions, descriptions, keys, hidden, mask : tensor
            As for `forward`.

        Returns
        -------
        weights : tensor of shape (n, l, t)
            ``alpha`` times the self-attention, plus ``beta`` times the mean of the description
            attentions over the two passes.
        """
        forward, backward = hidden.chunk(2, dim=-1)  # (n, t, k)
        own = attention_weights(questions, keys, mask)  # (n, l, t)
        ahead = attention_weights(descriptions, forward, mask)
        back = attention_weights(descriptions, backward, mask)
        D = torch.cat([ahead @ forward, back @ backward], dim=-1)
        alpha, beta = _shares(self.self_gate(own @ hidden), self.description_gate(D))
        return alpha * own + beta * (ahead + back) / 2


def _parts(rows):
    """Cut rows (h, 4k) for ``[S, D]`` into those for both passes of S, and for each pass of D."""
    k = rows.shape[1] // 4
    return rows.split([2 * k, k, k], dim=1)


def _shares(own, description):
    a, b = own.sigmoid(), description.sigmoid()
    return a / (a + b), b / (a + b)


class SumPooledScore(nn.Module):
    """Score what any code found with the same two layers, whose outputs are added up.

    ``sum_j (W_2 relu(W_1 v + b_1) + b_2)_j``, for which the rows of ``W_2`` are added first.

    Parameters
    ----------
    in_features : int
        Width of v.

    hidden_size : int
        Width of both layers.

    base_rate : float, default=0.5
        Share of positive cells. The biases start such that their sum is its log-odds.

    References
    ----------
    .. [1] X. Li et al., "JLAN: medical code prediction via joint learning attention networks and
       denoising mechanism", BMC Bioinformatics, 2021: eq. 16.
    """

    def __init__(self, in_features, hidden_size, *, base_rate=0.5):
        super().__init__()
        self.first = nn.Linear(in_features, hidden_size)
        self.second = nn.Linear(hidden_size, hidden_size)
        nn.init.constant_(self.second.bias, logit(base_rate) / hidden_size)

    def forward(self, mapped):
        """Score the vectors.

        Parameters
        ----------
        mapped : tensor of shape (..., hidden_size)
            ``W_1 v``, which is pooled as such.

        Returns
        -------
        scores : tensor of shape (...)
            One per vector.
        """
        weight, bias = self.second.weight.sum(dim=0), self.second.bias.sum()
        return (mapped + self.first.bias).relu() @ weight + bias


class JointAttentionNetwork(nn.Module):
    """Compose JLAN: embed, encode, attend twice, score.

    Parameters
    ----------
    embed : Module
        Token ids (n, t) to vectors (n, t, e) and their mask.

    encode : Module
        Vectors and mask to vectors (n, t, 2k) of a forward and a backward pass, and their mask.

    attend : JointAttention
        What codes find, mapped by the first layer of `score`.

    score : SumPooledScore
        What they found to logits (n, l), the same for all codes.

    score_own : Module, default=None
        Called without arguments: weights (L, 4k) and biases (L,) of each code, whose logits are
        added.
    """

    def __init__(self, *, embed, encode, attend, score, score_own=None):
        super().__init__()
        self.embed = embed
        self.encode = encode
        self.attend = attend
        self.score = score
        self.score_own = score_own

    def forward(self, ids, y=None, loss=None):
        """Compute the logits, or the loss where `y` and `loss` are given.

        Parameters
        ----------
        ids : tensor of int64 of shape (n, t)
            Token ids, 0 behind the end of a note.

        y : tensor of shape (n, L), default=None
            Targets.

        loss : callable, default=None
            Takes logits and targets.

        Returns
        -------
        output : tensor of shape (n, L) or ()
            The logits, or the loss.
        """
        questions, descriptions, *shared = self._read(ids)
        n, _, width = shared[1].shape
        own = () if self.score_own is None else self.score_own()
        logits = in_label_blocks(
            self._logits,
            (questions, descriptions, *own),
            shared,
            entries=n * 2 * width,
        )
        return logits if loss is None else loss(logits, y)

    def attention(self, ids, labels):
        """Give the attention of some labels over the tokens.

        Parameters
        ----------
        ids : tensor of int64 of shape (n, t)
            Token ids, 0 behind the end of a note.

        labels : tensor of int64 of shape (k,)
            Which labels.

        Returns
        -------
        weights : tensor of shape (n, k, t)
            0 where there is padding.
        """
        questions, descriptions, *shared = self._read(ids)
        return self.attend.attention(questions[labels], descriptions[labels], *shared)

    def _read(self, ids):
        hidden, mask = self.encode(*self.embed(ids))
        keys = self.attend.keys(hidden).tanh()
        return self.attend.questions(), self.attend.descriptions(), keys, hidden, mask

    def _logits(self, questions, descriptions, *own_and_shared):
        *own, keys, hidden, mask = own_and_shared
        weight, bias = own or (None, None)
        mapped, scores = self.attend(
            questions, descriptions, keys, hidden, mask, self.score.first.weight, weight
        )
        logits = self.score(mapped)
        return logits if scores is None else logits + scores + bias
