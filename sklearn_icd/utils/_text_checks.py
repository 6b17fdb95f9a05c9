"""Checks that every text step must pass; scikit-learn has next to none for raw text.

Each takes an unfitted transformer of notes and raises an AssertionError where it breaks a promise.
A transformer may be one of ours or a user's own; ``TEXT_CHECKS`` lists them all::

    @pytest.mark.parametrize("check", TEXT_CHECKS)
    def test_my_step(check):
        check(MyStep())
"""

import pickle
from unittest import SkipTest

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags

_NOTES = [
    "Admission: [**2151-8-4**]\n=== HISTORY ===\nThe patient has fever, cough and chest pain.",
    "The patient has no fever; chest pain -- since 3 days. BP 120/80, aspirin 81mg.",
    "",
    "El paciente acudió con fiebre, tos y dolor torácico: «niño», “ÇA\u00a0VA”, 5µg.",
    " \t\n ",
    "İstanbul ΟΔΟΣ STRASSE ẞ patient chest pain fever cough ___ [**unclosed",
    "fever fever fever cough, (cough) cough. The patient has chest pain. " * 30,
]
_SECRET = "Zaphod"


def check_text_clone(transformer):
    """Check that a clone has the same parameters, also after fit, and is not fitted."""
    parameters = transformer.get_params()
    fitted = clone(transformer).fit(_NOTES)
    assert repr(fitted.get_params()) == repr(parameters), "fit changed a parameter"
    copy = clone(fitted)
    assert repr(copy.get_params()) == repr(parameters)
    assert not _learned(copy), "a clone must not be fitted"


def check_text_pickle(transformer):
    """Check that a pickled step gives the same output, with or without fit."""
    pickle.loads(pickle.dumps(transformer))
    fitted = clone(transformer).fit(_NOTES)
    restored = pickle.loads(pickle.dumps(fitted))
    _assert_equal(restored.transform(_NOTES), fitted.transform(_NOTES))


def check_text_idempotent_fit(transformer):
    """Check that fit returns the step and that only the last fit counts."""
    step = clone(transformer)
    assert step.fit(_NOTES) is step
    expected = step.transform(_NOTES)
    _assert_equal(step.fit(_NOTES).transform(_NOTES), expected)
    step.fit([note + " something else" for note in _NOTES])
    _assert_equal(step.fit(_NOTES).transform(_NOTES), expected)


def check_text_fit_transform(transformer):
    """Check that fit_transform is fit and transform, and that neither changes the notes."""
    notes = list(_NOTES)
    step = clone(transformer)
    at_once = step.fit_transform(notes, None)
    _assert_equal(at_once, clone(transformer).fit(notes).transform(notes))
    _assert_equal(at_once, step.transform(notes))
    assert notes == _NOTES, "the notes were changed in place"


def check_text_input_types(transformer):
    """Check that lists, tuples, arrays and series of the same notes give the same output."""
    expected = clone(transformer).fit_transform(_NOTES)
    for notes in _containers(_NOTES):
        step = clone(transformer)
        _assert_equal(step.fit_transform(notes), expected)
        _assert_equal(step.transform(notes), expected)
        for spans, same in zip(step.spans(notes), step.spans(_NOTES), strict=True):
            np.testing.assert_array_equal(spans, same)


def check_text_series_input(transformer):
    """Check pandas and polars series; those not installed are left out."""
    expected = clone(transformer).fit_transform(_NOTES)
    for series in _series(_NOTES):
        step = clone(transformer)
        _assert_equal(step.fit_transform(series), expected)
        _assert_equal(step.transform(series), expected)


def check_text_bad_input(transformer):
    """Check that an error names the position of what is no text, and prints no text."""
    fitted = clone(transformer).fit(_NOTES)
    calls = [
        clone(transformer).fit,
        clone(transformer).fit_transform,
        fitted.transform,
        fitted.spans,
    ]
    for bad in [None, float("nan"), _SECRET.encode(), 7, 7.5, [_SECRET], np.float64("nan")]:
        notes = [_SECRET, _SECRET, _SECRET, bad]
        as_array = np.empty(4, dtype=object)
        as_array[:] = notes
        for call in calls:
            for given in (notes, as_array):
                assert "[3]" in _message(call, given), "the message must name the position"
    frame = np.array([[_SECRET, _SECRET]], dtype=object)
    for call in calls:
        for given in (_SECRET, _SECRET.encode(), frame, {0: _SECRET}, {_SECRET}, 7, None):
            _message(call, given)
        _message(call, iter([_SECRET]))
    for call in calls[:2]:
        _message(call, [])


def check_text_empty_notes(transformer):
    """Check that empty notes, and no notes at all, are transformed."""
    step = clone(transformer).fit(_NOTES)
    assert len(_rows(step.transform(["", ""]))) == 2
    assert len(_rows(step.transform([]))) == 0
    assert step.spans([]) == []
    for spans in step.spans(["", ""]):
        assert spans.shape[1] == 2


def check_text_order_invariance(transformer):
    """Check that the order of the notes matters neither in fit nor in transform."""
    order = np.random.RandomState(0).permutation(len(_NOTES))
    shuffled = [_NOTES[i] for i in order]
    step = clone(transformer).fit(_NOTES)
    expected = step.transform(shuffled)
    rows = _rows(step.transform(_NOTES))
    assert [rows[i] for i in order] == _rows(expected)
    _assert_equal(clone(transformer).fit(shuffled).transform(shuffled), expected)


def check_text_subset_invariance(transformer):
    """Check that a note is transformed alike whatever other notes are with it."""
    step = clone(transformer).fit(_NOTES)
    one_by_one = [_rows(step.transform([note]))[0] for note in _NOTES]
    assert one_by_one == _rows(step.transform(_NOTES))


def check_text_not_fitted(transformer):
    """Check that a step that learns says when it has not yet."""
    if not get_tags(transformer).requires_fit:
        _assert_equal(
            clone(transformer).transform(_NOTES), clone(transformer).fit_transform(_NOTES)
        )
        return
    step = clone(transformer)
    calls = [step.transform, step.spans]
    if hasattr(step, "get_feature_names_out"):
        calls.append(lambda notes: step.get_feature_names_out())
    for call in calls:
        try:
            call(_NOTES)
        except NotFittedError:
            continue
        raise AssertionError(f"{call} must raise NotFittedError before fit")


def check_text_set_output(transformer):
    """Check that the default output is accepted, others are refused and globals do no harm."""
    import sklearn

    step = clone(transformer)
    assert step.set_output(transform="default") is step
    assert step.set_output(transform=None) is step
    message = _message(lambda container: step.set_output(transform=container), "pandas")
    assert "pandas" in message
    expected = step.fit_transform(_NOTES)
    with sklearn.config_context(transform_output="pandas"):
        _assert_equal(step.transform(_NOTES), expected)
        _assert_equal(clone(step).fit_transform(_NOTES), expected)


def check_text_feature_names(transformer):
    """Check that text-to-text steps name their one output, so that pipelines can name theirs."""
    step = clone(transformer).fit(_NOTES)
    if not _gives_text(step):
        return
    names = step.get_feature_names_out()
    assert names.dtype == object
    assert names.shape == (1,)
    assert list(step.get_feature_names_out(["summary"])) == ["summary"]


def check_text_hides_notes(transformer):
    """Check that no note shows in the representations of a fitted step."""
    step = clone(transformer).fit([*_NOTES, *[f"{_SECRET} has {_SECRET}"] * 5])
    assert _SECRET.lower() not in repr(step).lower()
    assert _SECRET.lower() not in step._repr_html_().lower()


def check_text_tags(transformer):
    """Check that scikit-learn is told that the input is text."""
    tags = get_tags(transformer)
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    assert tags.transformer_tags is not None


def check_text_spans(transformer):
    """Check that spans lie in their note, in order, one for each thing in the output.

    In text-to-text steps each character that is no white space must be found in its span, whatever
    its case.
    """
    step = clone(transformer).fit(_NOTES)
    outputs = _rows(step.transform(_NOTES))
    for note, output, spans in zip(_NOTES, outputs, step.spans(_NOTES), strict=True):
        assert np.issubdtype(spans.dtype, np.integer)
        assert spans.shape == (len(output), 2)
        assert np.all(spans[:, 0] <= spans[:, 1])
        assert np.all((spans >= 0) & (spans <= len(note)))
        if isinstance(output, str):
            for letter, (start, end) in zip(output, spans, strict=True):
                if not letter.isspace():
                    assert letter.casefold() in note[start:end].casefold()


TEXT_CHECKS = [
    check_text_bad_input,
    check_text_clone,
    check_text_empty_notes,
    check_text_feature_names,
    check_text_fit_transform,
    check_text_hides_notes,
    check_text_idempotent_fit,
    check_text_input_types,
    check_text_not_fitted,
    check_text_order_invariance,
    check_text_pickle,
    check_text_series_input,
    check_text_set_output,
    check_text_spans,
    check_text_subset_invariance,
    check_text_tags,
]


def _learned(step):
    return [name for name in vars(step) if name.endswith("_") and not name.startswith("_")]


def _gives_text(step):
    return isinstance(step.transform([""]), list)


def _rows(output):
    """Return one comparable value per note, without the padding."""
    if issparse(output):
        bounds = zip(output.indptr[:-1], output.indptr[1:], strict=True)
        return [output.data[start:end].tolist() for start, end in bounds]
    if getattr(output, "ndim", 1) == 3:  # segments
        return [note[note != 0].tolist() for note in output]
    return [row.tolist() if isinstance(row, np.ndarray) else row for row in output]


def _assert_equal(one, other):
    assert type(one) is type(other)
    assert _rows(one) == _rows(other)
    if hasattr(one, "dtype"):
        assert one.dtype == other.dtype
        assert one.shape == other.shape


def _containers(notes):
    return [tuple(notes), np.array(notes, dtype=object), np.array(notes)]


def _series(notes):
    found = []
    try:
        import pandas as pd

        found += [
            pd.Series(notes, index=range(7, 7 + len(notes))),
            pd.Series(notes, dtype=object),
            pd.Series(notes, dtype="string"),
            pd.Series(notes, dtype="category"),
        ]
    except ImportError:
        pass
    try:
        import polars as pl

        found.append(pl.Series(notes))
    except ImportError:
        pass
    if not found:
        raise SkipTest("neither pandas nor polars is installed")
    return found


def _message(call, given):
    """Return the message of the error that a call must raise, which must not hold any note."""
    try:
        call(given)
    except (TypeError, ValueError) as error:
        message = str(error)
    else:
        raise AssertionError(f"{call} must refuse {type(given).__name__}")
    assert _SECRET.lower() not in message.lower(), "a message printed the text of a note"
    return message
