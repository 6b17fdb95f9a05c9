"""Two processes on the CPU learn together what one learns alone."""

import os
import pickle
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from tiny_models import N_WORDS, tiny_model
from torch.nn.modules.module import register_module_forward_pre_hook

from sklearn_icd.models import LDPLAMClassifier, PLMICDClassifier
from sklearn_icd.nn import LabelAttentionNetwork

N_EPOCHS = 2
# Without dropout and in double precision, the gradients of one process and of two are equal but
# for rounding; and sgd moves by the gradient, where adam makes a step of one that is only rounding.
EXACT = {
    "dropout": 0.0,
    "precision": "float64",
    "optimizer": "sgd",
    "lr": 0.1,
    "max_epochs": N_EPOCHS,
    "validation_fraction": 0.4,
    "threshold": 0.5,
    "random_state": 0,
}
# Of 29 notes to train on, sevens give shares of 4 and 3 and leave one note for two processes;
# eights leave five.
CLASSIFIERS = [
    LDPLAMClassifier(
        **EXACT,
        batch_size=7,
        word_vectors=None,
        n_pseudo_labels=4,
        embedding_dim=8,
        hidden_size=8,
    ),
    PLMICDClassifier(
        **EXACT,
        batch_size=8,
        pretrained=tiny_model("bert", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0),
        gradient_accumulation_steps=2,
        max_batch_tokens=100,
        warmup_steps=0,
    ),
]


def read_notes():
    rng = np.random.RandomState(0)
    lengths = rng.randint(5, 30, size=(47, 1))
    X = rng.randint(2, N_WORDS, (47, 30)) * (np.arange(30) < lengths)
    return sparse.csr_array(X), rng.binomial(1, 0.3, (47, 6))


def train(folder):
    """Train in this process, one of several, and save what it has learned and read."""
    exact = [clone(c).set_params(device="accelerate").fit(*read_notes()) for c in CLASSIFIERS]
    notes_read = []

    def watch(module, inputs):
        if isinstance(module, LabelAttentionNetwork) and module.training:
            notes_read.extend(tuple(note[note != 0].tolist()) for note in inputs[0])

    register_module_forward_pre_hook(watch)
    usual = clone(exact[0]).set_params(random_state=None, dropout=0.5, batch_size=8)
    usual.fit(*read_notes())
    Path(folder, os.environ["RANK"]).write_bytes(pickle.dumps((exact, usual, notes_read)))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """What each of two processes has learned."""
    folder = tmp_path_factory.mktemp("processes")
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = subprocess.run(
        [sys.executable, *launcher, __file__, os.fspath(folder)],
        env={**os.environ, "ACCELERATE_USE_CPU": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [pickle.loads((folder / str(rank)).read_bytes()) for rank in range(2)]


def parameters(classifier):
    return [p.detach().numpy() for p in classifier.net_.module_.parameters()]


@pytest.mark.parametrize("which", range(len(CLASSIFIERS)))
def test_two_processes_learn_what_one_learns(trained, which):
    X, y = read_notes()
    alone = clone(CLASSIFIERS[which]).fit(X, y)
    for exact, _, _ in trained:
        together = exact[which]
        assert together.net_.n_steps_ == alone.net_.n_steps_
        for ours, its in zip(parameters(together), parameters(alone), strict=True):
            np.testing.assert_allclose(ours, its, rtol=0, atol=1e-9)
        for name in ("train_loss", "valid_loss", "valid_score"):
            np.testing.assert_allclose(together.history_[:, name], alone.history_[:, name])
        np.testing.assert_allclose(together.predict_proba(X), alone.predict_proba(X))


def test_with_dropout_and_without_a_seed_the_processes_agree(trained):
    (_, ours, _), (_, theirs, _) = trained
    for one, other in zip(parameters(ours), parameters(theirs), strict=True):
        np.testing.assert_array_equal(one, other)
    for name in ("train_loss", "valid_loss", "valid_score"):
        assert ours.history_[:, name] == theirs.history_[:, name]


def test_each_note_is_read_by_one_process_in_an_epoch(trained):
    one, other = (notes_read for _, _, notes_read in trained)
    times_read = Counter(one + other)
    assert (len(one), len(other)) == (N_EPOCHS * 15, N_EPOCHS * 14)
    assert len(times_read) == 29
    assert set(times_read.values()) == {N_EPOCHS}


if __name__ == "__main__":
    train(sys.argv[1])
