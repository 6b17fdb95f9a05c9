"""Two levels of labels: what is thought of the coarse ones helps to score the fine ones."""

import torch

from sklearn_icd.nn._label_attention import label_attention, label_attention_loss
from sklearn_icd.nn._network import LabelAttentionNetwork


class TwoLevelNetwork(LabelAttentionNetwork):
    """Score coarse labels, then fine ones with the coarse probabilities beside what they pooled.

    With coarse logits z of C groups, ``s = sigmoid(P sigmoid(z))`` stands beside the value of each
    token, so that label l scores ``[v_l ; s]``, v_l being what it pooled: weights of attention
    sum to 1. The loss is that of all labels, coarse and fine.

    Parameters
    ----------
    attend_groups : Module
        As `attend`, for the groups.

    score_groups : Module
        As `score`, for the groups.

    project : Module
        P: probabilities (n, C) to (n, p).

    group_of : tensor of int64 of shape (L,)
        The group of each label. A group has a note if one of its labels does.

    **sockets : dict
        Those of `LabelAttentionNetwork`; the weights that `score` gives are d + p wide.

    References
    ----------
    .. [1] T. Vu, D. Q. Nguyen and A. Nguyen, "A Label Attention Model for ICD Coding from Clinical
       Text", IJCAI, 2020: hierarchical joint learning.
    """

    def __init__(self, *, attend_groups, score_groups, project, group_of, **sockets):
        super().__init__(**sockets)
        self.attend_groups = attend_groups
        self.score_groups = score_groups
        self.project = project
        self.register_buffer("group_of", group_of)

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
            The logits of the labels, or the loss of groups and labels.
        """
        hidden, mask = self._encode(ids)
        of_groups = label_attention(*self.attend_groups(hidden), mask, *self.score_groups())
        hint = self.project(of_groups.sigmoid()).sigmoid()  # (n, p)
        queries, keys, values = self.attend(hidden)
        beside = hint[:, None].expand(-1, values.shape[1], -1)  # (n, t, p)
        head = queries, keys, torch.cat([values, beside], dim=-1), mask, *self.score()
        if loss is None:
            return label_attention(*head)
        n_groups, n_labels = of_groups.shape[1], y.shape[1]
        total = n_groups * loss(of_groups, self._groups(y, n_groups))
        total = total + n_labels * label_attention_loss(*head, y, loss)
        return total / (n_groups + n_labels)

    def _groups(self, y, n_groups):
        """Give the targets (n, C) of the groups."""
        return y.new_zeros(len(y), n_groups).index_add_(1, self.group_of, y).clamp_max_(1)
