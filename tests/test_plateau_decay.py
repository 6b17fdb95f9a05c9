"""The learning rate that falls where there is no progress."""

import numpy as np
import pytest
from skorch.callbacks import Callback
from torch import nn

from sklearn_icd._callbacks import PlateauDecay
from sklearn_icd.net import MultiLabelNet


class Record(Callback):
    """Write made-up values of the held-out notes into the history."""

    def __init__(self, name, values):
        self.name = name
        self.values = values

    def on_epoch_end(self, net, **kwargs):
        if self.name is not None:
            net.history.record(self.name, self.values[len(net.history) - 1])


def rates(name, values, **settings):
    decay = PlateauDecay(**{"factor": 0.5, "patience": 1, "min_lr": 0.2, **settings})
    net = MultiLabelNet(
        nn.EmbeddingBag(5, 2),
        lr=1.0,
        max_epochs=len(values),
        callbacks=[decay, Record(name, values)],
    )
    net.fit(np.array([[2, 3], [4, 1]]), np.eye(2, dtype=int))
    assert net.optimizer_.param_groups[0]["lr"] == 1.0
    return net.history[:, "lr"]


def test_it_falls_after_more_epochs_without_progress_than_it_is_patient():
    assert rates("valid_score", [0.1, 0.2, 0.2, 0.2, 0.2, 0.3]) == [1, 1, 1, 1, 0.5, 0.5]


def test_it_falls_no_lower_than_it_may():
    assert rates("valid_score", [0.1] * 6, patience=0) == [1, 1, 0.5, 0.25, 0.2, 0.2]


@pytest.mark.parametrize(("loss", "last"), [([3, 2, 1, 0.5], 1), ([3, 3, 3, 3], 0.5)])
def test_without_a_score_the_loss_counts(loss, last):
    assert rates("valid_loss", loss)[-1] == last


def test_without_held_out_notes_it_stays():
    assert rates(None, [0] * 4) == [1] * 4
