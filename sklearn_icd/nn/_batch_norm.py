"""Batch normalisation of notes of unequal length: padding is not counted."""

from torch import nn
from torch.nn.functional import batch_norm


class MaskedBatchNorm(nn.BatchNorm1d):
    """Normalise each feature by its mean and variance over the positions of a batch.

    As `torch.nn.BatchNorm1d`, with its parameters and buffers, but the statistics of training
    count the real positions only. A batch with fewer than two of these has no variance: it is
    normalised as outside training, by the running statistics, and leaves them as they are.

    Parameters
    ----------
    num_features : int
        Width of the input.

    **settings : dict
        Further parameters of `torch.nn.BatchNorm1d`.
    """

    def __init__(self, num_features, **settings):
        super().__init__(num_features, **settings)

    def forward(self, x, mask):
        """Normalise padded notes.

        Parameters
        ----------
        x : tensor of shape (n, t, num_features)
            Vectors; what stands in the padding is not looked at.

        mask : tensor of bool of shape (n, t)
            Real positions.

        Returns
        -------
        y : tensor of shape (n, t, num_features)
            Zero where there is padding.
        """
        real = self._normalise(x[mask])  # (n_real, num_features)
        y = real.new_zeros(x.shape)
        y[mask] = real
        return y

    def _normalise(self, real):
        if len(real) > 1 or not self.training:
            return super().forward(real)
        return batch_norm(
            real, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
        )
