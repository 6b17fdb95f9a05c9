"""Settings of the cleaner that recreate the text of publications."""

from sklearn_icd.text._cleaner import NoteCleaner

_RECIPES = {
    "caml": {"token_pattern": r"\w+", "require_letter": False, "remove_numbers": True},
    # Words of digits only stay at the very start and the very end of a note: the published rule
    # finds a number by the blanks on both its sides.
    "edin": {
        "token_pattern": r"(?<![0-9])(?:[0-9]*[A-Za-z][A-Za-z0-9]*|\A[0-9]+|[0-9]+\Z)",
        "require_letter": False,
    },
    "hilat": {"token_pattern": r"\w+", "delete_pattern": r"--|__|==|\[.*?\]"},
}


def make_note_cleaner(recipe):
    r"""Make the cleaner that recreates the text of a publication.

    Figures are comparable only if the text was prepared alike. These recipes follow the published
    code, its quirks included, where that and the paper differ.

    Parameters
    ----------
    recipe : {"caml", "edin", "hilat"}
        Whose text:

        - "caml": runs of word characters (``\w+``), in lower case, without those that are numbers
          [1]_. De-identification brackets lose their marks and keep their words, and underscores
          are word characters. Also what MultiResCNN, Fusion and PLM-ICD trained on.
        - "edin": runs of ASCII letters and digits, in lower case, without those that are digits
          only, unless such a run is the very first or the very last thing in the note [2]_. Any
          other character separates, so that an accented letter cuts its word in two. The text of
          the benchmarks MIMIC-III clean and MIMIC-IV ICD-9 and ICD-10.
        - "hilat": runs of word characters with a letter, in lower case, after ``--``, ``__``,
          ``==`` and all that stands between square brackets on one line were taken out, which
          joins what stood around them [3]_. A bracket that goes on over a line break keeps its
          words. The choice and order of sections is not part of it: see `SectionReorderer`.

    Returns
    -------
    cleaner : NoteCleaner
        A cleaner with the parameters of the recipe.

    Raises
    ------
    ValueError
        If the recipe is not known.

    See Also
    --------
    NoteCleaner : Has these settings as parameters.

    Notes
    -----
    "edin" and "hilat" were published with the lower case before all else, and the cleaner takes it
    last. This changes nothing but for three capitals that English notes do not have: ``İ``, the
    Kelvin sign, and ``Σ`` before a mark inside a word.

    References
    ----------
    .. [1] J. Mullenbach, S. Wiegreffe, J. Duke, J. Sun and J. Eisenstein, "Explainable prediction
       of medical codes from clinical text", NAACL-HLT, 2018; ``get_discharge_summaries.py`` of
       https://github.com/jamesmullenbach/caml-mimic.
    .. [2] J. Edin et al., "Automated medical coding on MIMIC-III and MIMIC-IV: A critical review
       and replicability study", SIGIR, 2023; ``prepare_data/utils.py`` of
       https://github.com/JoakimEdin/medical-coding-reproducibility.
    .. [3] L. Liu, O. Perez-Concha, A. Nguyen, V. Bennett and L. Jorm, "Hierarchical label-wise
       attention transformer model for explainable ICD coding", Journal of Biomedical Informatics,
       2022; ``mimic3_data_preparer.py`` and ``text_segmenter.py`` of
       https://github.com/leiboliu/HiLAT.

    Examples
    --------
    >>> from sklearn_icd.text import make_note_cleaner
    >>> note = "Dr. [**Name 5**] saw him on day 3: BP 120/80, T97.4, pain--severe."
    >>> for recipe in ["caml", "edin", "hilat"]:
    ...     print(*make_note_cleaner(recipe).transform([note]))
    dr name saw him on day bp t97 pain severe
    dr name saw him on day bp t97 pain severe
    dr saw him on day bp t97 painsevere
    """
    if recipe not in _RECIPES:
        raise ValueError(f"recipe={recipe!r} is not known; there is {sorted(_RECIPES)}.")
    return NoteCleaner(remove_deidentification=False, remove_rules=False, **_RECIPES[recipe])
