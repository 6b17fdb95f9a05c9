"""A small pipeline, trained on made notes, that all tests of explanations share."""

import pytest

from sklearn_icd import make_icd_pipeline
from sklearn_icd.datasets import make_notes


@pytest.fixture(scope="session")
def made():
    return make_notes(
        n_notes=60, n_codes=5, mean_words=60, sd_words=20, codes_per_note=2, random_state=0
    )


@pytest.fixture(scope="session")
def pipeline(made):
    pipeline = make_icd_pipeline(
        "ld-plam",
        size="small",
        classes=made.target_names,
        max_epochs=3,
        truncate__max_words=40,
        random_state=0,
    )
    return pipeline.fit(made.data, made.target)


@pytest.fixture(scope="session")
def segment_pipeline(made, tiny_bert):
    """Segments overlap, so that words are read twice, and cut words in the middle."""
    pipeline = make_icd_pipeline(
        "hilat",
        size="small",
        pretrained=tiny_bert,
        classes=made.target_names,
        tokenize__segment_length=16,
        tokenize__stride=5,
        max_epochs=2,
        head_lr=0.02,
        random_state=0,
    )
    return pipeline.fit(made.data, made.target)
