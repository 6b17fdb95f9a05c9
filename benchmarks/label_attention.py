"""Time and memory of a training step of label-wise attention against the number of codes.

    python benchmarks/label_attention.py --out docs/_static

computes forward, binary cross-entropy and backward of ``logit_l = sum_t softmax_t(q_l . k_t)
(w_l . v_t) + b_l`` for the same random notes in four ways, in float32 and with products in
bfloat16:

- textbook: attention (n, L, t) and pooled vectors (n, L, d) as they are written down;
- SDPA: torch's scaled_dot_product_attention for the pooled vectors;
- tiles: `label_attention`, then the loss;
- fused: `label_attention_loss`, as the package trains.

Times are medians of steps that take turns in one process, on the CPU those of the processor, which
other work on the machine hardly touches; the peak is that of a process of its
own above what it held before (on CUDA, that of the allocator). On the CPU, glibc is told to give
blocks of 1 MB and more back when they are freed (MALLOC_MMAP_THRESHOLD_), so that the peak is that
of the memory in use. `--vary` fits exponents of growth instead: time ~ size ** exponent. Writes
label_attention.csv and label_attention.png.
"""

import argparse
import csv
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention

from sklearn_icd.losses import BCE, LossAtStep
from sklearn_icd.nn import attention_weights, label_attention, label_attention_loss

COLUMNS = ["way", "precision", "codes", "ms", "speed", "peak_mib"]


def textbook(queries, keys, values, mask, weight, bias, y, loss):
    """Attend the way it is written down."""
    pooled = attention_weights(queries, keys, mask) @ values  # (n, L, d)
    return loss((pooled * weight).sum(dim=-1) + bias, y)


def sdpa(queries, keys, values, mask, weight, bias, y, loss):
    """Attend with torch's own attention."""
    queries = queries.expand(len(keys), 1, *queries.shape)  # (n, 1, L, a)
    pooled = scaled_dot_product_attention(
        queries, keys[:, None], values[:, None], mask[:, None, None], scale=1.0
    )[:, 0]
    return loss((pooled * weight).sum(dim=-1) + bias, y)


def tiles(queries, keys, values, mask, weight, bias, y, loss):
    """Attend tile by tile, then compute the loss."""
    return loss(label_attention(queries, keys, values, mask, weight, bias), y)


WAYS = {"textbook": textbook, "SDPA": sdpa, "tiles": tiles, "fused": label_attention_loss}


def make_problem(n_labels, arguments):
    """Make notes whose tokens, codes and weights are random."""
    draw = torch.Generator().manual_seed(0)
    n, t, d = arguments.batch, arguments.words, arguments.width

    def normal(*shape, scale=1.0):
        table = torch.randn(*shape, generator=draw) * scale
        return table.to(arguments.device).requires_grad_()

    lengths = torch.full((n,), t)
    if arguments.ragged:
        lengths = torch.randint(t // 8, t + 1, (n,), generator=draw)
        lengths[0] = t
    mask = torch.arange(t) < lengths[:, None]
    y = (torch.rand(n, n_labels, generator=draw) < 16 / n_labels).float()
    return {
        "queries": normal(n_labels, d, scale=1.5 / d**0.5),
        "keys": normal(n, t, d),
        "values": normal(n, t, d),
        "mask": mask.to(arguments.device),
        "weight": normal(n_labels, d, scale=3 / d**0.5),
        "bias": normal(n_labels),
        "y": y.to(arguments.device),
        "loss": LossAtStep(BCE(), 0, 1),
    }


def step(way, precision, problem, device):
    """Do one training step, and give its seconds."""
    for tensor in problem.values():
        if isinstance(tensor, torch.Tensor):
            tensor.grad = None
    clock = time.process_time if device == "cpu" else time.perf_counter
    start = clock()
    with torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16"):
        loss = WAYS[way](**problem)
    loss.backward()
    if device == "cuda":
        torch.cuda.synchronize()
    return clock() - start


def peak_memory(device):
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    # ru_maxrss of a new process begins with that of the process that started it.
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


def measure_memory(arguments):
    """Give the peak of two steps above the inputs, in MiB."""
    way, precision = arguments.one
    problem = make_problem(arguments.labels[0], arguments)
    before = peak_memory(arguments.device)
    for _ in range(2):
        step(way, precision, problem, arguments.device)
    return (peak_memory(arguments.device) - before) / 2**20


def memory_of_own_process(way, precision, n_labels, arguments):
    command = [sys.executable, *sys.argv, "--one", way, precision, "--labels", str(n_labels)]
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(2**20)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return json.loads(done.stdout)


def median_times(problem, arguments, ways=tuple(WAYS)):
    """Give the median seconds of each way and precision, which take turns."""
    kinds = [(way, precision) for way in ways for precision in arguments.precisions]
    seconds = {kind: [] for kind in kinds}
    for _ in range(arguments.repeats + 1):
        for kind in kinds:
            seconds[kind].append(step(*kind, problem, arguments.device))
    return {kind: statistics.median(values[1:]) for kind, values in seconds.items()}


def compare(arguments):
    """Measure every way at each number of codes."""
    for n_labels in arguments.labels:
        times = median_times(make_problem(n_labels, arguments), arguments)
        for (way, precision), seconds in times.items():
            row = {
                "way": way,
                "precision": precision,
                "codes": n_labels,
                "ms": f"{1000 * seconds:.0f}",
                "speed": f"{times['textbook', 'float32'] / seconds:.2f}",
                "peak_mib": round(memory_of_own_process(way, precision, n_labels, arguments)),
            }
            print(" | ".join(f"{key} {value}" for key, value in row.items()), flush=True)
            yield row


def exponents(arguments):
    """Fit how the time of the fused step grows with codes, words and notes."""
    for name, sizes in {
        "labels": [2000, 4000, 8000, 16000],
        "words": [750, 1500, 3000, 6000],
        "batch": [2, 4, 8, 16],
    }.items():
        for precision in arguments.precisions:
            seconds = []
            for size in sizes:
                own = argparse.Namespace(**{**vars(arguments), "precisions": [precision]})
                setattr(own, name, [size] if name == "labels" else size)
                problem = make_problem(own.labels[-1] if name != "labels" else size, own)
                seconds.append(median_times(problem, own, ["fused"])["fused", precision])
            slope = np.polyfit(np.log(sizes), np.log(seconds), 1)[0]
            print(f"{name:7} {precision:9} time ~ {name} ** {slope:.2f}", flush=True)


def plot(rows, title, path):
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for color, way in enumerate(WAYS):
        for precision, line in (("float32", "o-"), ("bfloat16", "s--")):
            own = [row for row in rows if row["way"] == way and row["precision"] == precision]
            codes = [row["codes"] for row in own]
            style = {"color": f"C{color}", "label": f"{way}, {precision}"}
            left.plot(codes, [float(row["ms"]) / 1000 for row in own], line, **style)
            right.plot(codes, [row["peak_mib"] for row in own], line, **style)
    left.set(xlabel="codes", ylabel="seconds of a training step", xscale="log", yscale="log")
    right.set(xlabel="codes", ylabel="peak memory (MiB)", xscale="log", yscale="log")
    right.legend(fontsize="small")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.suptitle(title)
    figure.savefig(path, dpi=150)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--labels", type=int, nargs="+", default=[50, 500, 2000, 8921, 20000])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--words", type=int, default=2500)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--ragged", action="store_true", help="notes of different lengths")
    parser.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--vary", action="store_true", help="fit exponents of growth")
    parser.add_argument("--out", type=Path, default=Path())
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.one:
        print(json.dumps(measure_memory(arguments)))
        return
    if arguments.vary:
        exponents(arguments)
        return
    rows = list(compare(arguments))
    arguments.out.mkdir(parents=True, exist_ok=True)
    with (arguments.out / "label_attention.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    where = torch.cuda.get_device_name() if arguments.device == "cuda" else platform.machine()
    title = (
        f"batch {arguments.batch}, {arguments.words:,} words, width {arguments.width}, {where}, "
        f"{arguments.threads} thread(s), torch {torch.__version__}"
    )
    plot(rows, title, arguments.out / "label_attention.png")


if __name__ == "__main__":
    main()
