"""Peak memory of training against the number of codes, in the manner of LD-PLAM's Fig. 3.

    python benchmarks/memory.py --out docs/_static

fits three networks on the same made notes (batch 8, 2,500 words), each in a process of its own:

- LD-PLAM;
- a label-wise head as the textbook has it, which keeps the attention of every code to every word;
- the same label-wise head through `label_attention`, which computes it again in blocks.

All three read with the same embedding and BiLSTM. The peak is that of the process above what it
held before training (on CUDA, that of the allocator). On the CPU, glibc is told to give blocks of
1 MB and more back when they are freed (MALLOC_MMAP_THRESHOLD_), so that the peak is that of the
memory in use; left to itself it keeps much of what the blocks of `label_attention` have freed.
Writes memory.csv and memory.png.
"""

import argparse
import csv
import json
import os
import platform
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from scipy import sparse

from sklearn_icd.models import LDPLAMClassifier
from sklearn_icd.net import MultiLabelNet
from sklearn_icd.nn import BiLSTM, TokenEmbedding, attention_weights, label_attention

VOCABULARY = 50_000
TITLES = {
    "textbook": "label-wise head, textbook",
    "blocks": "label-wise head, label_attention",
    "ld-plam": "LD-PLAM (256 pseudo labels)",
}


class LabelWise(torch.nn.Module):
    """Embedding, BiLSTM, and attention of each code over all words."""

    def __init__(self, n_labels, attend):
        super().__init__()
        self.embed = TokenEmbedding(VOCABULARY, 128)
        self.encode = BiLSTM(128, 128)
        self.queries = torch.nn.Linear(256, n_labels, bias=False)
        self.score = torch.nn.Linear(256, n_labels)
        self.attend = attend

    def forward(self, ids):
        hidden, mask = self.encode(self.embed(ids), ids != 0)
        score = self.score.weight, self.score.bias
        return self.attend(self.queries.weight, hidden, hidden, mask, *score)


def textbook(queries, keys, values, mask, weight, bias):
    """Attend the way it is written down: (n, L, t) and (n, L, d) stay until backward."""
    pooled = attention_weights(queries, keys, mask) @ values  # (n, L, d)
    return (pooled * weight).sum(dim=-1) + bias


def peak_memory(device):
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(system, n_labels, batch_size, n_words, device):
    """Train two steps and give the peak memory above the start, in MiB."""
    rng = np.random.default_rng(0)
    X = sparse.csr_array(rng.integers(2, VOCABULARY, (2 * batch_size, n_words), dtype=np.int32))
    X[0, 0] = VOCABULARY - 1
    Y = sparse.random_array(
        (2 * batch_size, n_labels), density=min(0.5, 16 / n_labels), rng=rng, format="csr"
    )
    Y.data[:] = 1
    torch.ones(1, device=device)
    before = peak_memory(device)
    if system == "ld-plam":
        LDPLAMClassifier(
            word_vectors=None, optimizer="adam", batch_size=batch_size, max_epochs=1,
            validation_fraction=None, device=device, random_state=0,
        ).fit(X, Y)  # fmt: skip
    else:
        attend = {"textbook": textbook, "blocks": label_attention}[system]
        MultiLabelNet(
            LabelWise(n_labels, attend), optimizer=torch.optim.Adam, batch_size=batch_size,
            max_epochs=1, device=device,
        ).fit(X, Y)  # fmt: skip
    return (peak_memory(device) - before) / 2**20


def measure_all(arguments):
    for n_labels in arguments.labels:
        for system in TITLES:
            command = [
                sys.executable, __file__, "--one", system, "--labels", str(n_labels),
                "--batch", str(arguments.batch), "--words", str(arguments.words),
                "--device", arguments.device,
            ]  # fmt: skip
            environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(2**20)}
            done = subprocess.run(
                command, check=True, capture_output=True, text=True, env=environment
            )
            mib = json.loads(done.stdout)
            print(f"{TITLES[system]:34} L = {n_labels:6,}: {mib:8,.0f} MiB", flush=True)
            yield {"system": system, "codes": n_labels, "peak_mib": round(mib)}


def plot(rows, title, path):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for system, label in TITLES.items():
        own = [row for row in rows if row["system"] == system]
        axes.plot(
            [row["codes"] for row in own],
            [row["peak_mib"] / 1024 for row in own],
            "o-",
            label=label,
        )
    axes.set(xlabel="codes", ylabel="peak memory of training (GiB)", ylim=0, title=title)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=150)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--labels", type=int, nargs="+", default=[50, 1000, 4000, 8921])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--words", type=int, default=2500)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=Path())
    parser.add_argument("--one", choices=list(TITLES), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        sizes = arguments.labels[0], arguments.batch, arguments.words
        print(json.dumps(measure(arguments.one, *sizes, arguments.device)))
        return
    rows = list(measure_all(arguments))
    arguments.out.mkdir(parents=True, exist_ok=True)
    with (arguments.out / "memory.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["system", "codes", "peak_mib"])
        writer.writeheader()
        writer.writerows(rows)
    where = torch.cuda.get_device_name() if arguments.device == "cuda" else platform.machine()
    title = (
        f"batch {arguments.batch}, {arguments.words:,} words, {where}, torch {torch.__version__}"
    )
    plot(rows, title, arguments.out / "memory.png")


if __name__ == "__main__":
    main()
