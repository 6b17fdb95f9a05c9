"""The picture of a network shows what is plugged into it, in words that can be read."""

import functools
import inspect
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from tiny_models import tiny_model

from sklearn_icd import make_icd_pipeline
from sklearn_icd.datasets import make_notes
from sklearn_icd.inspection import NetworkDisplay
from sklearn_icd.inspection._block_lines import block_lines
from sklearn_icd.inspection._shape_names import name_shape
from sklearn_icd.models import CAMLClassifier, LAATClassifier, PLMICDClassifier
from sklearn_icd.net import MultiLabelNet
from sklearn_icd.nn import MaxOverSegments
from sklearn_icd.text import WordTokenizer
from sklearn_icd.utils import all_systems

MADE = make_notes(12, 5, mean_words=40, codes_per_note=2, random_state=0)
CODES = [*MADE.target_names[:-1], "E78.00"]  # two of one category
X = WordTokenizer().fit_transform(MADE.data)
SETTINGS = {
    "embedding_dim": 12,
    "hidden_size": 6,
    "attention_size": 8,
    "n_filters": 9,
    "n_heads": 3,
    "word_vectors": None,
    "max_epochs": 1,
    "validation_fraction": None,
    "threshold": 0.5,
    "random_state": 0,
}
NAMES = [name for name, _ in all_systems()]
WITHOUT_NETWORK = ["logistic-regression"]
WITH_NETWORK = [name for name in NAMES if name not in WITHOUT_NETWORK]


@pytest.fixture(autouse=True)
def _closed_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def fitted(tiny_bert):
    @functools.cache
    def fit(name):
        of_class = inspect.signature(dict(all_systems())[name]).parameters
        needs = "pretrained" in of_class and of_class["pretrained"].default is inspect._empty
        pretrained = {"pretrained": tiny_bert} if needs else {}
        pipeline = make_icd_pipeline(name, classes=CODES, **pretrained)
        known = SETTINGS.keys() & pipeline["clf"].get_params()
        pipeline["clf"].set_params(**{key: SETTINGS[key] for key in known})
        return pipeline.fit(MADE.data, MADE.target)

    return fit


def sockets_of(estimator):
    return {socket.name: socket for socket in NetworkDisplay.from_estimator(estimator).sockets}


def texts_of(display):
    return [text.get_text() for text in display.ax_.texts]


def parts_of(network):
    """Give the blocks of a network but for dropout, which prediction does not know."""
    network = getattr(network, "network", network)
    return {n: m for n, m in network.named_children() if not isinstance(m, torch.nn.Dropout)}


# What is drawn -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WITH_NETWORK)
def test_each_socket_has_a_box_with_its_block(fitted, name):
    pipeline = fitted(name)
    parts = parts_of(pipeline["clf"].net_.module_)
    display = NetworkDisplay.from_estimator(pipeline)
    assert {socket.name for socket in display.sockets} == set(parts)
    assert len(display.boxes_) == len(parts)
    drawn = texts_of(display)
    for socket in display.sockets:
        block = parts[socket.name]
        assert socket.name in drawn
        assert socket.parts[0].split()[0] == type(block).__name__
        assert any(text.startswith(type(block).__name__) for text in drawn)
        assert socket.n_parameters == sum(p.numel() for p in block.parameters())
        assert {*socket.gives} <= {*drawn}
    assert display.gives == "notes x codes"
    assert type(pipeline["clf"]).__name__ in drawn


@pytest.mark.parametrize("name", WITH_NETWORK)
@pytest.mark.parametrize("given", [False, True], ids=["own figure", "given axes"])
def test_no_text_is_covered_or_cut_off(fitted, name, given):
    ax = plt.figure(figsize=(8, 6)).add_subplot() if given else None
    display = NetworkDisplay.from_estimator(fitted(name), ax=ax)
    assert display.figure_.get_size_inches()[0] <= 10
    renderer = display.figure_.canvas.get_renderer()
    texts = [text.get_window_extent(renderer) for text in display.ax_.texts]
    frames = [box.get_window_extent(renderer) for box in display.boxes_]
    page = display.ax_.bbox if given else display.figure_.bbox
    assert all(page.x0 <= text.x0 and text.x1 <= page.x1 for text in texts)
    assert all(page.y0 <= text.y0 and text.y1 <= page.y1 for text in texts)
    # Letters that reach below the line may touch those of the next.
    rows = [text.padded(0, -0.2 * text.height) for text in texts]
    assert not [pair for pair in itertools.combinations(rows, 2) if pair[0].overlaps(pair[1])]
    assert not [pair for pair in itertools.combinations(frames, 2) if pair[0].overlaps(pair[1])]
    for text, frame in itertools.product(texts, frames):
        assert not text.overlaps(frame) or (frame.x0 <= text.x0 and text.x1 <= frame.x1)


def test_draws_on_the_axes_given_or_on_new_ones(fitted):
    figure, ax = plt.subplots(figsize=(8, 6))
    display = NetworkDisplay.from_estimator(fitted("caml"), ax=ax)
    assert display.ax_ is ax
    assert figure.get_size_inches().tolist() == [8, 6]
    assert display.plot().ax_ is not ax


def test_the_name_stands_above(fitted):
    display = NetworkDisplay.from_estimator(fitted("caml"), name="mine\nof two lines")
    assert texts_of(display)[:2] == ["mine", "of two lines"]
    assert display.ax_.texts[0].get_weight() == "bold"


# What flows ----------------------------------------------------------------------------------

IN_ORDER = {
    "caml": "embed compress attend score",
    "dr-caml": "embed compress attend score penalize_weight",
    "laat": "embed encode attend score",
    "ld-plam": "embed encode compress attend score",
    "jlan": "embed encode attend score",
    "joint-laat": "embed encode attend_groups score_groups project attend score",
    "hlan": "embed encode_words attend_words encode_sentences attend_sentences score",
    "hilat": "encode attend score mix",
    "plm-icd": "embed attend score",
    "transicd": "embed encode attend score",
    "text-cnn": "read score",
}


@pytest.mark.parametrize("name", IN_ORDER)
def test_sockets_stand_in_the_order_in_which_a_note_reaches_them(fitted, name):
    assert list(sockets_of(fitted(name))) == IN_ORDER[name].split()


def test_what_adds_parameters_and_what_only_trains(fitted):
    roles = {name: socket.role for name, socket in sockets_of(fitted("dr-caml")).items()}
    assert roles == {
        "embed": "reads",
        "compress": "reads",
        "attend": "reads",
        "score": "adds",
        "penalize_weight": "idle",
    }
    display = NetworkDisplay.from_estimator(fitted("dr-caml"))
    assert [box.get_linestyle() for box in display.boxes_] == [*["-"] * 4, "--"]
    assert texts_of(display).count("→") == 4
    assert texts_of(display).count("+") == 1
    assert "not in prediction" in texts_of(display)


GIVEN = {
    ("caml", "embed"): ["notes x words x 12"],
    ("caml", "compress"): ["notes x (words + 1) x 9"],
    ("caml", "attend"): ["queries: codes x 9", "keys, values: notes x (words + 1) x 9"],
    ("caml", "score"): ["weights: codes x 9", "biases: codes"],
    ("mvc-lda", "shift"): ["notes x codes"],
    ("laat", "attend"): [
        "queries: codes x 8",
        "keys: notes x words x 8",
        "values: notes x words x 12",
    ],
    ("fusion", "compress"): ["notes x (words / 2) x 54"],
    ("attentive-lstm", "compress"): ["notes x (words / 25) x 6"],
    ("ld-plam", "compress"): ["notes x 256 x 128"],
    ("ld-plam", "score"): ["weights: 1 x 128", "biases: 1"],
    ("jlan", "attend"): ["notes x codes x 6"],
    ("jlan", "score"): ["notes x codes"],
    ("joint-laat", "score_groups"): ["weights: 4 x 12", "biases: 4"],
    ("joint-laat", "project"): ["notes x 128"],
    ("hlan", "encode_words"): ["(notes · words / 25) x 25 x 12"],
    ("hlan", "encode_sentences"): ["(notes · codes) x (words / 25) x 24"],
    ("hilat", "encode"): ["(notes · segments) x tokens x 16"],
    ("plm-icd", "embed"): ["notes x (segments · tokens) x 16"],
    ("text-cnn", "read"): ["notes x 9"],
    ("dr-caml", "penalize_weight"): [],
}


@pytest.mark.parametrize(("name", "socket"), GIVEN, ids=" ".join)
def test_shapes_of_what_comes_out(fitted, name, socket):
    assert sockets_of(fitted(name))[socket].gives == GIVEN[name, socket]


def test_every_system_is_in_the_tests_or_has_no_network(fitted):
    for name in WITHOUT_NETWORK:
        assert not hasattr(fitted(name)["clf"], "net_")


RUNS = {"notes": (2, 3), "words": (150, 300)}


@given(st.integers(-20, 20), st.sampled_from([1, 2, 3, 5, 6, 10, 15, 25, 30]), st.integers(1, 9))
def test_dimensions_are_named_by_what_they_change_with(more, part, times):
    def named(size):
        return name_shape([(size(2, 150),), (size(3, 150),), (size(2, 300),)], RUNS, 7)

    offset = f"(words {'+' if more > 0 else '-'} {abs(more)})" if more else "words"
    assert named(lambda n, t: t + more) == offset
    share = f"words / {part}" if part > 1 else "words"
    assert named(lambda n, t: t // part) == (f"({share})" if part > 1 else "words")
    assert named(lambda n, t: n * t // part) == f"(notes · {share})"
    several = {1: "notes", 7: "(notes · codes)"}.get(times, f"(notes · {times})")
    assert named(lambda n, t: n * times) == several
    assert named(lambda n, t: 20) == "20"
    assert named(lambda n, t: 7) == "codes"
    assert named(lambda n, t: -(-t // 7)) == "(≈ words / 7)"


def test_the_width_of_a_table_is_not_taken_for_the_codes():
    assert name_shape([(7, 7)] * 3, RUNS, 7) == "codes x 7"
    shapes = [(2, 7), (3, 7), (2, 7)]
    assert name_shape(shapes, RUNS, 7) == "notes x 7"
    assert name_shape(shapes, RUNS, 7, gives_codes=True) == "notes x codes"


# What a block says ---------------------------------------------------------------------------


def test_neighbours_that_are_built_alike_share_a_line():
    def branch(kernel):
        return torch.nn.Sequential(torch.nn.Conv1d(4, 2, kernel), torch.nn.Tanh())

    assert block_lines(torch.nn.ModuleList([branch(3), branch(5)])) == [
        "ModuleList",
        "  2 x in turn:",
        "    Conv1d 4 → 2, kernel 3/5",
        "    Tanh",
    ]
    in_a_row = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Linear(8, 1), torch.nn.ReLU())
    assert block_lines(in_a_row) == ["Sequential", "  2 x Linear 2 → 8 / 8 → 1", "  ReLU"]


def test_blocks_in_sockets_of_their_own_share_a_line_if_they_are_the_same():
    class Pair(torch.nn.Module):
        def __init__(self, first, second):
            super().__init__()
            self.first, self.second = torch.nn.Linear(*first), torch.nn.Linear(*second)
            self.dropout = torch.nn.Dropout(0.0)  # changes nothing, and is not shown

    assert block_lines(Pair((2, 3), (2, 3))) == ["Pair", "  2 x Linear 2 → 3"]
    assert block_lines(Pair((2, 3), (3, 1))) == ["Pair", "  Linear 2 → 3", "  Linear 3 → 1"]


def test_a_block_says_the_sizes_that_it_was_made_with(fitted):
    embed, compress, *_ = sockets_of(fitted("attentive-lstm")).values()
    n_tokens = len(fitted("attentive-lstm")["clf"].known_tokens_)
    assert embed.parts == ["TokenEmbedding", f"  Embedding {n_tokens} → 12"]
    assert compress.parts == [
        "SentenceVectors sentence_length 25",
        "  ForwardLSTM",
        "    LSTM 12 → 6",
        "  LastState",
    ]


def test_a_transformer_says_how_many_layers_it_has(fitted):
    parts = sockets_of(fitted("plm-icd"))["embed"].parts
    assert parts[1:] == ["  SegmentEncoder", "    BertModel width 16", "      2 x BertLayer"]


def test_what_is_not_trained():
    vectors = np.random.default_rng(0).normal(size=(X.max() + 1, 12))
    clf = LAATClassifier(**{**of(LAATClassifier), "word_vectors": vectors}).fit(X, MADE.target)
    display = NetworkDisplay.from_estimator(clf)
    assert display.sockets[0].n_trained == 0
    assert any(text.endswith("parameters, frozen") for text in texts_of(display))
    half = PLMICDClassifier(pretrained=tiny_model(), freeze_layers=1, **of(PLMICDClassifier)).fit(
        X.toarray() % 40, MADE.target
    )
    display = NetworkDisplay.from_estimator(half)
    assert 0 < display.sockets[0].n_trained < display.sockets[0].n_parameters
    assert any(text.endswith(" trained") for text in texts_of(display))


def of(cls):
    return {k: v for k, v in SETTINGS.items() if k in inspect.signature(cls).parameters}


# Networks of one's own ------------------------------------------------------------------------


class BagOfWords(torch.nn.Module):
    def __init__(self, n_tokens, n_codes):
        super().__init__()
        self.table = torch.nn.EmbeddingBag(n_tokens, 6, padding_idx=0)
        self.norm = torch.nn.LayerNorm(6)
        self.score = torch.nn.Linear(6, n_codes)

    def forward(self, ids):
        return self.score(self.norm(self.table(ids)))


def test_a_module_of_ones_own():
    net = MultiLabelNet(
        BagOfWords, module__n_tokens=X.max() + 1, module__n_codes=5, max_epochs=1
    ).fit(X, MADE.target)
    display = NetworkDisplay.from_estimator(net)
    assert [(socket.name, socket.gives) for socket in display.sockets] == [
        ("table", ["notes x 6"]),
        ("norm", ["notes x 6"]),
        ("score", ["notes x codes"]),
    ]
    assert any(text.startswith("BagOfWords: ") for text in texts_of(display))


def test_a_compiled_network_is_drawn_as_it_was_written(fitted):
    plain = fitted("caml")["clf"]
    compiled = plain.net_.with_module(torch.compile(plain.net_.module_, backend="eager"))
    assert list(sockets_of(compiled)) == list(sockets_of(plain))


def test_a_wrapper_is_opened(fitted):
    plain = fitted("plm-icd")["clf"]
    by_segment = plain.net_.with_module(MaxOverSegments(plain.net_.module_))
    by_segment.reads_segments = True
    sockets = sockets_of(by_segment)
    assert list(sockets) == ["embed", "attend", "score"]
    assert sockets["embed"].gives == ["(notes · segments) x tokens x 16"]


# What it leaves as it was ----------------------------------------------------------------------


def test_the_classifier_is_left_as_it_was():
    clf = CAMLClassifier(**of(CAMLClassifier)).fit(X, MADE.target)
    module = clf.net_.module_.train()
    module.embed.eval()
    before = clf.predict_proba(X)
    modes = [m.training for m in module.train().modules()]
    state = torch.get_rng_state()
    NetworkDisplay.from_estimator(clf)
    assert [m.training for m in module.modules()] == modes
    assert not any(m._forward_hooks for m in module.modules())
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(clf.predict_proba(X), before)


def test_no_hook_stays_behind_where_a_network_fails(fitted):
    clf = CAMLClassifier(**of(CAMLClassifier)).fit(X, MADE.target)
    clf.net_.module_.score = torch.nn.Linear(1, 1)  # takes an argument
    with pytest.raises(TypeError, match="forward"):
        NetworkDisplay.from_estimator(clf)
    assert not any(m._forward_hooks for m in clf.net_.module_.modules())


@pytest.mark.parametrize("name", WITH_NETWORK)
def test_no_text_of_notes_or_titles_is_shown(fitted, name):
    display = NetworkDisplay.from_estimator(fitted(name))
    shown = " ".join([*texts_of(display), repr(display.sockets)]).lower()
    written = {word for note in MADE.data for word in note.lower().split() if len(word) > 6}
    assert len(written) > 50
    assert not [word for word in written if word in shown]
    assert not [code for code in CODES if code.lower() in shown]


# What has no network ---------------------------------------------------------------------------


def test_without_a_network_there_is_no_picture(fitted):
    with pytest.raises(TypeError, match="LogisticRegressionBaseline has no network to draw"):
        NetworkDisplay.from_estimator(fitted("logistic-regression"))
    with pytest.raises(TypeError, match="LogisticRegression has no network to draw"):
        NetworkDisplay.from_estimator(LogisticRegression().fit([[0], [1]], [0, 1]))


def test_before_fit_there_is_no_network():
    with pytest.raises(NotFittedError):
        NetworkDisplay.from_estimator(CAMLClassifier())
