"""DR-CAML: the public penalty, its titles, and codes that were never trained on."""

import numpy as np
import pytest
import torch
from scipy import sparse

from sklearn_icd.codes import TitleEncoder
from sklearn_icd.losses import BCE
from sklearn_icd.models import CAMLClassifier, DRCAMLClassifier

TITLES = {
    "A01": "Typhoid fever",
    "B02": "Zoster",
    "C03": "Malignant tumour of gum",
    "D04": "Tumour of skin",
}
TINY = {
    "n_filters": 5,
    "kernel_size": 4,
    "embedding_dim": 6,
    "word_vectors": None,
    "lr": 0.01,
    "batch_size": 8,
    "max_epochs": 1,
    "validation_fraction": None,
    "random_state": 0,
    "classes": list(TITLES),
    "label_titles": TITLES,
    "precision": "float64",
}


def notes(n=60, seed=0):
    random_state = np.random.RandomState(seed)
    X = sparse.csr_array(random_state.randint(1, 20, size=(n, 9)))
    Y = np.array([np.isin(np.arange(4) + 2, row) for row in X.toarray()])
    return X, Y.astype(int)


def fit(**parameters):
    return DRCAMLClassifier(**{**TINY, **parameters}).fit(*notes())


def test_defaults_are_camls_and_the_papers():
    parameters = DRCAMLClassifier().get_params()
    own = {name: parameters.pop(name) for name in ("description_penalty",)}
    assert own == {"description_penalty": 0.01}
    assert parameters == CAMLClassifier().get_params()


def test_shapes_of_the_parameters():
    """Compare with the public code, for e = 6, d = 5, k = 4 and 10 ids of words in titles.

    =====================  =========  =====================================
    public name            shape      ours, beside those of CAML
    =====================  =========  =====================================
    desc_embedding.weight  (10, 6)    penalize_weight.read.0.embed.table.weight
    label_conv.weight      (5, 6, 4)  penalize_weight.read.0.encode.views.0.weight
    label_conv.bias        (5,)       penalize_weight.read.0.encode.views.0.bias
    label_fc1.weight       (5, 5)     penalize_weight.read.1.weight
    label_fc1.bias         (5,)       penalize_weight.read.1.bias
    =====================  =========  =====================================

    There the table has a row for each word of the notes.
    """
    shapes = {k: tuple(v.shape) for k, v in fit().net_.module_.penalize_weight.named_parameters()}
    assert shapes == {
        "read.0.embed.table.weight": (10, 6),
        "read.0.encode.views.0.weight": (5, 6, 4),
        "read.0.encode.views.0.bias": (5,),
        "read.1.weight": (5, 5),
        "read.1.bias": (5,),
    }


def title_by_hand(fitted, title):
    """Read one title as the public code does: convolve, squash, take the largest, project."""
    reader, project = fitted.net_.module_.penalize_weight.read
    numbers = fitted.title_tokenizer_.vocabulary_
    table, weight, bias = (
        p.detach().numpy()
        for p in (reader.embed.table.weight, *reader.encode.views[0].parameters())
    )
    around = np.pad(
        table[[numbers.get(word, 1) for word in title.lower().split()]], ((2, 2), (0, 0))
    )
    windows = np.array([around[j : j + 4] for j in range(len(around) - 3)])
    largest = np.tanh(np.einsum("oek,tke->to", weight, windows) + bias).max(axis=0)
    return project.weight.detach().numpy() @ largest + project.bias.detach().numpy()


def test_the_loss_is_that_of_the_public_code():
    fitted = fit(description_penalty=0.7, dropout=0.0)
    module = fitted.net_.module_
    X, Y = notes(8, seed=1)
    ids, y = torch.from_numpy(X.toarray().astype(np.int64)), torch.from_numpy(Y).double()
    weight = module.score.vectors.free.detach().numpy()
    away = [
        np.mean((weight[k] - title_by_hand(fitted, t)) ** 2) for k, t in enumerate(TITLES.values())
    ]
    penalty = 0.7 * np.mean(Y @ np.array(away))
    plain = BCE()(module(ids), y).item()
    assert module(ids, y=y, loss=BCE()).item() == pytest.approx(plain + penalty, rel=1e-9)


def test_the_penalty_draws_weights_to_titles():
    def distance(strength):
        module = fit(description_penalty=strength, max_epochs=5, lr=0.05).net_.module_
        titles = module.penalize_weight.read(module.penalize_weight.ids)
        return (module.score.vectors() - titles).square().mean().item()

    assert distance(10.0) < 0.2 * distance(0.0)


def test_logits_are_camls():
    fitted = fit()
    module = fitted.net_.module_
    plain = CAMLClassifier(**{**TINY, "label_titles": None}).fit(*notes())
    caml = plain.net_.module_
    caml.load_state_dict({k: v for k, v in module.state_dict().items() if k in caml.state_dict()})
    X, _ = notes()
    np.testing.assert_allclose(fitted.decision_function(X), plain.decision_function(X), rtol=1e-12)


def test_new_codes_have_the_weights_that_their_titles_say():
    fitted, (X, _) = fit(), notes()
    new = {"E05": "Typhoid of gum", "F06": "Quite another thing"}
    extended = fitted.with_codes(new)
    assert extended.classes_.tolist() == [*TITLES, *new]
    before, after = fitted.decision_function(X), extended.decision_function(X)
    np.testing.assert_allclose(after[:, :4], before, rtol=1e-9)
    weight, bias = extended.net_.module_.score()
    expected = [title_by_hand(fitted, title) for title in new.values()]
    np.testing.assert_allclose(weight[4:].detach(), expected, rtol=1e-9)
    assert bias[4].item() == pytest.approx(bias[:4].mean().item())
    queries = extended.net_.module_.attend.vectors()
    torch.testing.assert_close(queries[4], queries[:4].mean(dim=0))
    assert not np.allclose(after[:, 4], after[:, 5])
    assert [row.shape for row in extended.attention(X[:1], ["E05", "A01"])] == [(2, 9)]
    again = extended.with_codes({"G07": "Gum fever"})
    np.testing.assert_allclose(again.decision_function(X)[:, :6], after, rtol=1e-9)
    with pytest.raises(ValueError, match="added by with_codes"):
        extended.partial_fit(*notes())


def test_with_an_encoder_new_codes_come_from_it():
    fitted, (X, _) = fit(label_encoder=TitleEncoder(n_components=3)), notes()
    extended = fitted.with_codes({"E05": "Typhoid of gum"})
    vectors = extended.net_.module_.score.vectors
    assert vectors.added is None
    assert len(vectors()) == 5
    np.testing.assert_allclose(
        extended.decision_function(X)[:, :4], fitted.decision_function(X), rtol=1e-9
    )


def test_unknown_titles_are_told():
    with pytest.warns(UserWarning, match=r"DRCAMLClassifier trains without its penalty.*'x1'"):
        fitted = fit(label_titles=None, classes=["x1", "x2", "x3", "x4"])
    assert fitted.net_.module_.penalize_weight is None
    with pytest.raises(ValueError, match="no titles were used"):
        fitted.with_codes({"new": "Some disease"})


def test_classes_of_a_1d_target_have_no_titles():
    X, Y = notes()
    parameters = {**TINY, "classes": None, "label_titles": None}
    fitted = DRCAMLClassifier(**parameters).fit(X, Y[:, 0])
    assert fitted.net_.module_.penalize_weight is None


def test_the_titles_of_the_coding_system_are_found():
    codes = ["I10", "E78.5", "N17.9", "I48.91"]
    fitted = fit(label_titles=None, classes=codes)
    assert "hypertension" in fitted.title_tokenizer_.vocabulary_
