"""What training adds to the loss where vectors of labels stray from what describes them."""

from torch import nn


class DescriptionPenalty(nn.Module):
    """Draw vectors of labels to what is read in their titles.

    ``strength * mean_n sum_l y_nl mean_d (v_ld - z_ld)^2``: each note draws the labels that it
    has. Only the titles of these are read.

    Parameters
    ----------
    ids : tensor of int64 of shape (L, longest title)
        Ids of the words of the titles, 0 behind the end of a title.

    read : Module
        Token ids (l, t) to vectors z (l, d), as `PooledEncoder`.

    strength : float
        Weight of the penalty.

    References
    ----------
    .. [1] J. Mullenbach et al., "Explainable Prediction of Medical Codes from Clinical Text",
       NAACL-HLT, 2018: section 2.5, which draws what labels score with.
    .. [2] N. Sadoughi et al., "Medical code prediction with multi-view convolution and
       description-regularized label-dependent attention", arXiv:1811.01468, 2018, which draws
       what they attend with.
    """

    def __init__(self, ids, read, strength):
        super().__init__()
        self.register_buffer("ids", ids)
        self.read = read
        self.strength = strength

    def forward(self, vectors, y):
        """Compute the penalty of a batch.

        Parameters
        ----------
        vectors : tensor of shape (L, d)
            Those of the labels.

        y : tensor of shape (n, L)
            Targets.

        Returns
        -------
        penalty : tensor of shape ()
            To add to the loss.
        """
        present = y.any(dim=0).nonzero()[:, 0]  # (l,)
        distance = (vectors[present] - self.read(self.ids[present])).square().mean(dim=1)
        return self.strength * (y[:, present].sum(dim=0) @ distance.to(y)) / len(y)
