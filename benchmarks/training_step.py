"""A training step of each system beside the public implementations of it.

    python benchmarks/training_step.py --out docs/_static --public FOLDER

trains each classifier by the steps of its own `fit`, in float32 and in bfloat16, and the public
implementations that FOLDER holds (`public_systems.py` lists them), which compute in float32, with
their own loss, optimiser and padding. All have the widths of the papers, see the same made notes of
MIMIC's lengths (lognormal, 1,500 words on average, half as many pieces more) and 50,000 words, in
batches of 8, or, where a transformer reads, of 2 notes. Without `--public` the classifiers are
measured alone.

- step_s: CPU seconds of a step, from the gradient's reset to the optimiser's, on random batches
  that are the same for all; the median of steps that take turns in one process. `speed` is how
  many times faster than the fastest public implementation.
- notes_per_s: notes per CPU second where each cuts the same notes into batches of its own: by
  chance, by length, or in pools. Of the batches of an epoch, every so many-th in the order of
  length is taken. `gain` compares as `speed` does.
- epoch_h: the CPU hours of an epoch of MIMIC-III full (47,719 notes) that follow from it. No whole
  epoch was run.
- peak_mib: what a process of its own holds above what it held without the system: parameters,
  gradients, state of the optimiser, and all that two steps need.

PLM-ICD and HiLAT read with two layers of RoBERTa's base size with random weights; the public HiLAT
always reads ten segments. The public Fusion has twice as many maps in its first convolutions as
its paper; the public LD-PLAM trains its label vectors, which the paper freezes. Rows of systems
that are not measured stay in training_step.csv as they are; training_step.png draws it.
"""

import argparse
import csv
import gc
import multiprocessing
import platform
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from public_systems import SYSTEMS as PUBLIC
from scipy import sparse
from sklearn.preprocessing import FunctionTransformer

from sklearn_icd import models
from sklearn_icd.net import NoteDataset

N_WORDS, N_NOTES = 50_000, 4_096
EPOCH = 47_719
OURS = "sklearn-icd"
CLEAN = multiprocessing.get_context("forkserver")  # of processes that have done nothing yet
CLEAN.set_forkserver_preload(["torch", "transformers", "sklearn_icd.models", "sklearn_icd.net"])
COLUMNS = [
    *("system", "codes", "implementation", "step_s", "speed", "notes_per_s", "gain"),
    *("epoch_h", "peak_mib"),
]


def random_titles(texts):
    return np.random.default_rng(0).normal(size=(len(texts), 1024))


def with_titles(n_codes):
    """Give LD-PLAM label vectors as wide as those of RoBERTa large."""
    encoder = FunctionTransformer(random_titles)
    return {"label_encoder": encoder, "label_titles": dict.fromkeys(range(n_codes), "")}


def with_vectors(n_codes):
    """Give LAAT word vectors, which it does not train; without, it trains random ones."""
    return {"word_vectors": np.random.default_rng(0).normal(size=(N_WORDS + 2, 100))}


# The classifier, the notes of a batch, the most tokens of a note, the shape of its segments, and
# further parameters.
SYSTEMS = {
    "CAML": ("CAMLClassifier", 8, 2500, None, None),
    "MultiResCNN": ("MultiResCNNClassifier", 8, 2500, None, None),
    "LAAT": ("LAATClassifier", 8, 4000, None, with_vectors),
    "Fusion": ("FusionClassifier", 8, 2500, None, None),
    "LD-PLAM": ("LDPLAMClassifier", 8, 2500, None, with_titles),
    "PLM-ICD": ("PLMICDClassifier", 2, 3072, (24, 128), None),
    "HiLAT": ("HiLATClassifier", 2, 5120, (10, 512), None),
}


def make_notes(system, n_codes):
    """Give token ids and codes; words and codes fall by Zipf's law."""
    _, _, most, segments, _ = SYSTEMS[system]
    rng = np.random.default_rng(0)
    mean = 1500 if segments is None else 2250
    lengths = (mean * rng.lognormal(-0.125, 0.5, N_NOTES)).clip(50, most).astype(int)
    ids = 2 + (N_WORDS ** rng.random(lengths.sum())).astype(np.int32)  # from 3 to N_WORDS + 1
    ids[0] = N_WORDS + 1
    counts = 1 + rng.poisson(14, N_NOTES)
    columns = (n_codes ** rng.random(counts.sum())).astype(int) - 1
    rows = np.repeat(np.arange(N_NOTES), counts)
    y = sparse.csr_array((np.ones(len(rows), dtype=int), (rows, columns)), (N_NOTES, n_codes))
    y.data[:] = 1
    if segments is not None:
        X = np.zeros((N_NOTES, most), dtype=np.int32)
        X[np.arange(most) < lengths[:, None]] = np.minimum(ids, N_WORDS)
        return X.reshape(N_NOTES, *segments), y
    offsets = np.concatenate([[0], lengths.cumsum()])
    places = np.arange(len(ids)) - np.repeat(offsets[:-1], lengths)
    return sparse.csr_array((ids, places, offsets), (N_NOTES, most)), y


class Ours:
    """A classifier at the point of its fit where training begins."""

    def __init__(self, system, precision, X, y, transformer, compiled=False):
        name, batch_size, _, segments, further = SYSTEMS[system]
        parameters = {"word_vectors": None} if segments is None else {"pretrained": transformer}
        if further is not None:
            parameters |= further(y.shape[1])
        classifier = getattr(models, name)(
            batch_size=batch_size,
            precision=precision,
            compile=compiled,
            random_state=0,
            **parameters,
        )
        tokens = classifier._check(X, reset=True)
        targets = classifier._read_first_targets(y, None)
        self.net = classifier._make_net(tokens, targets, np.random.RandomState(0))
        self.dataset = classifier._dataset(tokens, targets)
        self.net.notify("on_train_begin", X=self.dataset, y=None)

    def batches(self):
        return self.net.get_iterator(self.dataset, training=True).rows()

    def step(self, rows, own=False):
        self.net.train_step(self.dataset[rows])


class Public:
    """A public implementation, fed with padded batches."""

    def __init__(self, system, batch_size, X, y, folder, transformer):
        self.batch_size = batch_size
        self.dataset = NoteDataset(X, y)
        sizes = SimpleNamespace(n_tokens=N_WORDS + 2, n_codes=y.shape[1], transformer=transformer)
        self.system = system(folder, sizes)

    def batches(self):
        rng = np.random.default_rng(0)
        return self.system.batches(self.dataset.tokens.lengths, self.batch_size, rng)

    def step(self, rows, own=False):
        ids, y = self.dataset[rows]
        self.system.step(self.system.pad(ids) if own else ids, y)


def implementations(system, X, y, arguments):
    """Give what makes each implementation, by its name."""
    makers = {
        f"{OURS} {precision}{' compiled' * compiled}": partial(
            Ours, system, precision, X, y, arguments.transformer, compiled
        )
        for precision in arguments.precisions
        for compiled in ((False, True) if arguments.compile else (False,))
    }
    if arguments.public is not None:
        folder = arguments.public.resolve()
        for public in PUBLIC[system]:
            makers[public.repository] = partial(
                Public, public, SYSTEMS[system][1], X, y, folder, arguments.transformer
            )
    return makers


def cpu_seconds(implementation, rows, **how):
    start = time.process_time()
    implementation.step(rows, **how)
    return time.process_time() - start


def step_seconds(makers, batches, n_first):
    """Give the median of steps on the same batches, after the first ones, which do not count."""
    seconds = {name: [] for name in makers}
    for rows in batches:
        for name, implementation in makers.items():
            seconds[name].append(cpu_seconds(implementation, rows))
    return {name: statistics.median(own[n_first:]) for name, own in seconds.items()}


def notes_per_second(makers, lengths, n_steps):
    """Give the notes per second of batches that each cuts for itself."""
    batches = {
        name: every_so_many(implementation.batches(), lengths, n_steps)
        for name, implementation in makers.items()
    }
    seconds = dict.fromkeys(makers, 0.0)
    for k in range(n_steps):
        for name, implementation in makers.items():
            seconds[name] += cpu_seconds(implementation, batches[name][k], own=True)
    return {name: sum(map(len, batches[name])) / seconds[name] for name in makers}


def every_so_many(batches, lengths, n):
    """Take n of the batches, evenly in the order of their longest notes."""
    ordered = sorted(batches, key=lambda rows: lengths[rows].max())
    return [ordered[int((k + 0.5) * len(ordered) / n)] for k in range(n)]


def random_batches(system, n):
    rng = np.random.default_rng(1)
    return [rng.choice(N_NOTES, SYSTEMS[system][1], replace=False) for _ in range(n)]


def resident(field):
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{field}:")[2].split()[0]) / 1024


def measure_memory(system, n_codes, name, arguments):
    """Give the peak of two steps above what the process held before, in MiB."""
    torch.set_num_threads(arguments.threads)
    make = implementations(system, *make_notes(system, n_codes), arguments)[name]
    before = resident("VmRSS")
    implementation = make()
    for rows in random_batches(system, 2):
        implementation.step(rows)
    return resident("VmHWM") - before


def memory_of_own_process(*what):
    with CLEAN.Pool(1) as pool:
        return pool.apply(measure_memory, what)


def measure(system, n_codes, arguments):
    """Give a row for each implementation of a system."""
    X, y = make_notes(system, n_codes)
    lengths = NoteDataset(X).tokens.lengths
    makers = implementations(system, X, y, arguments)
    made = {name: make() for name, make in makers.items()}
    n_first = 3 if arguments.compile else 1
    batches = random_batches(system, arguments.repeats + n_first)
    seconds = step_seconds(made, batches, n_first)
    rates = notes_per_second(made, lengths, arguments.steps)
    del made
    gc.collect()
    for name in makers:
        others = compared(name, makers)
        row = {
            "system": system,
            "codes": n_codes,
            "implementation": name,
            "step_s": f"{seconds[name]:.2f}",
            "notes_per_s": f"{rates[name]:.2f}",
            "epoch_h": f"{EPOCH / rates[name] / 3600:.1f}",
            "peak_mib": round(memory_of_own_process(system, n_codes, name, arguments)),
        }
        if others:
            row["speed"] = f"{min(seconds[own] for own in others) / seconds[name]:.2f}"
            row["gain"] = f"{rates[name] / max(rates[own] for own in others):.2f}"
        print(" | ".join(f"{key} {value}" for key, value in row.items()), flush=True)
        yield row


def compared(name, makers):
    """Give what a row is compared with: public code, or itself without compiling."""
    public = [other for other in makers if not other.startswith(OURS)]
    return public or [other for other in makers if f"{other} compiled" in makers and other in name]


def read_rows(path):
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write_rows(path, rows):
    order = list(SYSTEMS)
    rows = sorted(rows, key=lambda row: (order.index(row["system"]), int(row["codes"])))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def plot(rows, title, path):
    import matplotlib.pyplot as plt

    rows = [row for row in rows if row["speed"] and row["implementation"].startswith(OURS)]
    names = list(dict.fromkeys(f"{row['system']}\n{int(row['codes']):,}" for row in rows))
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4), layout="constrained")
    for axes, column, label in (
        (left, "speed", "steps on the same batches"),
        (right, "gain", "notes per second, own batches"),
    ):
        for shift, precision in ((-0.2, "float32"), (0.2, "bfloat16")):
            own = [row for row in rows if row["implementation"].endswith(precision)]
            heights = [float(row[column]) for row in own]
            places = [place + shift for place in range(len(own))]
            axes.bar_label(axes.bar(places, heights, 0.4, label=precision), fmt="%.1f", size=7)
        axes.axhline(1, color="grey", linewidth=0.8)
        axes.set_xticks(range(len(names)), names, size=7)
        axes.set(title=label, ylabel="times the fastest public implementation")
    left.legend()
    figure.suptitle(title)
    figure.savefig(path, dpi=150)


def make_transformer(folder):
    """Write two layers of RoBERTa's base size with random weights."""
    from transformers import RobertaConfig, RobertaModel

    config = RobertaConfig(
        vocab_size=N_WORDS, num_hidden_layers=2, max_position_embeddings=514, pad_token_id=1
    )
    RobertaModel(config).save_pretrained(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--public", type=Path, help="the folder of the public repositories")
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=list(SYSTEMS))
    parser.add_argument("--labels", type=int, nargs="+", help="8921 and 1000; of HiLAT 50 and 1000")
    parser.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--repeats", type=int, default=7, help="steps on the same batches")
    parser.add_argument("--steps", type=int, default=15, help="steps on batches of one's own")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--compile", action="store_true", help="ours with and without torch.compile"
    )
    parser.add_argument("--out", type=Path, default=Path())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / ("compile.csv" if arguments.compile else "training_step.csv")
    with tempfile.TemporaryDirectory() as folder:
        make_transformer(folder)
        arguments.transformer = folder
        for system in arguments.systems:
            for n_codes in arguments.labels or ([50, 1000] if system == "HiLAT" else [1000, 8921]):
                new = list(measure(system, n_codes, arguments))
                kept = [
                    row
                    for row in read_rows(path)
                    if (row["system"], int(row["codes"])) != (system, n_codes)
                ]
                write_rows(path, kept + new)
    title = (
        f"a training step, {arguments.threads} thread(s), {platform.machine()}, "
        f"torch {torch.__version__}"
    )
    if not arguments.compile:
        plot(read_rows(path), title, arguments.out / "training_step.png")


if __name__ == "__main__":
    main()
