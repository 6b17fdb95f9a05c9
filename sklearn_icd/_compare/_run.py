"""One run of a comparison: one system trained with one seed, and scored on one fold."""

import platform
import re
import sys
import time
import warnings
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.special import expit
from sklearn import config_context

from sklearn_icd._compare._folds import Fold
from sklearn_icd.codes import TitleEncoder, TransformerEncoder
from sklearn_icd.metrics import (
    f1_report,
    mean_average_precision,
    precision_at_k,
    roc_auc_macro,
    roc_auc_micro,
)
from sklearn_icd.pipelines import make_icd_pipeline

_PACKAGES = ("sklearn-icd", "torch", "scikit-learn", "numpy", "transformers")
_LONGEST_MESSAGE = 400
_RUN_OF_NOTE = 20  # characters


@dataclass(frozen=True)
class Entry:
    """Say what a row of the table trains.

    Parameters
    ----------
    label : str
        What the row is called.

    system : str
        The name that `make_icd_pipeline` knows.

    size : {"paper", "small"}
        Its settings.

    settings : dict
        Further arguments of `make_icd_pipeline`.

    titles : str or None
        "letters" or the folder of a transformer: what is to make the vectors of titles, for
        systems that take an encoder of titles. None: what the system does by itself.
    """

    label: str
    system: str
    size: str
    settings: dict
    titles: str | None = None


@dataclass(frozen=True)
class Run:
    """Name a run.

    Parameters
    ----------
    entry : Entry
        What to train.

    fold : Fold
        The notes.

    seed : int
        Where the chance of the classifier comes from.
    """

    entry: Entry
    fold: Fold
    seed: int

    def __str__(self):
        return f"{self.entry.label}, fold {self.fold.name}, seed {self.seed}"

    def settings(self, corpus):
        """Give all that another figure could come from, but versions and the machine."""
        own = asdict(self.entry)
        return {**own.pop("settings"), **own, "notes": self.fold.digest(corpus)}


def make_pipeline(entry, corpus, seed):
    """Make an untrained system, with what is the same for all systems."""
    pipeline = make_icd_pipeline(entry.system, size=entry.size, **entry.settings)
    codes = corpus.codes.tolist()
    own = {
        "classes": corpus.codes,
        "monitor": "f1_micro",
        "random_state": seed,
        "threshold": "tuned",
    }
    if corpus.titles:
        own["label_titles"] = {code: corpus.titles.get(code, "") for code in codes}
    if entry.titles == "letters":
        own["label_encoder"] = TitleEncoder(random_state=seed)
    elif entry.titles:
        own["label_encoder"] = TransformerEncoder(entry.titles)
    taken = pipeline[-1].get_params(deep=False)
    return pipeline.set_params(**{f"clf__{key}": own[key] for key in own if key in taken})


def train_and_score(run, corpus):
    """Do a run.

    Parameters
    ----------
    run : Run
        What to train on which notes.

    corpus : Corpus
        All notes.

    Returns
    -------
    figures : dict
        What the assigned codes and the scores are worth, what they cost, and with which versions.

    assigned : csr_array of bool of shape (n_scored, n_codes)
        Which codes the scored notes were given.
    """
    (notes, y), (X_val, y_val), (scored, y_true) = map(
        corpus.take, (run.fold.train, run.fold.valid, run.fold.scored)
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        with config_context(enable_metadata_routing=True):
            pipeline = make_pipeline(run.entry, corpus, run.seed)
            start = time.perf_counter()
            pipeline.fit(notes, y, X_val=X_val, y_val=y_val)
            trained = time.perf_counter()
        logits = pipeline.decision_function(scored)
        predicted = time.perf_counter()
        costs = {
            "training s": trained - start,
            "notes/s": len(scored) / (predicted - trained),
            "peak MiB": peak_memory(),  # before the metrics, which cost all systems the same
            "GPU MiB": peak_gpu_memory(),
            "parameters": n_parameters(pipeline[-1]),
        }
        probabilities = expit(logits)
        threshold = probabilities.dtype.type(pipeline[-1].threshold_)
        assigned = sparse.csr_array(probabilities >= threshold)
        quality = measure(y_true, assigned, logits)
    figures = {
        "quality": {name: None if np.isnan(value) else value for name, value in quality.items()},
        "costs": costs,
        "threshold": float(threshold),
        **machine(),
        "warnings": sorted({say(warning.message, corpus.notes) for warning in caught}),
    }
    return figures, assigned


def measure(y_true, assigned, scores):
    """Give the figures of the field, by the same definitions for all systems."""
    f1 = f1_report(y_true, assigned)
    ks = [k for k in (5, 8, 15) if k <= y_true.shape[1]]
    return {
        "micro-F1": f1.pop("micro"),
        **{f"macro-F1 {name.removeprefix('macro_')}": value for name, value in f1.items()},
        **{f"P@{k}": precision_at_k(y_true, scores, k) for k in ks},
        "MAP": mean_average_precision(y_true, scores),
        "micro-AUC": roc_auc_micro(y_true, scores),
        "macro-AUC": roc_auc_macro(y_true, scores),
    }


def peak_memory():
    """Give the most memory that this process has held, in MiB; None where it cannot be told."""
    status = Path("/proc/self/status")
    if status.exists():  # where a child's figure in `resource` starts at that of its parent
        return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) / 1024
    try:
        import resource
    except ImportError:
        return None
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def peak_gpu_memory():
    """Give the most memory that tensors have held on the card, in MiB; None if it was not used."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return None
    return torch.cuda.max_memory_allocated() / 2**20 or None


def n_parameters(classifier):
    """Count what a classifier learns, its transformer included; None for one without weights."""
    if hasattr(classifier, "net_"):
        return sum(weights.numel() for weights in classifier.net_.module_.parameters())
    learned = [getattr(classifier, name, None) for name in ("coef_", "intercept_")]
    return sum(np.size(weights) for weights in learned if weights is not None) or None


def machine():
    """Say what computed."""
    device = f"CPU ({platform.machine()})"
    if peak_gpu_memory() is not None:
        device = sys.modules["torch"].cuda.get_device_name()
    versions = {package: version(package) for package in _PACKAGES}
    return {"device": device, "versions": {"Python": platform.python_version(), **versions}}


def say(error, notes):
    """Give the message of an error or a warning, unless it has a piece of a note."""
    kind = type(error).__name__
    # Of these the message is a key or an input, whatever that holds.
    if isinstance(error, LookupError | UnicodeError):
        return f"{kind} (its message is kept back: it may hold words of a note)"
    message = " ".join(str(error).split())[:_LONGEST_MESSAGE]
    pieces = _pieces(message.casefold())
    for note in notes:
        note = " ".join(note.casefold().split())
        if any(piece in note for piece in pieces):
            return f"{kind} (its message is kept back: it holds words of a note)"
    return f"{kind}: {message}"


def _pieces(message):
    """Cut a message so that a longer piece of a note in it has one of the cuts in it."""
    last = max(1, len(message) - _RUN_OF_NOTE + 1)
    return (
        [message[k : k + _RUN_OF_NOTE] for k in range(0, last, _RUN_OF_NOTE // 2)]
        if message
        else []
    )
