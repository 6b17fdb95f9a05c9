"""Every system as its paper ran it, text steps included."""

import copy

from sklearn import clone, get_config
from sklearn.pipeline import Pipeline

from sklearn_icd._predict_frame import predict_frame
from sklearn_icd._predict_topk import predict_topk
from sklearn_icd.codes import TransformerEncoder
from sklearn_icd.models._registry import find_systems, load_system

__all__ = ["load_published", "make_icd_pipeline", "predict_frame", "predict_topk", "with_codes"]


def make_icd_pipeline(name, *, size="paper", pretrained=None, **parameters):
    """Make the whole pipeline of a published system, from raw notes to codes.

    Parameters
    ----------
    name : str
        The system, such as "caml", "ld-plam" or "plm-icd";
        :func:`~sklearn_icd.utils.all_systems` lists them.

    size : {"paper", "small"}, default="paper"
        "paper": the paper's settings. "small": settings that train in about a minute on a
        thousand short notes and two cores; with a transformer, in as long as that needs to read
        the first 512 tokens of each note five times. The transformer then also reads the titles
        of the codes (`label_encoder`), which its papers leave out.

    pretrained : str or path-like, default=None
        The transformer of systems that read with one, such as "hilat" and "plm-icd", which must be
        given, and its tokenizer: a folder, read without network, or a name on the Hugging Face
        hub. Loaded by `fit`.

    **parameters : dict
        Parameters of the classifier, such as ``random_state=0``; those of a step are named
        ``step__parameter``, such as ``truncate__max_words=1000``.

    Returns
    -------
    pipeline : Pipeline
        Its last steps are `tokenize` and `clf`; before these come `clean` and `truncate` for
        "kaicd" and "ld-plam", `reorder` and `clean` for "hilat", and `clean` for all others. Where
        metadata routing is on, `X_val` and `y_val` passed to its `fit` reach the classifier,
        `X_val` transformed.

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
    if name not in find_systems():
        raise ValueError(f"name={name!r} is not a known system; there is {[*find_systems()]}.")
    if size not in ("paper", "small"):
        raise ValueError(f"size must be 'paper' or 'small', got {size!r}.")
    classifier, system = load_system(name)
    _check_pretrained(name, system, pretrained)
    text = [(step, clone(transformer)) for step, transformer in system.text.items()]
    if system.has_transformer:
        text[-1][1].set_params(pretrained=pretrained)
        last = classifier(pretrained=pretrained)
    else:
        last = classifier()
    routed = get_config()["enable_metadata_routing"]
    if routed:
        last.set_fit_request(X_val=True, y_val=True)
    pipeline = Pipeline([*text, ("clf", last)], transform_input=["X_val"] if routed else None)
    settings = {**(_small(system, pretrained) if size == "small" else {}), **parameters}
    return pipeline.set_params(
        **{key if "__" in key else f"clf__{key}": value for key, value in settings.items()}
    )


def load_published(name, path, *, vocabulary, classes, **parameters):
    """Make a fitted pipeline of weights that a system's authors published, or their code saved.

    Parameters
    ----------
    name : {"caml", "laat"}
        The system. "caml" reads the weights of DR-CAML as well: titles have no part in the logits.

    path : str or path-like
        A file of ``torch.save`` with the state dictionary, or a checkpoint with it under
        ``"state_dict"``; or, if it ends in ``.safetensors``, of safetensors. Reading it runs no
        code.

    vocabulary : sequence of str, or mapping of str to int
        The words, without padding and the unknown word, in the order of their vectors: sorted, in
        the authors' code of both systems. Or the row of each word.

    classes : array-like of shape (n_codes,)
        The codes in the order of the weights: sorted, in the authors' code of both systems.

    **parameters : dict
        As for `make_icd_pipeline`, such as ``threshold=0.3``. The sizes are those of the weights.

    Returns
    -------
    pipeline : Pipeline
        Fitted, from raw notes to codes, with the paper's text steps. A `partial_fit` of its
        classifier trains on.

    Raises
    ------
    ValueError
        If the weights are not those of the system, or do not fit words or codes.

    See Also
    --------
    make_icd_pipeline : The same, to be fitted.

    Notes
    -----
    The model of CAML for the full MIMIC-III that its authors published counts words from row 0:
    pass ``{word: row for row, word in enumerate(sorted(words))}``.

    Examples
    --------
    >>> from sklearn_icd.pipelines import load_published
    >>> words = sorted(open("vocab.csv").read().split())  # doctest: +SKIP
    >>> pipeline = load_published(
    ...     "caml", "model.pth", vocabulary=words, classes=sorted(codes)
    ... )  # doctest: +SKIP
    >>> pipeline.predict(notes)  # doctest: +SKIP
    """
    from sklearn_icd.models._published import PUBLISHED, fit_to_weights  # takes seconds

    if name not in PUBLISHED:
        raise ValueError(f"name={name!r}: weights can be loaded for {sorted(PUBLISHED)}.")
    published = PUBLISHED[name]
    state = published.read(path)
    words = published.arrange(state, vocabulary)
    pipeline = make_icd_pipeline(name, **{"word_vectors": None, **parameters})
    pipeline["clf"].set_params(**published.sizes(state))
    tokenizer = pipeline["tokenize"]
    tokenizer.vocabulary_ = {word: number for number, word in enumerate(words, 2)}
    tokenizer.n_tokens_ = len(words) + 2
    fit_to_weights(pipeline["clf"], state, classes)
    return pipeline


def _small(system, pretrained):
    """Give the settings of a system for few notes."""
    if pretrained is None:
        return system.small
    # With few notes per code, the titles are what most is learned from.
    return {"label_encoder": TransformerEncoder(pretrained), **system.small}


def _check_pretrained(name, system, pretrained):
    if system.has_transformer:
        if pretrained is None:
            raise ValueError(
                f"{name!r} needs pretrained: the folder of a transformer with its tokenizer, or "
                "its name on the Hugging Face hub."
            )
    elif pretrained is not None:
        with_transformer = [k for k in find_systems() if load_system(k)[1].has_transformer]
        raise ValueError(
            f"pretrained={pretrained!r} is for {with_transformer}, and {name!r} has no "
            "transformer: leave it out."
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
