"""Where the real data and models are, one torch thread, and matplotlib without a screen."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("MPLBACKEND", "agg")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")


def _home(variable, what):
    folder = os.environ.get(variable)
    if not folder or not Path(folder).is_dir():
        pytest.skip(f"{variable} names no folder: the {what} are not on this machine")
    return Path(folder)


@pytest.fixture(scope="session")
def data_home():
    return _home("SKLEARN_ICD_DATA", "real corpora")


@pytest.fixture(scope="session")
def models_home():
    return _home("SKLEARN_ICD_MODELS", "pretrained models")
