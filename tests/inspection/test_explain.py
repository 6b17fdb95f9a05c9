"""Explanations hold the attention of each code, and no text."""

import pickle

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from sklearn_icd import make_icd_pipeline, with_codes
from sklearn_icd.inspection import Explanation, explain, token_spans
from sklearn_icd.text import WordTokenizer


def test_weights_are_the_attention_of_the_code(pipeline, made):
    note, code = made.data[3], made.target_names[1]
    [explanation] = explain(pipeline, note, [code])
    [attention] = pipeline[-1].attention(pipeline[:-1].transform([note]), [code])
    order = np.lexsort(explanation.spans.T[::-1])
    np.testing.assert_array_equal(explanation.weights[order], attention[0])
    np.testing.assert_array_equal(explanation.spans[order], token_spans(pipeline, [note])[0])


def test_highest_weight_first(pipeline, made):
    for explanation in explain(pipeline, made.data[0], made.target_names):
        assert np.all(np.diff(explanation.weights) <= 0)
        assert explanation.weights.sum() == pytest.approx(1, abs=1e-5)


def test_codes_title_and_probability(pipeline, made):
    codes = made.target_names[[2, 0]].tolist()
    explanations = explain(pipeline, made.data[0], codes)
    probabilities = pipeline.predict_proba(made.data[:1])[0, [2, 0]]
    assert [explanation.code for explanation in explanations] == codes
    assert [explanation.title for explanation in explanations] == [made.titles[c] for c in codes]
    assert [explanation.probability for explanation in explanations] == probabilities.tolist()


def test_by_default_the_predicted_codes_the_most_probable_first(pipeline, made):
    sizes = set()
    for note in made.data[:10]:
        explanations = explain(pipeline, note)
        predicted = made.target_names[pipeline.predict([note]).toarray()[0] == 1]
        sizes.add(len(predicted))
        assert {explanation.code for explanation in explanations} == set(predicted)
        probabilities = [explanation.probability for explanation in explanations]
        assert probabilities == sorted(probabilities, reverse=True)
    assert max(sizes) > 1


def test_no_code_assigned(pipeline, made):
    never = make_icd_pipeline(
        "ld-plam", size="small", max_epochs=1, threshold=1.0, random_state=0
    ).fit(made.data, made.target)
    assert explain(never, made.data[0]) == []
    assert explain(pipeline, made.data[0], []) == []


def test_titles_given_or_unknown_or_of_added_codes(pipeline, made):
    names = [f"code {i}" for i in range(5)]
    fitted = make_icd_pipeline("ld-plam", size="small", max_epochs=1, classes=names, random_state=0)
    fitted.fit(made.data, made.target)
    assert explain(fitted, made.data[0], names[:1])[0].title is None
    fitted.set_params(clf__label_titles={name: name.upper() for name in names})
    fitted.fit(made.data, made.target)
    assert explain(fitted, made.data[0], names[:1])[0].title == "CODE 0"

    extended = with_codes(pipeline, {"J45.909": "Asthma"})
    [explanation] = explain(extended, made.data[0], ["J45.909"])
    assert explanation.title == "Unspecified asthma, uncomplicated"


def test_one_class_per_note(made):
    labels = np.where(made.target.toarray()[:, 0] == 1, "yes", "no")
    fitted = make_icd_pipeline("ld-plam", size="small", max_epochs=1, threshold=0.5, random_state=0)
    fitted.fit(made.data, labels)
    [explanation] = explain(fitted, made.data[0])
    assert explanation.code == fitted.predict(made.data[:1])[0]
    assert explanation.probability == fitted.predict_proba(made.data[:1]).max()


def test_empty_note(pipeline, made):
    [explanation] = explain(pipeline, "", made.target_names[:1])
    assert explanation.spans.shape == (0, 2)
    assert explanation.words("") == []


def test_words_of_one_spelling_are_counted_together():
    note = "Fever and FEVER, cough"
    spans = np.array([[10, 15], [17, 22], [0, 5], [6, 9]])
    explanation = Explanation("R50", "Fever", 0.9, spans, np.array([0.375, 0.3125, 0.25, 0.0625]))
    assert explanation.words(note, top=None) == [
        ("FEVER", 0.625),
        ("cough", 0.3125),
        ("and", 0.0625),
    ]
    assert explanation.words(note, top=1) == [("FEVER", 0.625)]


def test_no_text_of_the_note_in_repr_or_pickle(pipeline, made):
    note = "zaphod has zaphod and hypertension"
    explanations = explain(pipeline, note, made.target_names)
    assert repr(explanations[0]).startswith(f"Explanation(code={explanations[0].code!r}, proba")
    assert "n_words=5" in repr(explanations[0])
    assert "zaphod" not in repr(explanations) + str(explanations)
    assert b"zaphod" not in pickle.dumps(explanations)


def test_bad_input_is_named_and_not_printed(pipeline, made):
    with pytest.raises(TypeError, match="note must be one str, got list") as error:
        explain(pipeline, ["zaphod"])
    assert "zaphod" not in str(error.value)
    with pytest.raises(TypeError, match="codes must be a list of codes, got the str 'I10'"):
        explain(pipeline, "fever", "I10")
    with pytest.raises(ValueError, match=r"'X99' *, which is not among"):
        explain(pipeline, "fever", ["X99"])


def test_a_classifier_without_attention(made):
    fitted = Pipeline([("tokenize", WordTokenizer()), ("clf", LogisticRegression(max_iter=10_000))])
    fitted.fit(made.data, made.target.toarray()[:, 0])
    with pytest.raises(TypeError, match="LogisticRegression, has no method attention"):
        explain(fitted, "fever")
    linear = make_icd_pipeline("logistic-regression").fit(made.data, made.target)
    with pytest.raises(TypeError, match=r"has no method attention.*adds up one weight per word"):
        explain(linear, "fever")


def test_not_fitted():
    with pytest.raises(NotFittedError):
        explain(make_icd_pipeline("ld-plam"), "fever")
