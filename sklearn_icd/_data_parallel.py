"""Training by the processes that `accelerate launch` started, each with its share of a batch."""

import torch

from sklearn_icd._torch_settings import find_accelerator
from sklearn_icd.net import MultiLabelNet


class DataParallelNet(MultiLabelNet):
    """Train as `MultiLabelNet` does, `batch_size` notes being those of all processes together.

    A step gives every process the mean of the gradients of all notes, so that what is learned is
    what one process would learn, up to rounding and dropout. Outside training, each process has
    a net of its own.
    """

    _accelerator = None

    def fit_loop(self, X, y=None, epochs=None, **fit_params):
        """Train with the other processes."""
        self._accelerator = find_accelerator()
        parallel = self._accelerator.prepare_model(_TrainingLoss(self))
        self._parallel_loss = parallel.__call__  # skorch refuses modules that are not its own
        try:
            return super().fit_loop(X, y, epochs, **fit_params)
        finally:
            del self._accelerator, self._parallel_loss

    def on_epoch_begin(self, net, **kwargs):
        """Choose the same batches as the other processes."""
        from accelerate.utils import synchronize_rng_states

        super().on_epoch_begin(net, **kwargs)
        synchronize_rng_states(["torch"])

    def train_step_single(self, batch, **fit_params):
        """Compute the gradient of the notes of a step, and their loss over all processes."""
        step = super().train_step_single(batch, **fit_params)
        return {**step, "loss": self._accelerator.reduce(step["loss"], "mean")}

    def _share_of_loss(self, X, y, n_notes, **fit_params):
        own = self._own_share(range(len(X)))
        # A process without a note takes part in the exchange of gradients, and counts nothing.
        rows = torch.tensor(own or [0])
        loss = self._parallel_loss(X[rows], y[rows], **fit_params)
        return loss * (len(own) * self._accelerator.num_processes / n_notes)

    def _score_batches(self, dataset, batches):
        if self._accelerator is None:
            return super()._score_batches(dataset, batches)
        from accelerate.utils import gather_object

        return gather_object(list(super()._score_batches(dataset, self._own_share(batches))))

    def _own_share(self, items):
        return items[self._accelerator.process_index :: self._accelerator.num_processes]


class _TrainingLoss(torch.nn.Module):
    """The loss of a net as a forward pass, which is where data parallelism listens."""

    def __init__(self, net):
        super().__init__()
        self.module = net.module_
        self.compute = net._training_loss

    def forward(self, X, y, **fit_params):
        return self.compute(X, y, **fit_params)
