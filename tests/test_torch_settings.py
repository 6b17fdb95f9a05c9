"""Which card a worker process computes on, and what is said where accelerate is missing."""

import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
import torch
from joblib import Parallel, delayed

from sklearn_icd import _torch_settings
from sklearn_icd._torch_settings import find_device


class MachineWithCards:
    """Stand in for `torch.cuda` on a machine with cards."""

    def __init__(self, uuids):
        self.uuids = uuids
        self.current = None

    def is_available(self):
        return True

    def is_initialized(self):
        return self.current is not None

    def device_count(self):
        return len(self.uuids)

    def get_device_properties(self, card):
        return SimpleNamespace(uuid=self.uuids[card])

    def set_device(self, card):
        self.current = card


@pytest.fixture
def uuids():
    return [f"test-{uuid4()}" for _ in range(2)]


@pytest.fixture
def in_a_worker(monkeypatch):
    monkeypatch.setattr(_torch_settings, "parent_process", lambda: "some process")
    held = []
    monkeypatch.setattr(_torch_settings, "_OWN_CARD", held)
    yield held
    for lock in held:
        lock.release()


def card_of_a_new_worker(monkeypatch, uuids):
    machine = MachineWithCards(uuids)
    monkeypatch.setattr(torch, "cuda", machine)
    assert find_device("auto") == "cuda"
    return machine.current


def test_workers_share_the_cards_evenly(monkeypatch, uuids, in_a_worker):
    cards = [card_of_a_new_worker(monkeypatch, uuids) for _ in range(5)]
    assert sorted(Counter(cards[:2]).values()) == sorted(Counter(cards[2:4]).values()) == [1, 1]
    in_a_worker[1].release()  # the second worker ends
    assert card_of_a_new_worker(monkeypatch, uuids) == cards[1]


def test_a_card_is_known_by_more_than_its_number(monkeypatch, uuids, in_a_worker):
    first = card_of_a_new_worker(monkeypatch, uuids)
    assert card_of_a_new_worker(monkeypatch, uuids[::-1]) == first  # which is the other card


def test_a_worker_keeps_its_card(monkeypatch, uuids, in_a_worker):
    monkeypatch.setattr(torch, "cuda", MachineWithCards(uuids))
    torch.cuda.set_device(1)
    assert find_device("auto") == "cuda"
    assert torch.cuda.current == 1
    assert not in_a_worker


def test_the_main_process_takes_the_current_card(monkeypatch, uuids):
    monkeypatch.setattr(torch, "cuda", MachineWithCards(uuids))
    assert find_device("auto") == "cuda"
    assert torch.cuda.current is None


def find_own_card(uuids, folder, n_workers):
    import torch

    from sklearn_icd import _torch_settings

    real, torch.cuda = torch.cuda, MachineWithCards(uuids)
    try:
        _torch_settings.find_device("auto")
        Path(folder, str(uuid4())).touch()
        while len(list(Path(folder).iterdir())) < n_workers:
            time.sleep(0.01)
        return torch.cuda.current
    finally:
        torch.cuda = real


def test_processes_of_joblib_take_different_cards(uuids, tmp_path):
    tasks = (delayed(find_own_card)(uuids, tmp_path, 2) for _ in range(2))
    assert sorted(Parallel(n_jobs=2)(tasks)) == [0, 1]


def test_without_accelerate_its_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(ImportError, match=r"pip install 'sklearn-icd\[accelerate\]'"):
        find_device("accelerate")
