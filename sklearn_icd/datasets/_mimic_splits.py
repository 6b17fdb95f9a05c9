"""The published splits of MIMIC: which admissions train, validate and test."""

import numpy as np

from sklearn_icd.datasets._fetch import download
from sklearn_icd.datasets._home import home_path

# The commits, paths and checksums are those of copies of the two repositories; that the addresses
# answer could not be tried.
_REPOSITORIES = {
    "caml": "https://raw.githubusercontent.com/jamesmullenbach/caml-mimic/"
    "44a47455070d3d5c6ee69fb5305e32caec104960/mimicdata/mimic3",
    "edin": "https://raw.githubusercontent.com/JoakimEdin/medical-coding-reproducibility/"
    "c0e1d4261f73ea36deae0392c7fe3bf1486ab981/files/data",
}
_CAML_NAMES = {"train": "train", "val": "dev", "test": "test"}
_EDIN_PATHS = {
    "clean": "mimiciii_clean/mimiciii_clean_splits.feather",
    "icd9": "mimiciv_icd9/mimiciv_icd9_split.feather",
    "icd10": "mimiciv_icd10/mimiciv_icd10_split.feather",
}
_SHA256 = {
    "train_full_hadm_ids.csv": "abc4601d2cb798c7f26d35a4aa38b84b0050af03e102e455ab70651d654cb964",
    "dev_full_hadm_ids.csv": "5bc77377a675b17631844f6253ecec5c0b2b39c294aebe34aebbd2c733d8efb4",
    "test_full_hadm_ids.csv": "2861293b9057a3aa20b21b397590e4f148aceebdaa705622acf748ccb1b7216c",
    "train_50_hadm_ids.csv": "aee261aa45a2d89368e4da275c6c0a601b8bfc2c22e3af915d89adbc068716d2",
    "dev_50_hadm_ids.csv": "bcd69c3be3f4d8a7d29252ac8b5b99f197875b639ab12cf3ab324ee11612ea9e",
    "test_50_hadm_ids.csv": "cc3d3c22cbf0c68b62508712d4fc27baf5a5cb9705c1c8f8b6fc1618332c49b2",
    "mimiciii_clean_splits.feather": (
        "deedf0fe76f80470ca85e71ff10fc2f9de70d28644d4143f5ccf6db635333b9e"
    ),
    "mimiciv_icd9_split.feather": (
        "b60d01628b76aa8874cb52bb06aa07f9d18ed03a441cbf0884e9b748300ab4bf"
    ),
    "mimiciv_icd10_split.feather": (
        "f913edf80c41f52c0865c2c802ab65d0d7b24fdfc03307564d2808bb9a672b61"
    ),
}


def published_splits(benchmark, data_home=None):
    """Return the admissions of a benchmark's splits, in the order of the published files.

    The files are read from the folder `mimic_splits` of the data home, and downloaded into it
    where they are missing.

    Parameters
    ----------
    benchmark : {"full", "50", "clean", "icd9", "icd10"}
        The first two are CAML's, the others those of Edin et al.

    data_home : str or path-like, default=None
        The data home.

    Returns
    -------
    splits : dict of str to ndarray of int64
        The ids of train, val and test.
    """
    if benchmark in _EDIN_PATHS:
        return _read_edin(_split_file("edin", _EDIN_PATHS[benchmark], data_home))
    return {
        split: np.loadtxt(
            _split_file("caml", f"{name}_{benchmark}_hadm_ids.csv", data_home), dtype=np.int64
        )
        for split, name in _CAML_NAMES.items()
    }


def _split_file(source, path, data_home):
    name = path.rpartition("/")[-1]
    here = home_path(data_home) / "mimic_splits" / source / name
    return download(f"{_REPOSITORIES[source]}/{path}", here, _SHA256[name])


def _read_edin(path):
    import polars as pl

    table = pl.read_ipc(path)
    return {
        split: table.filter(pl.col("split") == split)["_id"].to_numpy() for split in _CAML_NAMES
    }
