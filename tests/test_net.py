"""The net: batches, losses that know the step, and users' own modules."""

import pickle
from itertools import pairwise
from typing import ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from skorch.callbacks import Callback
from skorch.helper import predefined_split

from sklearn_icd import LDPLAMClassifier
from sklearn_icd._callbacks import LinearWarmup
from sklearn_icd.losses import BCE, TruncatedBCE
from sklearn_icd.net import LengthBatches, MultiLabelNet, NoteDataset, split_batch
from sklearn_icd.net import explained_memory_errors as explained
from sklearn_icd.nn._products import has_fast_products

LENGTHS = [3, 0, 5, 1, 1, 4, 2, 5, 3, 2]


def notes(lengths=LENGTHS, n_codes=3):
    ids = np.random.RandomState(0).randint(1, 8, size=sum(lengths))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    columns = np.concatenate([np.arange(length) for length in lengths])
    X = sparse.csr_array((ids, columns, offsets), shape=(len(lengths), max(lengths)))
    Y = np.array([[k + 2 in X[[i]].data for k in range(n_codes)] for i in range(X.shape[0])])
    return X, Y.astype(int)


class Plain(torch.nn.Module):
    def __init__(self, n_codes=3):
        super().__init__()
        self.table = torch.nn.EmbeddingBag(8, n_codes, mode="sum", padding_idx=0)

    def forward(self, ids):
        return self.table(ids)


class OwnLoss(Plain):
    calls = 0

    def forward(self, X, y=None, loss=None):
        logits = super().forward(X)
        if y is None:
            return logits
        OwnLoss.calls += 1
        assert y.shape == logits.shape
        return loss(logits, y)


class Steps:
    """Record what a loss is told."""

    def __init__(self, factor=1.0):
        self.factor = factor
        self.seen = []

    def __call__(self, logits, y, *, step, steps_per_epoch):
        self.seen.append((step, steps_per_epoch, tuple(y.shape), logits.dtype))
        return self.factor * BCE()(logits, y)


def fit(module=Plain, X=None, Y=None, **parameters):
    X_made, Y_made = notes()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = MultiLabelNet(module, **{"lr": 0.1, "max_epochs": 3, "batch_size": 4, **parameters})
        return net.fit(X_made if X is None else X, Y_made if Y is None else Y)


def test_a_module_that_maps_ids_to_logits():
    X, Y = notes()
    net = fit(optimizer=torch.optim.Adam, max_epochs=80, module__n_codes=3)
    filled = np.diff(X.indptr) > 0
    assert np.array_equal(net.predict(X)[filled], Y[filled])
    assert net.predict_proba(X).shape == Y.shape
    np.testing.assert_allclose(
        net.predict_proba(X), 1 / (1 + np.exp(-net.decision_function(X))), rtol=1e-5
    )
    assert np.array_equal(net.predict(X), net.predict_proba(X) >= 0.5)


def test_a_module_that_computes_its_own_loss_learns_the_same():
    X, _ = notes()
    OwnLoss.calls = 0
    mine, plain = fit(OwnLoss), fit(Plain)
    assert OwnLoss.calls == mine.n_steps_ == 9
    np.testing.assert_array_equal(mine.decision_function(X), plain.decision_function(X))
    assert mine.history[:, "train_loss"] == plain.history[:, "train_loss"]


def test_losses_know_the_step():
    X, Y = notes()
    loss = Steps()
    net = fit(criterion=loss)
    assert [step for step, *_ in loss.seen] == list(range(9))
    assert {steps for _, steps, *_ in loss.seen} == {3}
    net.partial_fit(X[:5], Y[:5])
    assert [seen[:2] for seen in loss.seen[9:]] == [(k, 2) for k in range(9, 15)]
    assert loss.seen[0][2][1] == 3
    net.initialize()
    assert net.n_steps_ == 0


def test_a_loss_may_be_a_class_with_parameters():
    double, single = fit(criterion=Steps, criterion__factor=2.0), fit(criterion=Steps)
    assert double.criterion_.factor == 2
    first = [net.history[0, "batches", 0, "train_loss"] for net in (double, single)]
    assert first[0] == pytest.approx(2 * first[1])
    assert double.set_params(criterion__factor=3.0).criterion_.factor == 3


def test_sparse_and_dense_are_the_same():
    X, Y = notes()
    expected = fit().decision_function(X)
    for same in (fit(X=X.toarray()), fit(Y=sparse.csr_array(Y)), fit(Y=Y.astype(bool))):
        assert np.array_equal(same.decision_function(X.toarray()), expected)


def test_a_validation_split_of_skorch():
    X, Y = notes()
    held_out = predefined_split(NoteDataset(X, Y))
    net = fit(criterion=Steps, criterion__factor=5.0, train_split=held_out)
    logits = torch.from_numpy(net.decision_function(X))
    assert net.history[-1, "valid_loss"] == pytest.approx(
        BCE()(logits, torch.from_numpy(Y).float()).item(), rel=1e-5
    )


@pytest.mark.parametrize(
    ("precision", "weights", "logits"),
    [
        ("float32", torch.float32, np.float32),
        ("float64", torch.float64, np.float64),
        ("bfloat16", torch.float32, np.float32),
    ],
)
def test_precision(precision, weights, logits):
    class Product(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(5, 3)
            self.seen = set()

        def forward(self, ids):
            ids = torch.nn.functional.pad(ids, (0, 5 - ids.shape[1]))
            output = self.linear(ids.to(self.linear.weight.dtype))
            self.seen.add(output.dtype)
            return output

    loss = Steps()
    net = fit(Product, precision=precision, criterion=loss)
    assert net.module_.linear.weight.dtype == weights
    assert net.decision_function(notes()[0]).dtype == logits
    assert net.module_.seen == {torch.bfloat16 if precision == "bfloat16" else weights}
    assert {dtype for *_, dtype in loss.seen} == {weights}


def test_clone_and_parameters():
    net = MultiLabelNet(Plain, precision="float64", lr=0.5, module__n_codes=4)
    copy = clone(net)
    assert copy.get_params()["precision"] == "float64"
    assert copy.get_params()["module__n_codes"] == 4
    assert copy.set_params(precision="float32").precision == "float32"


@pytest.mark.parametrize("module", [Plain, Plain()], ids=["class", "instance"])
def test_pickle(module):
    X, Y = notes()
    net = fit(module, iterator_train__shuffle=False)
    weight = net.module_.table.weight.detach().numpy().tobytes()
    saved = pickle.dumps(net)
    assert saved.count(weight) == 1
    restored = pickle.loads(saved)
    assert np.array_equal(restored.decision_function(X), net.decision_function(X))
    assert restored.n_steps_ == net.n_steps_
    if isinstance(module, torch.nn.Module):
        assert restored.module is restored.module_
    # Optimiser and parameters must still belong together.
    restored.partial_fit(X, Y)
    net.partial_fit(X, Y)
    assert restored.history[-1, "train_loss"] == pytest.approx(net.history[-1, "train_loss"])


def test_a_compiled_module_learns_the_same():
    X, Y = notes()
    net = fit(OwnLoss, compile=True, compile__backend="eager")
    assert hasattr(net.module_, "_orig_mod")
    expected = fit(OwnLoss)
    np.testing.assert_allclose(net.decision_function(X), expected.decision_function(X), rtol=1e-5)
    small = {
        "n_pseudo_labels": 2,
        "embedding_dim": 4,
        "hidden_size": 3,
        "max_epochs": 1,
        "word_vectors": None,
        "validation_fraction": None,
        "random_state": 0,
    }
    plain = LDPLAMClassifier(**small).fit(X, Y)
    compiled = LDPLAMClassifier(**small).fit(X, Y)
    compiled.net_.module_ = torch.compile(compiled.net_.module_, backend="eager", dynamic=True)
    np.testing.assert_allclose(compiled.predict_proba(X), plain.predict_proba(X), rtol=1e-5)
    assert len(compiled.attention(X)) == len(LENGTHS)


def test_what_a_callback_raises_to_stop_training_is_quiet():
    class Stop(Callback):
        def on_epoch_end(self, net, **kwargs):
            raise KeyboardInterrupt

    assert len(fit(callbacks=[Stop()]).history) == 1


def test_memory_errors_are_told_from_others():
    with pytest.raises(MemoryError, match="batch_size=3"), explained(3):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried")
    with pytest.raises(MemoryError, match=r"set max_batch_tokens.*max_words"), explained(3):
        raise torch.OutOfMemoryError("CUDA out of memory")
    with pytest.raises(RuntimeError, match="size mismatch"), explained(3):
        raise RuntimeError("size mismatch")


# Batches -------------------------------------------------------------------------------------

some_lengths = st.lists(st.integers(0, 9), min_size=1, max_size=60)


@settings(deadline=None, max_examples=50)
@given(some_lengths, st.integers(1, 9), st.booleans())
def test_every_note_comes_once_in_batches_of_the_size_asked_for(lengths, batch_size, shuffle):
    dataset = NoteDataset(notes([*lengths, 1])[0])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        batches = LengthBatches(dataset, batch_size, shuffle=shuffle)
        rows = list(batches.rows())
    assert sorted(np.concatenate(rows)) == list(range(len(dataset)))
    assert len(batches) == len(rows)
    assert sorted(map(len, rows))[1:] == [batch_size] * (len(rows) - 1)
    if not shuffle:
        ordered = dataset.tokens.lengths[np.concatenate(rows)]
        assert (np.diff(ordered) >= 0).all()


@settings(deadline=None, max_examples=50)
@given(some_lengths, st.data())
def test_a_batch_is_as_wide_as_its_longest_note(lengths, data):
    X, Y = notes([*lengths, 2])
    rows = np.array(data.draw(st.lists(st.integers(0, len(lengths)), min_size=1)))
    ids, y = NoteDataset(X, sparse.csr_array(Y))[rows]
    assert ids.dtype == torch.int64
    assert ids.shape == (len(rows), max(1, *np.diff(X.indptr)[rows], 1))
    assert np.array_equal(ids.numpy(), X.toarray()[rows][:, : ids.shape[1]])
    assert np.array_equal(y.numpy(), Y[rows])


def test_shuffled_batches_waste_little_and_change():
    lengths = np.random.RandomState(0).lognormal(5, 0.6, size=2000).astype(int)
    dataset = NoteDataset(notes(lengths.tolist(), n_codes=1)[0])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        batches = LengthBatches(dataset, 8, shuffle=True)
        one, two = batches.rows(), batches.rows()
    assert not np.array_equal(np.concatenate(one), np.concatenate(two))
    assert {frozenset(rows) for rows in one} != {frozenset(rows) for rows in two}
    computed = sum(len(rows) * lengths[rows].max() for rows in one)
    assert computed < 1.2 * lengths.sum()
    rising = np.diff([lengths[rows].mean() for rows in one]) > 0
    assert 0.4 < rising.mean() < 0.6


class Seen(Callback):
    """Record the notes of each batch of training."""

    def __init__(self):
        self.epochs = []

    def on_epoch_begin(self, net, **kwargs):
        self.epochs.append([])

    def on_batch_begin(self, net, batch, training, **kwargs):
        self.epochs[-1].append(sorted(map(tuple, batch[0].tolist())))


def epochs_seen(seed, **parameters):
    """Give the notes, which are all different, of each batch of four epochs."""
    X = sparse.csr_array(np.arange(1, 8)[:, None])
    seen = Seen()
    net = MultiLabelNet(
        Plain, batch_size=2, max_epochs=4, callbacks=[seen], verbose=0, **parameters
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net.fit(X, np.ones((7, 3), dtype=int))
    return seen.epochs


def test_each_epoch_and_each_seed_has_its_own_batches():
    one, again, other = (epochs_seen(seed) for seed in (0, 0, 1))
    assert one == again != other
    companies = [sorted(epoch) for epoch in one]  # whatever the order of the batches
    for k, company in enumerate(companies):
        assert sorted(note for batch in company for note in batch) == [(i,) for i in range(1, 8)]
        assert company not in companies[:k]
    assert any(company != epoch for company, epoch in zip(companies, one, strict=True))


def test_without_shuffling_all_epochs_have_the_same_batches():
    epochs = epochs_seen(0, iterator_train__shuffle=False)
    assert epochs == [[[(1,), (2,)], [(3,), (4,)], [(5,), (6,)], [(7,)]]] * 4


# Batches bounded by tokens -------------------------------------------------------------------


@st.composite
def batches(draw):
    """Make padded notes of words or of segments."""
    shape = draw(st.tuples(st.integers(1, 7), st.integers(1, 6)))
    if draw(st.booleans()):
        shape = (*shape, draw(st.integers(1, 4)))
    ids = np.array(draw(st.lists(st.integers(0, 3), min_size=1, max_size=60)))
    return torch.from_numpy(
        np.resize(ids, shape) * (np.resize(ids[::-1], shape[:2] + (1,) * (len(shape) - 2)) > 0)
    )


@settings(deadline=None, max_examples=200)
@given(batches(), st.integers(1, 8), st.none() | st.integers(1, 40))
def test_parts_of_a_batch(ids, max_notes, max_tokens):
    parts = list(split_batch(ids, max_notes, max_tokens))
    n_tokens = [part.numel() for _, part in parts]
    assert torch.equal(torch.cat([ids[rows] for rows, _ in parts]), ids)
    for (rows, part), n in zip(parts, n_tokens, strict=True):
        assert len(part) <= max_notes
        assert max_tokens is None or n <= max_tokens or len(part) == 1
        inside = tuple(map(slice, part.shape))
        assert torch.equal(ids[rows][inside], part)
        assert part.count_nonzero() == ids[rows].count_nonzero()
        if len(parts) > 1:  # no wider than its own notes
            for axis in range(1, part.ndim):
                last = part.select(axis, -1)
                assert part.shape[axis] == 1 or last.any()
    for (_, part), (after, _) in pairwise(parts):  # the next note found no room
        note = ids[after][:1]
        filled = note.nonzero(as_tuple=True)[1:]
        used = note[:, *[slice(1 + max([0, *axis.tolist()])) for axis in filled]]
        longest = [max(sizes) for sizes in zip(part.shape[1:], used.shape[1:], strict=True)]
        assert len(part) == max_notes or (len(part) + 1) * np.prod(longest) > max_tokens


class Shapes(Plain):
    """Note what goes through at once."""

    seen: ClassVar = []

    def forward(self, ids):
        Shapes.seen.append(tuple(ids.shape))
        return super().forward(ids)

    def attention(self, ids, labels):
        Shapes.seen.append(tuple(ids.shape))
        return (ids != 0)[:, None].float().repeat(1, len(labels), 1)


@pytest.mark.parametrize("module", [Plain, OwnLoss])
@pytest.mark.parametrize("bound", [1, 6, 9, 10**6])
@pytest.mark.parametrize("accumulated", [1, 3])
def test_a_bound_on_tokens_changes_no_result(module, bound, accumulated):
    X, Y = notes()
    common = {
        "optimizer": torch.optim.SGD,
        "precision": "float64",
        "gradient_accumulation_steps": accumulated,
        "train_split": predefined_split(NoteDataset(X, Y)),
    }
    free, bounded = fit(module, **common), fit(module, max_batch_tokens=bound, **common)
    assert bounded.n_steps_ == free.n_steps_
    torch.testing.assert_close(
        bounded.module_.state_dict(), free.module_.state_dict(), rtol=1e-12, atol=1e-14
    )
    for name in ("train_loss", "valid_loss"):
        np.testing.assert_allclose(bounded.history[:, name], free.history[:, name], rtol=1e-12)
    expected = free.decision_function(X)
    np.testing.assert_allclose(bounded.decision_function(X), expected, rtol=1e-12, atol=1e-14)


def test_what_goes_through_at_once_is_bounded_and_a_longer_note_goes_alone():
    X, _ = notes([3, 1, 20, 2, 3, 1, 2, 3])

    def seen(call, *given):
        Shapes.seen.clear()
        call(*given)
        return sorted(Shapes.seen)

    net = fit(Shapes, X, np.ones((8, 3)), batch_size=8, max_epochs=1, max_batch_tokens=8)
    by_length = [(1, 3), (1, 20), (2, 3), (4, 2)]  # 1, 1, 2, 2 | 3, 3 | 3 | 20 tokens
    assert seen(net.partial_fit, X, np.ones((8, 3))) == by_length
    assert seen(net.decision_function, X) == by_length
    assert seen(net.attention, X, [0, 1]) == by_length
    lengths = [note.shape[1] for note in net.attention(X, [0, 1])]
    assert lengths == np.diff(X.indptr).tolist()


def test_larger_batches_at_prediction_stay_whole():
    net = fit(Shapes, batch_size=2, iterator_valid__batch_size=5)
    for bound, sizes in ((None, [5, 5]), (10, [1, 2, 2, 5])):
        net.max_batch_tokens = bound
        Shapes.seen.clear()
        net.decision_function(notes()[0])
        assert sorted(n for n, _ in Shapes.seen) == sizes


def test_a_loss_that_couples_the_notes_sees_one_part():
    X, Y = notes([1] * 8, n_codes=1)
    Y[:] = 1
    always = {"criterion": TruncatedBCE(epsilon=0.5, gamma=1.0), "batch_size": 8}
    plain = fit(X=X, Y=Y, module__n_codes=1, batch_size=8)
    # Of the one code in each part, half is none: nothing is left out.
    alone = fit(X=X, Y=Y, module__n_codes=1, max_batch_tokens=1, **always)
    np.testing.assert_allclose(alone.decision_function(X), plain.decision_function(X), rtol=1e-6)
    together = fit(X=X, Y=Y, module__n_codes=1, **always)
    assert not np.allclose(together.decision_function(X), plain.decision_function(X))


# Steps ---------------------------------------------------------------------------------------


class Scheduled(Steps):
    """Give the step as what is on schedule."""

    def schedule(self, step, steps_per_epoch):
        return {"step": float(step), "of": float(steps_per_epoch)}


@pytest.mark.parametrize("module", [Plain, OwnLoss])
@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam])
def test_accumulated_batches_give_the_parameters_of_one_large_batch(module, optimizer):
    settings = {"optimizer": optimizer, "precision": "float64"}
    large = fit(module, batch_size=6, **settings)
    for batch_size, n_batches in ((3, 2), (2, 3), (1, 6)):
        loss = Steps()
        small = fit(
            module,
            batch_size=batch_size,
            gradient_accumulation_steps=n_batches,
            criterion=loss,
            **settings,
        )
        assert small.n_steps_ == large.n_steps_ == 6  # 10 notes: two steps an epoch
        torch.testing.assert_close(
            small.module_.state_dict(), large.module_.state_dict(), rtol=1e-12, atol=1e-14
        )
        np.testing.assert_allclose(
            small.history[:, "train_loss"], large.history[:, "train_loss"], rtol=1e-12
        )
        assert max(shape[0] for _, _, shape, _ in loss.seen) == batch_size
        # All batches of a step are told the same step, and steps are counted as steps.
        assert sorted({step for step, *_ in loss.seen}) == list(range(6))
        assert {of for _, of, *_ in loss.seen} == {2}


@pytest.mark.skipif(not has_fast_products("cpu"), reason="this processor has no faster products")
def test_training_and_prediction_have_fast_products_and_leave_the_setting_as_it_was():
    seen = []

    class Watching(Plain):
        def forward(self, ids):
            seen.append(torch.backends.mkldnn.matmul.fp32_precision)
            return super().forward(ids)

    before = torch.backends.mkldnn.matmul.fp32_precision
    net = fit(Watching)
    trained = len(seen)
    net.predict(notes()[0])
    assert trained
    assert len(seen) > trained
    assert before not in seen
    assert torch.backends.mkldnn.matmul.fp32_precision == before


def test_batches_at_prediction_are_not_accumulated():
    sizes = []

    class Counted(Plain):
        def forward(self, ids):
            sizes.append(len(ids))
            return super().forward(ids)

    net = fit(Counted, batch_size=2, gradient_accumulation_steps=4)
    assert max(sizes) == 2
    sizes.clear()
    net.decision_function(notes()[0])
    assert sizes == [2] * 5


def test_what_a_loss_has_on_schedule_is_recorded_each_epoch():
    net = fit(criterion=Scheduled())
    assert net.history[:, "step"] == [2, 5, 8]  # the last step of each epoch
    assert net.history[:, "of"] == [3, 3, 3]
    assert "step" not in fit(criterion=Steps()).history[-1]


class Rates(Callback):
    """Note the learning rate of each step."""

    def __init__(self):
        self.seen = []

    def on_batch_end(self, net, training, **kwargs):
        self.seen.append([group["lr"] for group in net.optimizer_.param_groups])


@pytest.mark.parametrize(
    ("warmup", "factors"),
    [
        (0, [1, 8 / 9, 7 / 9, 6 / 9, 5 / 9, 4 / 9, 3 / 9, 2 / 9, 1 / 9]),
        (1, [1, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8]),
        (3, [1 / 3, 2 / 3, 1, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6]),
        (1 / 3, [1 / 3, 2 / 3, 1, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6]),
        (9, [k / 9 for k in range(1, 10)]),
        (90, [k / 90 for k in range(1, 10)]),
    ],
)
def test_linear_warm_up(warmup, factors):
    rates = Rates()
    net = MultiLabelNet(Plain(), lr=0.5, max_epochs=3, batch_size=4, callbacks=[rates])
    net.initialize()
    net.optimizer_.add_param_group({"params": [torch.nn.Parameter(torch.zeros(1))], "lr": 0.1})
    net.train_with([LinearWarmup(warmup)], [], NoteDataset(*notes()))
    np.testing.assert_allclose(net.callbacks[0].seen, np.outer(factors, [0.5, 0.1]))
    assert [group["lr"] for group in net.optimizer_.param_groups] == [0.5, 0.1]
    np.testing.assert_allclose(net.history[:, "lr"], 0.1 * np.array(factors)[[2, 5, 8]])


def test_warm_up_counts_optimiser_steps_and_ends_with_training():
    class Stop(Callback):
        def on_epoch_end(self, net, **kwargs):
            net.stop_training_ = len(net.history) == 2

    rates = Rates()
    net = MultiLabelNet(
        Plain(), lr=1.0, max_epochs=4, batch_size=1, gradient_accumulation_steps=5,
        callbacks=[rates, Stop()],
    ).initialize()  # fmt: skip
    net.train_with([LinearWarmup(2)], [], NoteDataset(*notes()))
    np.testing.assert_allclose(np.ravel(rates.seen), [1 / 2, 1, 1, 5 / 6])
    assert net.optimizer_.param_groups[0]["lr"] == 1.0
    net.partial_fit(NoteDataset(*notes()), epochs=1)
    assert np.ravel(rates.seen)[4:].tolist() == [1.0, 1.0]
