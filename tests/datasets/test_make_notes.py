"""Made notes: what their parameters promise, and that spans point at what they say."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.multiclass import OneVsRestClassifier

from sklearn_icd.codes import CodeSystem
from sklearn_icd.datasets import _sentences, make_notes
from sklearn_icd.datasets._make_notes import _draw_codes
from sklearn_icd.datasets._phrases import ways_to_write


@pytest.fixture(scope="module")
def made():
    return make_notes(random_state=0)


def n_words(notes):
    return np.array([len(note.split()) for note in notes])


def test_shapes_and_types(made):
    assert len(made.data) == len(made.ids) == 1000
    assert made.target.shape == made.target_clean.shape == (1000, 50)
    assert made.target.dtype == np.int64
    assert len(set(made.ids)) == 1000
    assert made.subject_ids is None
    assert len(made.splits.test) == 200
    assert sorted([*made.splits.train, *made.splits.test]) == list(range(1000))
    assert all((np.diff(rows) > 0).all() for rows in made.splits.values())
    assert "about no patient" in " ".join(made.DESCR.split())


def test_titles_are_those_of_the_code_system(made):
    assert made.titles == CodeSystem("icd10cm").titles(made.target_names)


def test_the_same_random_state_makes_the_same_notes(made):
    again = make_notes(random_state=np.random.RandomState(0))
    assert again.data == made.data
    np.testing.assert_array_equal(again.spans, made.spans)
    assert (again.target != made.target).nnz == 0
    np.testing.assert_array_equal(again.splits.test, made.splits.test)
    assert make_notes(n_notes=5, random_state=1).data != make_notes(n_notes=5, random_state=2).data


def test_global_generators_are_left_alone():
    np.random.seed(3)  # noqa: NPY002
    random.seed(3)
    before = np.random.get_state()[1].copy(), np.random.get_state()[2], random.getstate()  # noqa: NPY002
    make_notes(n_notes=5, n_codes=5, label_noise=0.5, random_state=0)
    after = np.random.get_state()[1], np.random.get_state()[2], random.getstate()  # noqa: NPY002
    np.testing.assert_array_equal(before[0], after[0])
    assert before[1:] == after[1:]


def test_each_note_has_a_code_and_each_code_a_note():
    for n_notes, n_codes in ((1000, 50), (40, 100), (3, 5)):
        target = make_notes(n_notes, n_codes, zipf_exponent=2, random_state=0).target
        assert target.sum(axis=1).min() >= 1
        assert np.count_nonzero(target.sum(axis=0)) == min(n_codes, target.sum())


def test_frequencies_are_zipf_s():
    counts = make_notes(6000, 100, mean_words=1, distractors=0, random_state=0).target.sum(axis=0)
    rank = np.arange(1, 101)
    slope, _ = np.polyfit(np.log(rank), np.log(counts), 1)
    assert slope == pytest.approx(-0.7, abs=0.12)
    assert counts[:10].min() > counts[-50:].max()
    alike = make_notes(4000, 20, zipf_exponent=0, mean_words=1, random_state=0).target.sum(axis=0)
    assert alike.max() < 1.6 * alike.min()


def test_number_of_codes_per_note():
    per_note = make_notes(2000, 200, codes_per_note=4, mean_words=1, random_state=0).target
    per_note = per_note.sum(axis=1)
    assert per_note.mean() == pytest.approx(4, abs=0.15)
    assert per_note.var() == pytest.approx(3, abs=0.4)


def test_codes_of_a_group_go_together():
    made = make_notes(4000, 97, mean_words=1, codes_per_note=3, random_state=0)
    target = made.target.toarray().astype(float)
    together = target.T @ target
    expected = np.outer(target.sum(axis=0), target.sum(axis=0)) / len(target)
    letters = np.array([code[0] for code in made.target_names])
    same = (letters[:, None] == letters) & ~np.eye(97, dtype=bool)
    other = letters[:, None] != letters
    assert together[same].sum() / expected[same].sum() > 1.5
    assert together[other].sum() / expected[other].sum() < 1


def test_lengths_are_lognormal_with_the_mean_and_spread_asked_for():
    length = n_words(make_notes(1500, 20, mean_words=600, sd_words=300, random_state=0).data)
    assert length.mean() == pytest.approx(600, rel=0.06)
    assert length.std() == pytest.approx(300, rel=0.15)
    logs = np.log(length)
    assert abs(((logs - logs.mean()) ** 3).mean() / logs.std() ** 3) < 0.35
    same = n_words(make_notes(200, 20, mean_words=800, sd_words=0, random_state=0).data)
    assert same.mean() == pytest.approx(800, rel=0.02)
    assert same.std() < 15


def test_default_length(made):
    assert n_words(made.data).mean() == pytest.approx(300, rel=0.08)


def test_spans_are_the_mentions_of_the_codes(made):
    ways = ways_to_write(made.titles)
    names = list(made.target_names)
    for i, (note, spans) in enumerate(zip(made.data, spans_by_note(made), strict=True)):
        columns = {names.index(code) for code in spans["code"]}
        assert columns == set(made.target_clean[[i]].indices.tolist())
        assert (np.diff(spans["start"]) > 0).all()
        for _, _, code, start, end in spans:
            assert note[start:end].lower() in [way.lower() for way in ways[code]]
    assert made.spans["mention"].tolist() == list(range(len(made.spans)))


def spans_by_note(made):
    return [made.spans[made.spans["note"] == row] for row in range(len(made.data))]


def outside_spans(note, spans):
    """Return the note without its true mentions, in lower case."""
    for _, _, _, start, end in spans[::-1]:
        note = note[:start] + "|" + note[end:]
    return note.lower()


def test_distractors_are_mentioned_and_only_where_they_are_denied():
    ways = ways_to_write(CodeSystem("icd10cm").titles(make_notes(1, 97).target_names))
    told = {code: [way.lower() for way in some if len(way) > 12] for code, some in ways.items()}

    def mentioned(made):
        return np.mean(
            [
                sum(any(w in outside_spans(n, s) for w in some) for some in told.values())
                for n, s in zip(made.data, spans_by_note(made), strict=True)
            ]
        )

    none, some, many = (
        mentioned(make_notes(100, 97, distractors=d, random_state=0)) for d in (0, 4, 12)
    )
    assert none == 0
    assert 1 < some < many
    made = make_notes(100, 97, distractors=6, random_state=0)
    assert any("family history" in note.lower() for note in made.data)
    assert any("no evidence of" in note for note in made.data)
    assert any("denies" in note for note in made.data)


def test_no_neutral_sentence_mentions_an_everyday_code():
    ways = ways_to_write(CodeSystem("icd10cm").titles(make_notes(1, 97).target_names))
    text = " ".join(make_notes(30, 1, mean_words=4000, distractors=0, random_state=0).data).lower()
    del ways["I10"]
    assert [way for some in ways.values() for way in some if f" {way.lower()} " in text] == []


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_label_noise(made, share):
    noisy = make_notes(label_noise=share, random_state=0)
    clean, target = noisy.target_clean.toarray(), noisy.target.toarray()
    assert noisy.data == made.data
    np.testing.assert_array_equal(clean, made.target.toarray())
    np.testing.assert_array_equal(clean.sum(axis=1), target.sum(axis=1))
    assert (clean & ~target & 1).sum() / clean.sum() == pytest.approx(share, abs=0.03)


def test_without_noise_the_target_is_clean(made):
    assert (made.target != made.target_clean).nnz == 0


@pytest.mark.parametrize("seed", range(5))
def test_no_note_both_has_a_code_and_denies_it(seed):
    codes = [f"{letter}{i}" for letter in "ABCD" for i in range(10)]
    drawn = _draw_codes(codes, 15, 3, 10, 3, np.random.RandomState(seed))
    assert {j for has, _ in drawn for j in has} == set(range(40)) or sum(
        len(has) for has, _ in drawn
    ) < 40
    for has, has_not in drawn:
        assert len(set(has + has_not)) == len(has + has_not)


def test_label_noise_drops_a_code_where_there_is_no_other():
    made = make_notes(5, 1, label_noise=1.0, random_state=0)
    assert made.target.sum() == 0
    assert made.target_clean.sum() == 5


def test_notes_look_like_deidentified_discharge_summaries(made):
    note = made.data[0]
    assert note.startswith("Admission Date:  [**")
    assert all("[**" in n for n in made.data)
    assert all("<" not in n and ">" not in n for n in made.data)
    assert any("-----" in n for n in made.data)
    assert any("=====" in n for n in made.data)
    text = "\n".join(made.data).upper()
    assert all(f"{name}:" in text for section in _sentences.SECTIONS for name in section[1:])


def test_patients_of_codes_of_one_sex_are_of_that_sex():
    made = make_notes(400, 50, random_state=0)
    prostate = [made.target_names.tolist().index(code) for code in ("C61", "N40.0")]
    of_men = made.target.toarray()[:, prostate].any(axis=1)
    sexes = np.array([note[note.index("Sex:") :][:7] for note in made.data])
    assert set(sexes[of_men]) == {"Sex:  M"}
    assert set(sexes[~of_men]) == {"Sex:  F", "Sex:  M"}


@pytest.mark.parametrize("slot", sorted(_sentences.POOLS))
def test_each_slot_has_words(slot):
    assert len(set(_sentences.POOLS[slot])) == len(_sentences.POOLS[slot]) > 2


def test_a_linear_model_does_well_but_not_perfectly(made):
    train, test = made.splits.train, made.splits.test
    vectorizer = TfidfVectorizer(min_df=2)
    notes = np.array(made.data, dtype=object)
    model = OneVsRestClassifier(LogisticRegression(C=100))
    model.fit(vectorizer.fit_transform(notes[train]), made.target[train].toarray())
    p = model.predict_proba(vectorizer.transform(notes[test]))
    assert 0.7 < f1_score(made.target[test].toarray(), p > 0.3, average="micro") < 0.92


def test_many_codes():
    made = make_notes(200, 9000, codes_per_note=10, random_state=0)
    assert made.target.shape == (200, 9000)
    assert made.target.sum(axis=0).max() == 1
    assert len(made.titles) == 9000


def test_return_x_y(made):
    X, y = make_notes(random_state=0, return_X_y=True)
    assert made.data == X
    assert (y != made.target).nnz == 0


@settings(max_examples=30, deadline=None)
@given(
    n_notes=st.integers(1, 6),
    n_codes=st.integers(1, 12),
    mean_words=st.floats(1, 400),
    sd_words=st.floats(0, 400),
    codes_per_note=st.floats(1, 20),
    zipf_exponent=st.floats(0, 5),
    distractors=st.floats(0, 20),
    label_noise=st.floats(0, 1),
    random_state=st.integers(0, 2**32 - 1),
)
def test_any_parameters(n_notes, n_codes, **parameters):
    made = make_notes(n_notes, n_codes, **parameters)
    assert made.target.shape == (n_notes, n_codes)
    assert made.target_clean.sum(axis=1).min() >= 1
    assert set(made.target.data) <= {1}
    assert len(made.data) == n_notes
    lengths = np.array(list(map(len, made.data)))[made.spans["note"]]
    starts, ends = made.spans["start"], made.spans["end"]
    assert np.all((starts >= 0) & (starts < ends) & (ends <= lengths))


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_notes": 0},
        {"n_codes": 2.5},
        {"mean_words": 0},
        {"sd_words": -1},
        {"codes_per_note": 0.5},
        {"zipf_exponent": -1},
        {"distractors": -1},
        {"label_noise": 1.1},
        {"random_state": "seed"},
    ],
)
def test_wrong_parameters_are_named(wrong):
    with pytest.raises(ValueError, match=f"The '{next(iter(wrong))}' parameter"):
        make_notes(**wrong)
