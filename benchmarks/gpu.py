"""What a GPU makes of label-wise attention and of the systems around it.

    python benchmarks/gpu.py --out docs/_static

It was written where no GPU was at hand, and has not been run on one: there are no figures of it
yet. It appends to gpu.csv what it measures, row by row:

- limits: products of 8,192 x 8,192 matrices, and copies of 2 GiB. All else is compared with these.
- attention: ``logit_l = sum_t softmax_t(q_l . k_t) (w_l . v_t) + b_l``, forward and in training
  with binary cross-entropy, for the shapes of four systems with 8,921 codes: by Triton's kernels
  where they suit, by the tiles of torch, and as the textbook has it. Shares are those of the
  measured limit: forward counts two products per cell of labels by tokens and training six, so
  that what is computed twice counts once. `error` is the largest relative error of logits and
  gradients against double precision, for one note and 1,000 codes.
- launches: other tiles, warps and stages for the kernels, of which the package has chosen one by
  what the compiler says of registers and shared memory.
- systems: notes per second in the second epoch, and the peak of the allocator's memory, in the
  batches of the papers and in batches of 128 made notes of MIMIC's lengths. PLM-ICD reads with a
  transformer of RoBERTa's base size and random weights.

Times are medians between events on the device, after three steps to warm up.
"""

import argparse
import csv
import statistics
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from sklearn_icd.losses import BCE, LossAtStep
from sklearn_icd.nn import _label_attention, _triton, label_attention, label_attention_loss

COLUMNS = [
    *("part", "name", "precision", "way", "batch", "forward_ms", "training_ms"),
    *("forward_share", "training_share", "peak_gib", "notes_per_s", "error"),
]
# Notes, tokens, codes, width of keys, width of values.
SHAPES = {
    "width 512": (8, 2500, 8921, 512, 512),
    "LAAT": (8, 4000, 8921, 512, 1024),
    "PLM-ICD": (8, 6144, 8921, 768, 768),
    "CAML": (16, 2500, 8921, 50, 50),
}
# The classifier, batches, tokens of a note, segments.
SYSTEMS = {
    "LD-PLAM": ("LDPLAMClassifier", (128,), 2500, None),
    "LAAT": ("LAATClassifier", (8, 128), 4000, None),
    "PLM-ICD": ("PLMICDClassifier", (8, 128), 3072, (24, 128)),
}
DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}
GIB = 2**30


def milliseconds(function, device, repeats=10):
    """Give the median time of a call."""
    times = []
    for _ in range(3 + repeats):
        if device == "cuda":
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            function()
            end.record()
            torch.cuda.synchronize()
            times.append(start.elapsed_time(end))
        else:
            begin = time.perf_counter()
            function()
            times.append(1000 * (time.perf_counter() - begin))
    return statistics.median(times[3:])


def limits(arguments):
    """Measure the rate of products in each precision, and of copies."""
    device, size = arguments.device, arguments.limit
    for precision, dtype in DTYPES.items():
        left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
        ms = milliseconds(partial(torch.mm, left, right), device)
        arguments.limits[precision] = 2 * size**3 / ms * 1000
        tflops = arguments.limits[precision] / 1e12
        way = f"{tflops:.1f} TFLOP/s"
        yield {"name": f"product of {size}", "precision": precision, "way": way, "forward_ms": ms}
    source = torch.randn(size * size * 8, device=device)
    target = torch.empty_like(source)
    ms = milliseconds(partial(target.copy_, source), device)
    rate = 2 * source.nbytes / ms / 1e9
    yield {"name": "copy", "way": f"{rate:.2f} TB/s", "forward_ms": ms}


def textbook(queries, keys, values, mask, weight, bias):
    """Attend the way it is written down."""
    scores = queries @ keys.transpose(1, 2)  # (n, L, t)
    pooled = scores.masked_fill(~mask[:, None], -torch.inf).softmax(dim=-1) @ values
    return (pooled * weight).sum(dim=-1) + bias


def textbook_loss(*head_and_y, loss):
    *head, y = head_and_y
    return binary_cross_entropy_with_logits(textbook(*head).float(), y)


WAYS = {
    "kernels": (label_attention, label_attention_loss),
    "tiles": (label_attention, label_attention_loss),
    "textbook": (textbook, textbook_loss),
}


@contextmanager
def tiles_only(are_wanted):
    """Let no tensor take the kernels."""
    before = _label_attention.kernels_fit
    if are_wanted:
        _label_attention.kernels_fit = lambda *tensors: False
    try:
        yield
    finally:
        _label_attention.kernels_fit = before


class Head:
    """Random notes and codes of a shape, and what is computed of them."""

    def __init__(self, shape, precision, arguments, seed=0):
        n, t, n_labels, a, d = shape
        draw = torch.Generator().manual_seed(seed)
        self.device, self.precision = arguments.device, precision
        lengths = torch.full((n,), t)
        if arguments.ragged and n > 1:
            lengths = torch.randint(t // 8, t + 1, (n,), generator=draw)
        dtype = DTYPES.get(precision, torch.float64)

        def normal(*size, scale=1.0, dtype=torch.float32):
            table = (torch.randn(*size, generator=draw) * scale).to(self.device, dtype)
            return table.requires_grad_()

        parameter = torch.float64 if dtype == torch.float64 else torch.float32
        self.queries = normal(n_labels, a, scale=1.5 / a**0.5, dtype=parameter)
        self.keys, self.values = normal(n, t, a, dtype=dtype), normal(n, t, d, dtype=dtype)
        self.weight = normal(n_labels, d, scale=3 / d**0.5, dtype=parameter)
        self.bias = normal(n_labels, dtype=parameter)
        self.mask = (torch.arange(t) < lengths[:, None]).to(self.device)
        y = torch.rand(n, n_labels, generator=draw) < 16 / n_labels
        self.y = y.to(self.device, parameter)
        self.flops = 2 * (a + d) * n_labels * int(lengths.sum())  # of two products

    @property
    def inputs(self):
        return self.queries, self.keys, self.values, self.weight, self.bias

    def arguments(self):
        return self.queries, self.keys, self.values, self.mask, self.weight, self.bias

    def forward(self, way):
        with torch.no_grad(), self._products():
            return WAYS[way][0](*self.arguments())

    def train(self, way):
        for tensor in self.inputs:
            tensor.grad = None
        with self._products():
            loss = WAYS[way][1](*self.arguments(), self.y, loss=LossAtStep(BCE(), 0, 1))
        loss.backward()

    def has_kernels(self):
        return _triton.kernels_fit(self.queries, self.values, DTYPES[self.precision])

    def _products(self):
        is_half = self.precision == "bfloat16"
        return torch.autocast(self.device, torch.bfloat16, enabled=is_half)


def error(way, shape, precision, arguments):
    """Give the largest relative error of logits and gradients, for one note."""
    _, t, n_labels, a, d = shape
    small = 1, t, min(n_labels, 1000), a, d
    found = []
    for kind, head in ((way, precision), ("tiles", "float64")):
        own = Head(small, head, arguments)
        with tiles_only(kind != "kernels"):
            own.train(kind)
            found.append([own.forward(kind), *(tensor.grad for tensor in own.inputs)])
    return max(
        ((one.double() - exact).norm() / exact.norm()).item()
        for one, exact in zip(*found, strict=True)
    )


def measured(head, way, arguments):
    """Time a head, and give the columns of its row."""
    limit = arguments.limits.get(head.precision, float("nan"))
    reset_peak(arguments.device)
    before = allocated(arguments.device)
    with tiles_only(way != "kernels"):
        training = milliseconds(partial(head.train, way), arguments.device)
        peak = peak_gib(arguments.device, before)
        forward = milliseconds(partial(head.forward, way), arguments.device)
    return {
        "batch": len(head.keys),
        "forward_ms": forward,
        "training_ms": training,
        "forward_share": head.flops / forward * 1000 / limit,
        "training_share": 3 * head.flops / training * 1000 / limit,
        "peak_gib": peak,
    }


def attention(arguments):
    """Measure each shape in each way and precision."""
    for name, shape in arguments.shapes.items():
        for precision in DTYPES:
            head = Head(shape, precision, arguments)
            for way in WAYS:
                row = {"name": name, "precision": precision, "way": way}
                if way == "kernels" and not head.has_kernels():
                    continue
                try:
                    row |= measured(head, way, arguments)
                    row["error"] = error(way, shape, precision, arguments)
                except torch.OutOfMemoryError:
                    row["peak_gib"] = "out of memory"
                yield row


def launches(arguments):
    """Measure other tiles and resources of the kernels, in bfloat16."""
    for name, shape in arguments.shapes.items():
        head = Head(shape, "bfloat16", arguments)
        if not head.has_kernels():
            continue
        candidates = {"_launch_of_products": PRODUCTS}
        if max(shape[3:]) <= _triton._NARROW:
            candidates["_launch_of_gradients"] = GRADIENTS
        for choice, options in candidates.items():
            chosen = getattr(_triton, choice)
            for option in options:
                launch = _triton._Launch(*option)
                if any(
                    -(-width // _triton._CHUNK) * _triton._CHUNK % launch.chunk
                    for width in shape[3:]
                ):
                    continue
                setattr(_triton, choice, lambda *given, launch=launch: launch)
                row = {"name": name, "precision": "bfloat16", "way": f"{choice} {option}"}
                try:
                    yield row | measured(head, "kernels", arguments)
                except Exception as reason:  # too much of a resource, or more than can be compiled
                    yield row | {"error": type(reason).__name__}
                finally:
                    setattr(_triton, choice, chosen)


# Rows, columns, chunk, warps, stages.
PRODUCTS = [
    *((128, 128, 128, 8, 3), (128, 128, 128, 8, 2), (128, 128, 64, 8, 4), (128, 128, 64, 8, 3)),
    *((128, 256, 64, 8, 3), (128, 256, 64, 16, 3), (256, 128, 64, 16, 3), (128, 128, 64, 16, 3)),
    *((64, 256, 64, 8, 3), (64, 128, 64, 4, 4), (64, 128, 64, 4, 3), (64, 64, 64, 4, 4)),
]
GRADIENTS = [
    *((64, 64, 64, 4, 2), (64, 64, 64, 4, 3), (64, 64, 64, 8, 2), (128, 64, 64, 8, 2)),
    *((128, 64, 64, 8, 3), (64, 128, 64, 8, 2), (64, 32, 32, 4, 3), (128, 128, 64, 8, 2)),
]


def make_notes(n_notes, n_codes, most, segments):
    """Make token ids and codes; the lengths are those of MIMIC's notes, the ids random."""
    from scipy import sparse

    rng = np.random.default_rng(0)
    mean = most * 0.6 if segments is None else most * 0.75
    lengths = (mean * rng.lognormal(-0.125, 0.5, n_notes)).clip(most // 50, most).astype(int)
    ids = rng.integers(2, 50_000, (n_notes, most), dtype=np.int32)
    ids *= np.arange(most) < lengths[:, None]
    y = sparse.random_array((n_notes, n_codes), density=min(0.5, 15 / n_codes), rng=rng)
    y = sparse.csr_array(y)
    y.data[:] = 1
    return sparse.csr_array(ids) if segments is None else ids.reshape(n_notes, *segments), y


def random_transformer(folder):
    """Save a transformer of RoBERTa's base size, which has learned nothing."""
    from transformers import RobertaConfig, RobertaModel

    config = RobertaConfig(vocab_size=50_265, max_position_embeddings=514)
    RobertaModel(config).save_pretrained(folder)
    return folder


def systems(arguments):
    """Train two epochs of four batches of each system."""
    with tempfile.TemporaryDirectory() as folder:
        for name, (classifier, batches, most, segments) in SYSTEMS.items():
            further = {"word_vectors": None}
            if segments is not None:
                transformer = arguments.transformer or random_transformer(folder)
                further = {"pretrained": transformer, "threshold": 0.5}
            for batch_size in batches:
                X, y = make_notes(4 * batch_size, arguments.codes, most, segments)
                for precision in DTYPES:
                    row = {"name": name, "precision": precision, "batch": batch_size}
                    further |= {"batch_size": batch_size, "precision": precision}
                    yield row | trained(classifier, further, X, y, arguments.device)


def trained(classifier, parameters, X, y, device):
    from sklearn_icd import models

    made = getattr(models, classifier)(
        max_epochs=2, patience=None, validation_fraction=None, device=device, random_state=0,
        **parameters,
    )  # fmt: skip
    reset_peak(device)
    before = allocated(device)
    try:
        made.fit(X, y)
    except torch.OutOfMemoryError:
        return {"peak_gib": "out of memory"}
    seconds = made.net_.history[-1, "dur"]
    return {"peak_gib": peak_gib(device, before), "notes_per_s": X.shape[0] / seconds}


def reset_peak(device):
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def allocated(device):
    return torch.cuda.memory_allocated() if device == "cuda" else 0


def peak_gib(device, before):
    return (torch.cuda.max_memory_allocated() - before) / GIB if device == "cuda" else ""


PARTS = {"limits": limits, "attention": attention, "launches": launches, "systems": systems}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--codes", type=int, default=8921)
    parser.add_argument("--limit", type=int, default=8192, help="size of the largest products")
    parser.add_argument("--shrink", type=int, default=1, help="divide notes, tokens and codes")
    parser.add_argument("--ragged", action="store_true", help="notes of different lengths")
    parser.add_argument("--transformer", help="folder of the transformer that PLM-ICD reads with")
    parser.add_argument("--device", default="cuda", help="cpu: to try the script")
    parser.add_argument("--out", type=Path, default=Path())
    arguments = parser.parse_args()
    arguments.limits = {}
    arguments.shapes = {
        name: (*(-(-size // arguments.shrink) for size in SHAPES[name][:3]), *SHAPES[name][3:])
        for name in arguments.shapes
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    where = torch.cuda.get_device_name() if arguments.device == "cuda" else "CPU"
    print(f"{where}, torch {torch.__version__}")
    path = arguments.out / "gpu.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for part in arguments.parts:
            for row in PARTS[part](arguments):
                figures = {
                    key: f"{value:.4g}" if isinstance(value, float) else value
                    for key, value in row.items()
                }
                writer.writerow({"part": part, **figures})
                file.flush()
                print(part, *(f"{key}={value}" for key, value in figures.items()), flush=True)


if __name__ == "__main__":
    main()
