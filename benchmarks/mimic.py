"""Train a system on a MIMIC benchmark as its paper did; print its figures under the published ones.

    python benchmarks/mimic.py --root mimiciii/1.4 --benchmark full --system jlan
    python benchmarks/mimic.py --root mimiciii/1.4 --benchmark 50 --system hilat \
        --pretrained models/ClinicalplusXLNet
    python benchmarks/mimic.py --benchmark 50 --system jlan --dry-run  # made notes, one epoch

The epoch and the cut are chosen on the validation notes; the test notes are scored once, at the
end. Each run has a folder in --out: log.txt (versions, sizes, losses, times and figures, never a
note), checkpoint.pt (training after its last whole epoch; a run that was broken off goes on from
there, to the same end) and figures.json (a run that has it is not trained again).
"""

import argparse
import csv
import json
import logging
import os
import platform
import resource
import tempfile
import time
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import torch
from made_mimic import first_admissions, write_mimic3, write_mimic4
from real_notes import minilm, setting
from scipy import sparse
from scipy.special import expit
from sklearn import config_context
from skorch.callbacks import Callback
from skorch.history import History

from sklearn_icd import make_icd_pipeline
from sklearn_icd._callbacks import Validation
from sklearn_icd.codes import TransformerEncoder
from sklearn_icd.datasets import load_mimic3, load_mimic4
from sklearn_icd.datasets._mimic_splits import published_splits
from sklearn_icd.metrics import auc_report, f1_report, precision_at_k
from sklearn_icd.text import make_note_cleaner

BENCHMARKS = {
    "full": load_mimic3,
    "50": load_mimic3,
    "clean": load_mimic3,
    "icd9": load_mimic4,
    "icd10": load_mimic4,
}
BY_EDIN = ("clean", "icd9", "icd10")
SYSTEMS = ("fusion", "hilat", "jlan", "ld-plam", "plm-icd")
WITH_TRANSFORMER = ("hilat", "ld-plam", "plm-icd")
# Where a paper trains another way on a benchmark than on the full MIMIC-III.
PAPER_SETTINGS = {("ld-plam", "50"): {"n_pseudo_labels": 16, "batch_size": 256}}  # its Table 3
PUBLISHED = Path(__file__).parents[1] / "docs" / "_static" / "mimic_published.csv"
FIGURES = ["micro-F1", "macro-F1", "micro-AUC", "macro-AUC", "P@5", "P@8", "P@15"]
PACKAGES = ["sklearn-icd", "torch", "skorch", "scikit-learn", "numpy", "transformers", "gensim"]

log = logging.getLogger("mimic")
log.setLevel(logging.INFO)
LOGGERS = [log, logging.getLogger("py.warnings")]


class Checkpoint(Callback):
    """Save training after each epoch, and go on from what was saved.

    Parameters
    ----------
    path : path-like
        The file.
    """

    def __init__(self, path):
        self.path = Path(path)

    def on_train_begin(self, net, **kwargs):
        """Go back to the end of the last epoch that was saved."""
        self.max_epochs_ = net.max_epochs
        if not self.path.exists():
            return
        saved = _load(self.path)
        net.module_.load_state_dict(saved["module"])
        net.optimizer_.load_state_dict(saved["optimizer"])
        net.n_steps_ = saved["n_steps"]
        net.history = History(json.loads(saved["history"]))
        validation = _validation(net)
        validation.best_ = tuple(saved["best_quality"]), saved["best_module"]
        validation.epochs_since_best_ = saved["epochs_since_best"]
        torch.set_rng_state(saved["generator"])
        torch.cuda.set_rng_state_all(saved["cuda_generators"])
        net.max_epochs = 0 if saved["finished"] else net.max_epochs - len(net.history)
        log.info("going on after epoch %d", len(net.history))

    def on_epoch_end(self, net, **kwargs):
        """Save, and log what the epoch came to."""
        history = [{**epoch, "batches": []} for epoch in net.history.to_list()]
        quality, module = _validation(net).best_
        saved = {
            "module": net.module_.state_dict(),
            "optimizer": net.optimizer_.state_dict(),
            "n_steps": net.n_steps_,
            "history": json.dumps(history, default=float),
            "best_quality": [float(part) for part in quality],
            "best_module": module,
            "epochs_since_best": _validation(net).epochs_since_best_,
            "generator": torch.get_rng_state(),
            "cuda_generators": torch.cuda.get_rng_state_all(),
            "finished": net.stop_training_ or len(net.history) == self.max_epochs_,
        }
        unfinished = self.path.with_suffix(".part")
        torch.save(saved, unfinished)
        os.replace(unfinished, self.path)
        figures = {key: value for key, value in history[-1].items() if key != "batches"}
        log.info("epoch %s", json.dumps(figures, default=float))


def is_finished(checkpoint):
    """Say whether training came to its end, which skorch does not tell from Ctrl-C."""
    return checkpoint.exists() and _load(checkpoint)["finished"]


def _load(checkpoint):
    return torch.load(checkpoint, map_location="cpu", weights_only=True)


def _validation(net):
    return next(callback for _, callback in net.callbacks_ if isinstance(callback, Validation))


def make_pipeline(settings, bunch, checkpoint):
    """Give the untrained system with the text and the settings of its paper."""
    system, benchmark, pretrained = (settings[key] for key in ("system", "benchmark", "pretrained"))
    parameters = {
        "classes": bunch.target_names,
        "label_titles": {code: bunch.titles.get(code, "") for code in bunch.target_names},
        "threshold": "tuned",
        "random_state": settings["seed"],
        "callbacks": [Checkpoint(checkpoint)],
    }
    if settings["size"] == "paper":
        parameters |= PAPER_SETTINGS.get((system, benchmark), {})
    if system == "ld-plam":
        parameters["label_encoder"] = TransformerEncoder(pretrained)
        pretrained = None
    parameters |= settings["set"]
    pipeline = make_icd_pipeline(system, size=settings["size"], pretrained=pretrained, **parameters)
    return pipeline.set_params(clean=make_note_cleaner(recipe(system, benchmark)))


def recipe(system, benchmark):
    """Give the name of the text that the published figures were made with."""
    if benchmark in BY_EDIN:
        return "edin"
    return "hilat" if system == "hilat" else "caml"


def train(settings, bunch, checkpoint):
    """Train on the train notes, with epoch and cut chosen on the val notes."""
    with config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(settings, bunch, checkpoint)
        notes, y = _split(bunch, "train")
        X_val, y_val = _split(bunch, "val")
        pipeline.fit(notes, y, X_val=X_val, y_val=y_val)
    if not is_finished(checkpoint):
        raise SystemExit("training was broken off: the same command goes on with it.")
    return pipeline


def score(pipeline, bunch):
    """Score the test notes, once, and say what the scores are worth at each cut."""
    notes, y = _split(bunch, "test")
    logits = pipeline.decision_function(notes)
    ranking = auc_report(y, logits)
    ranking |= {f"P@{k}": precision_at_k(y, logits, k) for k in (5, 8, 15)}
    probabilities = expit(logits)
    cuts = {"tuned on val": pipeline[-1].threshold_, "as in most papers": 0.5}
    return [
        {
            "cut": float(cut),
            "which": which,
            **f1_report(y, sparse.csr_array(probabilities >= cut, dtype=int)),
            **ranking,
        }
        for which, cut in cuts.items()
    ]


def _split(bunch, name):
    rows = bunch.splits[name]
    return [bunch.data[row] for row in rows], bunch.target[rows]


def run(settings, root, data_home, out):
    """Load, train and score, unless the folder of the run says that all this is done."""
    folder = open_folder(settings, out)
    done = folder / "figures.json"
    if not done.exists():
        with log_to(folder / "log.txt"):
            figures = load_train_score(settings, root, data_home, folder / "checkpoint.pt")
        done.write_text(json.dumps(figures, indent=1))
        (folder / "checkpoint.pt").unlink()
    return json.loads(done.read_text())


def load_train_score(settings, root, data_home, checkpoint):
    """Do all that a run is, and log it."""
    log.info("settings %s", json.dumps(settings))
    log.info("Python %s, %s", platform.python_version(), {name: version(name) for name in PACKAGES})
    log.info("device %s", torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu")
    benchmark = settings["benchmark"]
    with timed("loaded"):
        bunch = BENCHMARKS[benchmark](root, benchmark=benchmark, data_home=data_home)
    sizes = {split: len(rows) for split, rows in bunch.splits.items()}
    log.info("notes %s, %d codes", sizes, len(bunch.target_names))
    with timed("trained"):
        pipeline = train(settings, bunch, checkpoint)
    with timed("scored"):
        figures = score(pipeline, bunch)
    log.info("figures %s", json.dumps(figures))
    return figures


@contextmanager
def timed(what):
    """Log how long something took, and the most memory that the process has held."""
    start = time.perf_counter()
    yield
    mebibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    log.info("%s in %.0f s, peak memory %d MiB", what, time.perf_counter() - start, mebibytes)


def open_folder(settings, out):
    """Make the folder of a run; it serves one set of settings."""
    folder = Path(out) / "-".join(
        [settings["benchmark"], settings["system"], str(settings["seed"])]
    )
    folder.mkdir(parents=True, exist_ok=True)
    kept, given = folder / "settings.json", json.dumps(settings, indent=1)
    if kept.exists() and kept.read_text() != given:
        raise SystemExit(f"{folder} holds a run with other settings: give another --out.")
    kept.write_text(given)
    return folder


@contextmanager
def log_to(path):
    """Log to a file and to the screen, warnings too; other libraries' logs stay out."""
    handlers = [logging.FileHandler(path), logging.StreamHandler()]
    logging.captureWarnings(True)
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        for logger in LOGGERS:
            logger.addHandler(handler)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        for handler in handlers:
            handler.close()
            for logger in LOGGERS:
                logger.removeHandler(handler)


def published(system, benchmark):
    """Give the row of the published figures, an empty one if there is none."""
    with PUBLISHED.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["system"] == system]
    return next((row for row in rows if row["benchmark"] == benchmark), {})


def table(settings, figures):
    """Write the figures of a run under the published ones."""
    system, benchmark = settings["system"], settings["benchmark"]
    paper = published(system, benchmark)
    macro = paper.get("macro-F1 is") or ("present" if benchmark in BY_EDIN else "harmonic")
    lines = [
        f"{system} on {benchmark}, macro-F1: {macro}",
        f"{'':34}" + "".join(f"{name:>10}" for name in FIGURES),
        _line(paper.get("from", "published: not in the table"), paper),
    ]
    for row in figures:
        own = {
            **row,
            "micro-F1": row["micro"],
            "macro-F1": row[f"macro_{macro}"],
            "micro-AUC": row["roc_auc_micro"],
            "macro-AUC": row["roc_auc_macro"],
        }
        lines.append(_line(f"here, cut {row['cut']:.2f}, {row['which']}", own))
    return "\n".join(lines)


def _line(name, row):
    values = [row.get(figure) for figure in FIGURES]
    cells = ["" if value in (None, "") else f"{float(value):.3f}" for value in values]
    return f"{name:34}" + "".join(f"{cell:>10}" for cell in cells)


def dry_run(settings, data_home):
    """Go the whole way on made notes, in a folder that is gone afterwards."""
    benchmark, made = settings["benchmark"], {"mean_words": 30, "n_codes": 60, "random_state": 0}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "mimic")
        if BENCHMARKS[benchmark] is load_mimic3:
            admissions = first_admissions([published_splits(benchmark, data_home)], 80)
            write_mimic3(root, admissions=admissions, n_other_notes=0, **made)
        else:
            write_mimic4(root, 160, data_home=data_home, **made)
        return run(settings, root, data_home, Path(folder, "runs"))


def parse(arguments=None):
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", help="the folder of MIMIC-III, or that of MIMIC-IV")
    parser.add_argument("--benchmark", choices=BENCHMARKS, required=True)
    parser.add_argument("--system", choices=SYSTEMS, required=True)
    parser.add_argument("--pretrained", help=f"the transformer of {', '.join(WITH_TRANSFORMER)}")
    parser.add_argument("--data-home", help="where the published splits are, or come to")
    parser.add_argument("--out", default="mimic_runs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", type=setting, nargs="+", default=[], help="such as batch_size=4")
    parser.add_argument("--dry-run", action="store_true", help="made notes, one epoch")
    arguments = parser.parse_args(arguments)
    if not arguments.dry_run and not arguments.root:
        parser.error("--root is missing: the folder with PhysioNet's files, or try --dry-run")
    if arguments.system in WITH_TRANSFORMER and not arguments.pretrained:
        if not arguments.dry_run:
            parser.error(f"{arguments.system} needs --pretrained: the transformer of its paper")
        arguments.pretrained = minilm()
    return arguments


def main():
    arguments = parse()
    keys = ("system", "benchmark", "seed", "pretrained")
    settings = {
        **{key: getattr(arguments, key) for key in keys},
        "size": "small" if arguments.dry_run else "paper",
        "set": {**({"max_epochs": 1} if arguments.dry_run else {}), **dict(arguments.set)},
    }
    if arguments.dry_run:
        figures = dry_run(settings, arguments.data_home)
    else:
        figures = run(settings, arguments.root, arguments.data_home, arguments.out)
    print(table(settings, figures))


if __name__ == "__main__":
    main()
