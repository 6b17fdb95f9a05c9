"""Every system as its paper ran it, text steps included."""

import copy
from importlib import import_module

from sklearn import get_config
from sklearn.pipeline import Pipeline

from sklearn_icd.text import NoteCleaner, TfidfTruncator, WordTokenizer

__all__ = ["make_icd_pipeline", "with_codes"]


def _ld_plam():
    """Text steps and classifier of LD-PLAM (its section 5.3)."""
    models = import_module("sklearn_icd.models")
    return [
        ("clean", NoteCleaner()),
        ("truncate", TfidfTruncator(max_words=2500)),
        ("tokenize", WordTokenizer(min_notes=3)),
        ("clf", models.LDPLAMClassifier()),
    ]


_SYSTEMS = {"ld-plam": _ld_plam}

# Settings for a thousand notes and two cores, with what the papers have beside them.
_SMALL = {
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
    }
}


def make_icd_pipeline(name, *, size="paper", **parameters):
    """Make the whole pipeline of a published system, from raw notes to codes.

    Parameters
    ----------
    name : {"ld-plam"}
        The system.

    size : {"paper", "small"}, default="paper"
        "paper": the paper's settings. "small": settings that train in about a minute on a
        thousand notes and two cores.

    **parameters : dict
        Parameters of the classifier, such as ``random_state=0``; those of a step are named
        ``step__parameter``, such as ``truncate__max_words=1000``.

    Returns
    -------
    pipeline : Pipeline
        Steps `clean`, `truncate`, `tokenize` and `clf`. Where metadata routing is on, `X_val`
        and `y_val` passed to its `fit` reach the classifier, `X_val` transformed.

    Raises
    ------
    ValueError
        If the name, the size or a parameter is not known.

    Examples
    --------
    >>> from sklearn_icd.pipelines import make_icd_pipeline
    >>> pipeline = make_icd_pipeline("ld-plam", size="small", truncate__max_words=500)
    >>> list(pipeline.named_steps)
    ['clean', 'truncate', 'tokenize', 'clf']
    """
    if name not in _SYSTEMS:
        raise ValueError(f"name={name!r} is not a known system; there is {sorted(_SYSTEMS)}.")
    if size not in ("paper", "small"):
        raise ValueError(f"size must be 'paper' or 'small', got {size!r}.")
    steps = _SYSTEMS[name]()
    routed = get_config()["enable_metadata_routing"]
    if routed:
        steps[-1][1].set_fit_request(X_val=True, y_val=True)
    pipeline = Pipeline(steps, transform_input=["X_val"] if routed else None)
    settings = {**(_SMALL[name] if size == "small" else {}), **parameters}
    return pipeline.set_params(
        **{key if "__" in key else f"clf__{key}": value for key, value in settings.items()}
    )


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
