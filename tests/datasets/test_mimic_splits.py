"""The published splits of MIMIC: their sizes, where they come from, and that they are the ones."""

import hashlib
import shutil

import numpy as np
import pytest

from sklearn_icd.datasets import _mimic_splits
from sklearn_icd.datasets._mimic_splits import published_splits

SIZES = {
    "full": (47_723, 1_631, 3_372),
    "50": (8_066, 1_573, 1_729),
    "clean": (38_401, 5_577, 8_734),
    "icd9": (154_542, 21_980, 32_804),
    "icd10": (89_099, 13_378, 19_802),
}


@pytest.mark.parametrize("benchmark", SIZES)
def test_published_sizes(data_home, benchmark):
    splits = published_splits(benchmark, data_home)
    assert list(splits) == ["train", "val", "test"]
    assert tuple(map(len, splits.values())) == SIZES[benchmark]
    together = np.concatenate(list(splits.values()))
    assert len(np.unique(together)) == len(together)
    assert together.dtype == np.int64


def test_ids_are_in_the_order_of_the_files(data_home):
    folder = data_home / "mimic_splits" / "caml"
    splits = published_splits("50", data_home)
    for split, name in (("train", "train"), ("val", "dev"), ("test", "test")):
        lines = (folder / f"{name}_50_hadm_ids.csv").read_text().split()
        assert splits[split].tolist() == list(map(int, lines))


def test_the_splits_of_50_are_within_those_of_full(data_home):
    full, fifty = (published_splits(benchmark, data_home) for benchmark in ("full", "50"))
    assert all(np.isin(fifty[split], full[split]).all() for split in full)


def test_checksums_are_those_of_the_files(data_home):
    files = {path.name: path for path in (data_home / "mimic_splits").rglob("*.*")}
    for name, checksum in _mimic_splits._SHA256.items():
        assert hashlib.sha256(files[name].read_bytes()).hexdigest() == checksum


@pytest.mark.parametrize("benchmark", ["50", "icd10"])
def test_missing_files_are_downloaded_once(data_home, tmp_path, server, monkeypatch, benchmark):
    addresses = _mimic_splits._REPOSITORIES
    assert all(url.startswith("https://raw.githubusercontent.com/") for url in addresses.values())
    monkeypatch.setattr(
        _mimic_splits, "_REPOSITORIES", {source: server.url(source) for source in addresses}
    )
    here = data_home / "mimic_splits"
    for path in here.glob("caml/*_50_*.csv"):
        server.files[f"caml/{path.name}"] = path.read_bytes()
    icd10 = "mimiciv_icd10_split.feather"
    server.files[f"edin/mimiciv_icd10/{icd10}"] = (here / "edin" / icd10).read_bytes()

    home = tmp_path / "new home"
    for _ in range(2):
        splits = published_splits(benchmark, home)
        assert tuple(map(len, splits.values())) == SIZES[benchmark]
    assert len(server.requests) == {"50": 3, "icd10": 1}[benchmark]


def test_other_ids_are_refused(data_home, tmp_path):
    folder = tmp_path / "mimic_splits" / "caml"
    shutil.copytree(data_home / "mimic_splits" / "caml", folder)
    with (folder / "test_full_hadm_ids.csv").open("a") as file:
        file.write("100001\n")
    with pytest.raises(ValueError, match=r"test_full_hadm_ids\.csv is not the file expected"):
        published_splits("full", tmp_path)
