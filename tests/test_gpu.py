"""What must hold on a GPU: the CPU's scores, and a fitted estimator that needs no GPU to load."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy import sparse
from small_systems import SMALL
from tiny_models import N_WORDS

from sklearn_icd.base import MultiLabelClassifier
from sklearn_icd.models import LDPLAMClassifier

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="torch sees no CUDA device on this machine"
)


@pytest.fixture
def notes():
    rng = np.random.RandomState(0)
    lengths = rng.randint(1, 60, size=(80, 1))
    X = rng.randint(2, N_WORDS, (80, 60)) * (np.arange(60) < lengths)
    return sparse.csr_array(X), rng.binomial(1, 0.3, (80, 12))


NETWORKS = [system for system in SMALL if issubclass(system, MultiLabelClassifier)]
every_system = pytest.mark.parametrize("system", NETWORKS)


def _classifier(system=LDPLAMClassifier, **parameters):
    settings = {"max_epochs": 2, "random_state": 0}
    return system(**{**SMALL[system], **settings, **parameters})


def test_auto_takes_the_gpu(notes):
    classifier = _classifier().fit(*notes)
    assert {p.device.type for p in classifier.net_.module_.parameters()} == {"cuda"}


@every_system
def test_scores_are_those_of_the_cpu(system, notes):
    X, y = notes
    on_gpu = _classifier(system, device="cuda").fit(X, y)
    on_cpu = _classifier(system, device="cpu", max_epochs=1).fit(X, y)
    on_cpu.net_.module_.load_state_dict(on_gpu.net_.module_.state_dict())
    np.testing.assert_allclose(
        on_gpu.decision_function(X), on_cpu.decision_function(X), atol=1e-4, rtol=0
    )
    for ours, theirs in zip(on_gpu.attention(X), on_cpu.attention(X), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_the_gpus_generator_is_left_as_it_was(notes):
    before = torch.cuda.get_rng_state()
    _classifier(device="cuda").fit(*notes)
    assert torch.equal(torch.cuda.get_rng_state(), before)


def test_a_bound_on_tokens_changes_no_result(notes):
    exact = {"device": "cuda", "precision": "float64", "dropout": 0.0, "optimizer": "sgd"}
    free, bounded = (
        _classifier(**exact, max_batch_tokens=bound).fit(*notes) for bound in (None, 200)
    )
    X, _ = notes
    np.testing.assert_allclose(
        bounded.decision_function(X), free.decision_function(X), rtol=1e-9, atol=1e-12
    )


def test_batches_are_copied_from_pinned_memory(notes, monkeypatch):
    pinned, pin_memory = [], torch.Tensor.pin_memory
    monkeypatch.setattr(
        torch.Tensor, "pin_memory", lambda tensor: pinned.append(pin_memory(tensor)) or pinned[-1]
    )
    _classifier(device="cuda", max_epochs=1, validation_fraction=None).fit(*notes)
    assert {len(tensor) for tensor in pinned} == {16}  # 80 notes
    assert len(pinned) == 2 * 5  # tokens and codes
    assert all(tensor.is_pinned() for tensor in pinned)


def test_bfloat16_is_close(notes):
    X, y = notes
    classifier = _classifier(device="cuda").fit(X, y)
    exact = classifier.predict_proba(X)
    classifier.net_.precision = "bfloat16"
    np.testing.assert_allclose(classifier.predict_proba(X), exact, atol=0.02)


def test_a_fitted_estimator_loads_without_a_gpu(notes, tmp_path):
    X, y = notes
    classifier = _classifier(device="cuda").fit(X, y)
    saved = tmp_path / "fitted.pickle"
    saved.write_bytes(pickle.dumps((classifier, X, classifier.decision_function(X))))
    script = (
        "import pickle, sys, warnings, numpy as np, torch\n"
        "assert not torch.cuda.is_available()\n"
        "warnings.simplefilter('ignore')\n"
        f"classifier, X, scores = pickle.load(open({os.fspath(saved)!r}, 'rb'))\n"
        "np.testing.assert_allclose(classifier.decision_function(X), scores, atol=1e-4)\n"
    )
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
