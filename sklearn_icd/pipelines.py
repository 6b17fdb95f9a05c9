"""Every system as its paper ran it, text steps included."""

import copy
from importlib import import_module

from sklearn import get_config
from sklearn.pipeline import Pipeline

from sklearn_icd._predict_frame import predict_frame
from sklearn_icd.codes import TransformerEncoder
from sklearn_icd.text import (
    NoteCleaner,
    SectionReorderer,
    SegmentTokenizer,
    TfidfTruncator,
    WordTokenizer,
)

__all__ = ["make_icd_pipeline", "predict_frame", "with_codes"]


def _fusion():
    """Text steps and classifier of Fusion (its section 4.2)."""
    return [
        ("clean", NoteCleaner()),
        ("tokenize", WordTokenizer(min_notes=3, max_length=2500)),
        ("clf", _models().FusionClassifier()),
    ]


def _hilat(pretrained):
    """Text steps and classifier of HiLAT (its sections 3.1 and 3.3)."""
    segments = {"segment_length": 512, "max_length": 5120, "special_tokens": "segment"}
    return [
        ("reorder", SectionReorderer()),
        ("clean", NoteCleaner()),
        ("tokenize", SegmentTokenizer(pretrained, **segments)),
        ("clf", _models().HiLATClassifier(pretrained=pretrained)),
    ]


def _jlan():
    """Text steps and classifier of JLAN (its "Experiment setting")."""
    return [
        ("clean", NoteCleaner()),
        ("tokenize", WordTokenizer(min_notes=2, max_length=2500)),
        ("clf", _models().JLANClassifier()),
    ]


def _ld_plam():
    """Text steps and classifier of LD-PLAM (its section 5.3)."""
    return [
        ("clean", NoteCleaner()),
        ("truncate", TfidfTruncator(max_words=2500)),
        ("tokenize", WordTokenizer(min_notes=3)),
        ("clf", _models().LDPLAMClassifier()),
    ]


def _plm_icd(pretrained):
    """Text steps and classifier of PLM-ICD (its appendix A)."""
    segments = {"segment_length": 128, "max_length": 3072, "special_tokens": "note"}
    return [
        ("clean", NoteCleaner()),
        ("tokenize", SegmentTokenizer(pretrained, **segments)),
        ("clf", _models().PLMICDClassifier(pretrained=pretrained)),
    ]


def _models():
    return import_module("sklearn_icd.models")  # not at the top: it takes seconds


_SYSTEMS = {
    "fusion": _fusion,
    "hilat": _hilat,
    "jlan": _jlan,
    "ld-plam": _ld_plam,
    "plm-icd": _plm_icd,
}
_WITH_TRANSFORMER = ("hilat", "plm-icd")

# Settings for a thousand notes and two cores, with what the papers have beside them.
_SMALL = {
    "fusion": {
        "n_filters": 32,  # 50
        "kernel_sizes": (3, 5, 9),  # and 15, 19, 25
        "embedding_dim": 64,  # 100
        "lr": 0.003,  # 0.0001
        "batch_size": 8,  # 16
        "max_epochs": 30,
        "threshold": "tuned",  # 0.5
    },
    "hilat": {
        "tokenize__segment_length": 128,  # 512
        "tokenize__max_length": 512,  # 5120
        "head_lr": 3e-4,  # as lr, 5e-5
        "warmup_steps": 0.1,  # 500 of 2,500
        "batch_size": 4,  # 16
        "max_epochs": 5,
        "threshold": "tuned",  # 0.5
    },
    "jlan": {
        "embedding_dim": 64,  # 256
        "hidden_size": 64,  # 256
        "attention_size": 64,  # 200
        "lr": 0.003,  # 0.001
        "batch_size": 8,  # not given; 16
        "max_epochs": 30,
        "threshold": "tuned",  # 0.5
    },
    "ld-plam": {
        "n_pseudo_labels": 64,  # 256, for 8,907 codes
        "embedding_dim": 64,  # 128
        "hidden_size": 64,  # 128
        "optimizer": "adam",  # "lamb"
        "lr": 0.003,  # 0.005
        "batch_size": 8,  # 128
        "max_epochs": 30,
        "patience": 10,  # 64
        "threshold": "tuned",  # 0.5
    },
    "plm-icd": {
        "tokenize__max_length": 512,  # 3,072
        "head_lr": 3e-4,  # as lr, 5e-5
        "warmup_steps": 0.1,  # 2,000
        "batch_size": 4,  # 8
        "max_epochs": 5,  # 20
    },
}


def make_icd_pipeline(name, *, size="paper", pretrained=None, **parameters):
    """Make the whole pipeline of a published system, from raw notes to codes.

    Parameters
    ----------
    name : {"fusion", "hilat", "jlan", "ld-plam", "plm-icd"}
        The system.

    size : {"paper", "small"}, default="paper"
        "paper": the paper's settings. "small": settings that train in about a minute on a
        thousand short notes and two cores; with a transformer, in as long as that needs to read
        the first 512 tokens of each note five times. The transformer then also reads the titles
        of the codes (`label_encoder`), which its papers leave out.

    pretrained : str or path-like, default=None
        The transformer of "hilat" and "plm-icd", which must be given, and its tokenizer: a
        folder, read without network, or a name on the Hugging Face hub. Loaded by `fit`.

    **parameters : dict
        Parameters of the classifier, such as ``random_state=0``; those of a step are named
        ``step__parameter``, such as ``truncate__max_words=1000``.

    Returns
    -------
    pipeline : Pipeline
        Its last steps are `tokenize` and `clf`; before these come `clean` for "fusion", "jlan"
        and "plm-icd", `clean` and `truncate` for "ld-plam", `reorder` and `clean` for "hilat".
        Where metadata routing is on, `X_val` and `y_val` passed to its `fit` reach the
        classifier, `X_val` transformed.

    Raises
    ------
    ValueError
        If the name, the size or a parameter is not known, or if `pretrained` is missing or not
        wanted.

    Examples
    --------
    >>> from sklearn_icd.pipelines import make_icd_pipeline
    >>> pipeline = make_icd_pipeline("ld-plam", size="small", truncate__max_words=500)
    >>> list(pipeline.named_steps)
    ['clean', 'truncate', 'tokenize', 'clf']
    >>> pipeline = make_icd_pipeline("plm-icd", pretrained="models/roberta-base")
    >>> pipeline["tokenize"]
    SegmentTokenizer(pretrained='models/roberta-base')
    """
    if name not in _SYSTEMS:
        raise ValueError(f"name={name!r} is not a known system; there is {sorted(_SYSTEMS)}.")
    if size not in ("paper", "small"):
        raise ValueError(f"size must be 'paper' or 'small', got {size!r}.")
    steps = _SYSTEMS[name](*_transformer(name, pretrained))
    routed = get_config()["enable_metadata_routing"]
    if routed:
        steps[-1][1].set_fit_request(X_val=True, y_val=True)
    pipeline = Pipeline(steps, transform_input=["X_val"] if routed else None)
    settings = {**(_small(name, pretrained) if size == "small" else {}), **parameters}
    return pipeline.set_params(
        **{key if "__" in key else f"clf__{key}": value for key, value in settings.items()}
    )


def _small(name, pretrained):
    """Give the settings of a system for few notes."""
    if pretrained is None:
        return _SMALL[name]
    # With few notes per code, the titles are what most is learned from.
    return {"label_encoder": TransformerEncoder(pretrained), **_SMALL[name]}


def _transformer(name, pretrained):
    """Give the arguments that the steps of a system are made with."""
    if name not in _WITH_TRANSFORMER:
        if pretrained is not None:
            raise ValueError(
                f"pretrained={pretrained!r} is for {_WITH_TRANSFORMER}, and {name!r} has no "
                "transformer: leave it out."
            )
        return []
    if pretrained is None:
        raise ValueError(
            f"{name!r} needs pretrained: the folder of a transformer with its tokenizer, or its "
            "name on the Hugging Face hub."
        )
    return [pretrained]


def with_codes(pipeline, titles):
    """Add codes that were not trained on to a fitted pipeline, by their titles.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted, with a classifier that has `with_codes` as its last step.

    titles : mapping of code to title
        The new codes.

    Returns
    -------
    pipeline : Pipeline
        A fitted pipeline that shares its text steps and trained parameters with the given one.
    """
    extended = copy.copy(pipeline)
    *text_steps, (name, classifier) = pipeline.steps
    extended.steps = [*text_steps, (name, classifier.with_codes(titles))]
    return extended
