"""JointLAAT: where categories come from, and the public shapes."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import f1_score

from sklearn_icd.codes import TitleEncoder
from sklearn_icd.models import JointLAATClassifier, LAATClassifier

CODES = ["I25.10", "I10", "I25.2", "E11.9"]
TINY = {
    "hidden_size": 4,
    "attention_size": 5,
    "projection_size": 3,
    "embedding_dim": 6,
    "word_vectors": None,
    "lr": 0.01,
    "batch_size": 8,
    "max_epochs": 1,
    "validation_fraction": None,
    "random_state": 0,
    "classes": CODES,
}


def notes(n=60, seed=0):
    random_state = np.random.RandomState(seed)
    X = sparse.csr_array(random_state.randint(1, 20, size=(n, 9)))
    Y = np.array([np.isin(np.arange(4) + 2, row) for row in X.toarray()])
    return X, Y.astype(int)


def fit(**parameters):
    return JointLAATClassifier(**{**TINY, **parameters}).fit(*notes())


def groups(**parameters):
    return fit(**parameters).net_.module_.group_of.tolist()


def test_defaults_are_laats_and_the_papers():
    parameters = JointLAATClassifier().get_params()
    own = {name: parameters.pop(name) for name in ("projection_size", "categories")}
    assert own == {"projection_size": 128, "categories": None}
    assert parameters == LAATClassifier().get_params()


def test_shapes_of_the_parameters():
    """Compare with the public code, for u = 4, a = 5, a projection of 3, 3 categories, 4 codes.

    ==============================  =======  ==================================
    public name                     shape    ours, beside embedding and LSTM
    ==============================  =======  ==================================
    attention.first_linears.0       (5, 8)   attend_groups.project.linear.weight
    attention.second_linears.0      (3, 5)   attend_groups.vectors.free
    attention.third_linears.0       (3, 8)   score_groups.vectors.free
    attention.third_linears.0.bias  (3,)     score_groups.bias
    projection_linears.0.weight     (3, 3)   project.weight
    attention.first_linears.1       (5, 8)   attend.project.linear.weight
    attention.second_linears.1      (4, 5)   attend.vectors.free
    attention.third_linears.1       (4, 11)  score.vectors.free
    attention.third_linears.1.bias  (4,)     score.bias
    projection_linears.1.weight     (3, 4)   none: there it is made, and leads nowhere
    ==============================  =======  ==================================
    """
    shapes = {
        k: tuple(v.shape)
        for k, v in fit().net_.module_.named_parameters()
        if not k.startswith(("embed", "encode"))
    }
    assert shapes == {
        "attend_groups.project.linear.weight": (5, 8),
        "attend_groups.vectors.free": (3, 5),
        "score_groups.vectors.free": (3, 8),
        "score_groups.bias": (3,),
        "project.weight": (3, 3),
        "attend.project.linear.weight": (5, 8),
        "attend.vectors.free": (4, 5),
        "score.vectors.free": (4, 11),
        "score.bias": (4,),
    }


def test_categories_are_those_of_the_coding_system():
    assert groups() == [2, 1, 2, 0]  # I25, I10, I25, E11
    assert groups(classes=["401.9", "38.93", "401.1", "38.91"]) == [1, 0, 1, 0]


def test_a_table_of_procedures_is_no_category_of_diagnoses():
    assert groups(classes=["B20", "B2000ZZ", "B2001ZZ", "I10"]) == [0, 2, 2, 1]


def test_a_heading_is_its_own_category():
    assert groups(classes=["I20-I25", "I25.10", "I25.2", "I10"]) == [1, 2, 2, 0]


def test_categories_may_be_given():
    own = {"I25.10": "heart", "I10": 7, "I25.2": "heart", "E11.9": "other", "more": "?"}
    assert groups(categories=own) == [1, 0, 1, 2]
    with pytest.raises(ValueError, match=r"categories has none for 1 of 4 codes.*'E11.9'"):
        fit(categories={code: own[code] for code in CODES[:3]})


def test_codes_of_no_system_need_categories():
    with pytest.raises(ValueError, match=r"pass categories=\{code: category\}"):
        fit(classes=["a", "b", "c", "d"])


def test_biases_start_at_the_log_odds():
    module = fit(lr=1e-12, optimizer="sgd").net_.module_
    _, Y = notes()
    rates = (Y.sum(axis=0) + 0.5) / 61
    heart = 1 - (1 - rates[0]) * (1 - rates[2])
    expected = [rates[3], rates[1], heart]
    found = module.score_groups.bias.sigmoid().detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_biases_are_finite_where_all_notes_have_all_codes():
    X, Y = notes()
    fitted = JointLAATClassifier(**TINY, categories=dict.fromkeys(CODES, "all"))
    module = fitted.fit(X, np.ones_like(Y)).net_.module_
    assert module.score_groups.bias.isfinite().all()


def test_classes_of_a_1d_target_are_of_one_category():
    X, Y = notes()
    for y in (Y[:, 0], Y[:, :2] @ [1, 2]):
        fitted = JointLAATClassifier(**{**TINY, "classes": None}).fit(X, y)
        assert not fitted.net_.module_.group_of.any()
        assert fitted.predict(X).shape == y.shape


def test_it_can_learn_what_stands_in_the_notes():
    X, Y = notes(150)
    sizes = {"hidden_size": 12, "attention_size": 12, "embedding_dim": 12, "max_epochs": 12}
    fitted = JointLAATClassifier(**{**TINY, **sizes, "dropout": 0.0, "lr": 0.02}).fit(X, Y)
    held_out, y = notes(60, seed=1)
    assert f1_score(y, fitted.predict(held_out), average="micro") > 0.9


def test_codes_are_added_by_their_titles():
    fitted = fit(label_encoder=TitleEncoder(n_components=3), precision="float64")
    extended = fitted.with_codes({"J45.909": "Unspecified asthma, uncomplicated"})
    X, _ = notes()
    before, after = fitted.decision_function(X), extended.decision_function(X)
    assert after.shape == (60, 5)
    np.testing.assert_allclose(after[:, :4], before, rtol=1e-12)
    with pytest.raises(ValueError, match="label_encoder"):
        fit().with_codes({"J45.909": "Asthma"})
