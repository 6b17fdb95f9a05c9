"""Triton's kernels against the tiles of torch, in Triton's interpreter and on a GPU.

The interpreter is chosen by a variable that Triton reads when it is imported, so it has a process
of its own.
"""

import os
import subprocess
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from multiprocessing import get_context

import pytest
import torch

from sklearn_icd.losses import BCE, LossAtStep, TruncatedBCE
from sklearn_icd.nn import _attention, _label_attention, _triton, label_attention
from sklearn_icd.nn import label_attention_loss as attention_loss
from sklearn_icd.nn._tiles import TiledLogits, Tokens
from sklearn_icd.nn._triton import TritonLogits


def release_of_triton():
    try:
        return tuple(int(part) for part in version("triton").split(".")[:2])
    except PackageNotFoundError:
        return (0, 0)


# The interpreter of older ones fails with numpy 2.4.
needs_triton = pytest.mark.skipif(
    release_of_triton() < (3, 7), reason="Triton 3.7 or newer is not installed"
)
needs_cuda = pytest.mark.skipif(
    find_spec("triton") is None or not torch.cuda.is_available(),
    reason="torch sees no CUDA device on this machine, or Triton is not installed",
)

LENGTHS = [70, 0, 1, 20]
N_LABELS = 70  # more than fit one tile
NAMES = ["queries", "keys", "values", "weight"]


@contextmanager
def process_with(**environment):
    """Make a process with these variables, in which functions can be called."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            pool.submit(os.getpid).result()  # starts the process
        yield lambda function, *arguments: pool.submit(function, *arguments).result()


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("interpreter", marks=needs_triton),
        pytest.param("cuda", marks=needs_cuda),
    ],
)
def compute(request):
    """Call a function with the device on which its kernels run."""
    if request.param == "cuda":
        yield lambda function, *arguments: function("cuda", *arguments)
        return
    with process_with(TRITON_INTERPRET="1") as call:
        yield lambda function, *arguments: call(function, "cpu", *arguments)


@contextmanager
def changed(module, **names):
    """Change names of a module, in whatever process this is."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in names.items():
            patch.setattr(module, name, value)
        yield


def draw(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def problem(a, d, lengths=LENGTHS, scale=1.5, n_labels=N_LABELS):
    n, t = len(lengths), max(lengths)
    return {
        "queries": draw(n_labels, a, seed=1) * scale / a**0.5,
        "keys": draw(n, t, a, seed=2),
        "values": draw(n, t, d, seed=3),
        "weight": draw(n_labels, d, seed=4) / d**0.5,
        "mask": torch.arange(t) < torch.tensor(lengths)[:, None],
    }


def run(function, given, dtype, device="cpu", needed=NAMES):
    """Compute logits and gradients of the inputs that need one."""
    inputs = [given[name].to(device, copy=True).requires_grad_(name in needed) for name in NAMES]
    mask = given["mask"].to(device)
    logits = function.apply(*inputs, Tokens(mask, mask.shape), dtype)
    logits.backward(draw(*logits.shape, seed=5).to(logits))
    return {
        "logits": logits.detach().cpu(),
        **{name: tensor.grad for name, tensor in zip(NAMES, inputs, strict=True)},
    }


def exact(given):
    """Compute them in tiles of torch, in double precision."""
    doubled = {name: t if t.dtype == torch.bool else t.double() for name, t in given.items()}
    return run(TiledLogits, doubled, torch.float64)


def by_kernels(device, given, dtype=torch.float32, needed=NAMES, **constants):
    with changed(_triton, **constants):
        found = run(TritonLogits, given, dtype, device, needed)
    return {name: None if tensor is None else tensor.cpu() for name, tensor in found.items()}


def errors(found, right):
    return {
        name: ((found[name].double() - right[name]).norm() / right[name].norm()).item()
        for name in right
    }


@pytest.mark.parametrize(
    ("a", "d"), [(16, 16), (50, 50), (16, 120), (200, 50), (50, 200)], ids=lambda width: f"{width}"
)
def test_logits_and_gradients_are_those_of_the_tiles(compute, a, d):
    given = problem(a, d)
    found = errors(compute(by_kernels, given), exact(given))
    assert max(found.values()) < 1e-5, found


def half_precision(device, given, constants):
    # Triton's interpreter does not know products of bfloat16.
    dtype = torch.bfloat16 if device == "cuda" else torch.float16
    return by_kernels(device, given, dtype, **constants)


@pytest.mark.parametrize("constants", [{}, {"_NARROW": 0}], ids=["by kernel", "by library"])
def test_products_of_narrow_numbers_sum_in_float32(compute, constants):
    given = problem(50, 80)
    found = errors(compute(half_precision, given, constants), exact(given))
    assert max(found.values()) < 0.01, found


def in_small_pieces(device, given):
    return by_kernels(device, given, _NARROW=0, _CELLS=0, _SPAN=64)


def test_spans_of_notes_and_blocks_of_labels_add_up(compute):
    given = problem(16, 24, lengths=[150, 30, 64, 65], n_labels=130)
    found = errors(compute(in_small_pieces, given), exact(given))
    assert max(found.values()) < 1e-5, found


def in_few_parts(device, given):
    return by_kernels(device, given, _PARTS=2)


def test_parts_of_the_notes_add_up(compute):
    given = problem(16, 24, lengths=[5, 30, 7, 12, 1])
    found = errors(compute(in_few_parts, given), exact(given))
    assert max(found.values()) < 1e-5, found


@pytest.mark.parametrize("width", [16, 200])
def test_real_positions_may_stand_anywhere(compute, width):
    given = problem(width, 16)
    order = torch.randperm(max(LENGTHS), generator=torch.Generator().manual_seed(0))
    scattered = {
        **given,
        **{name: given[name][:, order] for name in ("keys", "values", "mask")},
    }
    found = errors(compute(by_kernels, scattered), exact(scattered))
    assert max(found.values()) < 1e-5, found


@pytest.mark.parametrize("width", [16, 200])
def test_what_stands_behind_a_note_never_enters(compute, width):
    given = problem(width, 16)
    other = {name: tensor.clone() for name, tensor in given.items()}
    other["keys"][~given["mask"]] = torch.inf
    other["values"][~given["mask"]] = torch.nan
    found, expected = compute(by_kernels, other), compute(by_kernels, given)
    assert all(torch.equal(found[name], expected[name]) for name in found)


@pytest.mark.parametrize("lengths", [LENGTHS, [0, 0]], ids=["some", "all"])
@pytest.mark.parametrize("constants", [{}, {"_NARROW": 0}], ids=["by kernel", "by library"])
def test_empty_notes_and_huge_scores_give_no_nan(compute, lengths, constants):
    given = problem(16, 16, lengths=lengths, scale=1e4)
    if not any(lengths):
        given = {**problem(16, 16, [3, 3]), "mask": torch.zeros(2, 3, dtype=torch.bool)}
    found = compute(half_precision, given, constants)
    assert all(tensor.isfinite().all() for tensor in found.values())
    empty = ~given["mask"].any(dim=1)
    assert not found["logits"][empty].any()
    assert not found["keys"][~given["mask"]].any()


@pytest.mark.parametrize("width", [16, 200])
@pytest.mark.parametrize("needed", [["queries"], ["keys"], ["values"], ["weight"]], ids=str)
def test_what_needs_no_gradient_gets_none(compute, width, needed):
    given = problem(width, 16, lengths=[4, 2], n_labels=5)
    found = compute(by_kernels, given, torch.float32, needed)
    assert [name for name in NAMES if found[name] is not None] == needed
    right = exact(given)
    assert errors(found, {name: right[name] for name in needed})[needed[0]] < 1e-5


class Counted(TritonLogits):
    """Kernels that count their calls."""

    calls = 0

    @staticmethod
    def forward(*arguments):
        """Count, then compute."""
        Counted.calls += 1
        return TritonLogits.forward(*arguments)


def train(device, given, loss, step=10, **names):
    """Do one training step through the public functions, and count the kernels' calls."""
    Counted.calls = 0
    inputs = [given[name].to(device, copy=True).requires_grad_() for name in NAMES]
    bias = draw(N_LABELS, seed=6).to(device).requires_grad_()
    *head, weight = inputs
    mask = given["mask"].to(device)
    y = (draw(len(mask), N_LABELS, seed=7) > 0.5).float().to(device)
    with changed(_attention, _BLOCK_ENTRIES=0), changed(_label_attention, _FEWEST_CELLS=0, **names):
        value = attention_loss(*head, mask, weight, bias, y, LossAtStep(loss, step, step))
        value.backward()
        logits = label_attention(*head, mask, weight, bias)
    assert logits.requires_grad
    found = [value, logits, *(tensor.grad for tensor in (*inputs, bias))]
    return [tensor.detach().cpu() for tensor in found], Counted.calls


def train_by_kernels(device, given, loss):
    fit = {} if device == "cuda" else {"kernels_fit": lambda *arguments: True}
    return train(device, given, loss, TritonLogits=Counted, **fit)


@pytest.mark.parametrize("loss", [BCE(), TruncatedBCE(epsilon=0.3)], ids=repr)
@pytest.mark.parametrize("n_weights", [N_LABELS, 1], ids=["by label", "shared"])
def test_training_takes_the_kernels(compute, loss, n_weights):
    given = problem(50, 30)
    given["weight"] = given["weight"][:n_weights]
    found, calls = compute(train_by_kernels, given, loss)
    right, _ = train("cpu", given, loss)
    assert calls == 2
    for own, other in zip(found, right, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-6)


@needs_cuda
def test_the_card_takes_what_suits_it():
    def fit(width, dtype):
        return _triton.kernels_fit(*torch.zeros(2, 1, 1, width, device="cuda"), dtype)

    assert fit(50, torch.float32)
    assert fit(50, torch.bfloat16)
    assert fit(512, torch.bfloat16)
    assert not fit(512, torch.float32)
    assert not fit(50, torch.float64)


def test_tensors_on_the_cpu_take_the_tiles():
    assert not _triton.kernels_fit(torch.zeros(2, 5), torch.zeros(1, 3, 5), torch.float32)


@pytest.fixture
def no_memory():
    """Forget what was tried and said before, and after."""
    for known in (_triton._compiles_and_runs, _triton._say_once):
        known.cache_clear()
    yield
    for known in (_triton._compiles_and_runs, _triton._say_once):
        known.cache_clear()


def broken(error):
    def launch(*arguments, **constants):
        raise error

    return launch


@pytest.mark.usefixtures("no_memory")
def test_kernels_that_do_not_run_are_left_alone_and_said_so_once(recwarn):
    for width in (4, 5):
        error = RuntimeError("Failed to find C compiler.\nPlease specify via CC.")
        with changed(_triton._Tables, _launch=broken(error)):
            assert not _triton._compiles_and_runs(torch.device("cpu"), torch.float32, width, 4)
    (warning,) = recwarn
    assert "do not run on cpu (RuntimeError: Failed to find C compiler.)" in str(warning.message)


@pytest.mark.usefixtures("no_memory")
def test_nothing_is_said_where_triton_is_missing(recwarn):
    with changed(_triton._Tables, _launch=broken(ModuleNotFoundError("No module named 'triton'"))):
        assert not _triton._compiles_and_runs(torch.device("cpu"), torch.float32, 4, 4)
    assert not recwarn


def compiled_usage(folder, kernel, capability, launch, filled):
    """Compile a kernel for a card that need not be there, and give what it takes."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from sklearn_icd.nn import _triton_kernels

    function = getattr(_triton_kernels, kernel)
    constants = {
        "SCORED": filled[0],
        "WIDTH": sum(filled),
        "CHUNK": launch.chunk,
        "ROWS": launch.rows,
        "COLUMNS": launch.columns,
        "SPAN": _triton._SPAN,
        "PRECISION": "ieee",
    }
    constants = {name: constants[name] for name in function.arg_names if name in constants}
    types = {
        **dict.fromkeys(("labels", "tokens", "d_scores", "d_seen"), "*bf16"),
        **dict.fromkeys(("first", "n_labels", "n_notes", "stride"), "i32"),
        "ends": "*i32",
    }
    signature = {
        name: "constexpr" if name in constants else types.get(name, "*fp32")
        for name in function.arg_names
    }
    aligned = {
        (place,): [["tt.divisibility", 16]]
        for place, (name, kind) in enumerate(signature.items())
        if kind.startswith("*") or name == "stride"
    }
    binary = triton.compile(
        ASTSource(function, signature, constants, aligned),
        target=GPUTarget("cuda", capability, 32),
        options={"num_warps": launch.warps, "num_stages": launch.stages},
    )
    path = folder / f"{kernel}.cubin"
    path.write_bytes(binary.asm["cubin"])
    tool = triton.knobs.nvidia.cuobjdump.path
    done = subprocess.run([tool, "-res-usage", path], check=True, capture_output=True, text=True)
    fields = dict(item.split(":")[:2] for item in done.stdout.split() if ":" in item)
    return {
        "registers": int(fields["REG"]),
        "spilled": int(fields["STACK"]) + int(fields["LOCAL"]),
        "shared": binary.metadata.shared,
    }


@needs_triton
def test_kernels_for_a_hopper_card_compile_without_spills(tmp_path):
    narrow, wide = (64, 64), (512, 1024)
    products = _triton._launch_of_products(torch.bfloat16, wide, True)
    gradients = _triton._launch_of_gradients(torch.bfloat16, narrow)
    launches = [
        ("logits_kernel", products, wide),
        ("tiles_kernel", products, wide),
        ("label_gradients_kernel", gradients, narrow),
        ("token_gradients_kernel", gradients, narrow),
    ]
    with process_with(TRITON_CACHE_DIR=str(tmp_path), TRITON_INTERPRET="0") as call:
        for kernel, launch, filled in launches:
            usage = call(compiled_usage, tmp_path, kernel, 90, launch, filled)
            assert usage["spilled"] == 0, (kernel, usage)
            assert usage["shared"] <= 227 * 1024, (kernel, usage)
