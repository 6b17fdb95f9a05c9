"""MIMIC-III: discharge summaries of intensive care with ICD-9-CM codes, by published benchmarks."""

import os

from sklearn.utils._param_validation import StrOptions, validate_params

from sklearn_icd.datasets._mimic_bunch import mimic_bunch
from sklearn_icd.datasets._mimic_codes import read_codes, read_titles
from sklearn_icd.datasets._mimic_notes import read_summaries
from sklearn_icd.datasets._mimic_splits import published_splits
from sklearn_icd.datasets._mimic_tables import check_extra, existing_folder, find_table, scan_table

WHERE_FROM = (
    "It belongs to MIMIC-III 1.4 (https://physionet.org/content/mimiciii/1.4/), which PhysioNet "
    "gives to credentialed users; root is the folder with its files. The public demo has no notes."
)
# As the notebook notebooks/dataproc_mimic_III.ipynb of CAML's repository prints them.
# fmt: off
CAML_50 = [
    "038.9", "244.9", "250.00", "272.0", "272.4", "276.1", "276.2", "285.1", "285.9", "287.5",
    "305.1", "311", "33.24", "36.15", "37.22", "37.23", "38.91", "38.93", "39.61", "39.95",
    "401.9", "403.90", "410.71", "412", "414.01", "424.0", "427.31", "428.0", "45.13", "486",
    "496", "507.0", "511.9", "518.81", "530.81", "584.9", "585.9", "599.0", "88.56", "88.72",
    "96.04", "96.6", "96.71", "96.72", "99.04", "99.15", "995.92", "V15.82", "V45.81", "V58.61",
]
# fmt: on
MIN_COUNTS = {"full": 1, "clean": 10}
DESCR = """\
MIMIC-III 1.4, benchmark "{benchmark}"
======================================

Discharge summaries, with their addenda, of admissions to intensive care at the Beth Israel
Deaconess Medical Center in Boston, 2001 to 2012, de-identified, with the ICD-9-CM diagnoses and
procedures of the bill.

{text}

The report of an admission comes first, then its addenda, by CHARTDATE, CHARTTIME and ROW_ID,
joined by a blank. Codes are text throughout, with the dots of ICD-9-CM, without duplicates.

Terms: PhysioNet Credentialed Health Data License. Notes are patient data.

Johnson, A. E. W., Pollard, T. J., Shen, L., Lehman, L. H., Feng, M., Ghassemi, M., Moody, B.,
Szolovits, P., Celi, L. A. and Mark, R. G. (2016). MIMIC-III, a freely accessible critical care
database. Scientific Data 3, 160035.
{reference}
"""
CAML_REFERENCE = """\
Mullenbach, J., Wiegreffe, S., Duke, J., Sun, J. and Eisenstein, J. (2018). Explainable prediction
of medical codes from clinical text. NAACL-HLT, 1101-1111."""
BENCHMARKS = {
    "full": (
        "The splits of CAML: 47,723 admissions to train, 1,631 to validate and 3,372 to test, by\n"
        "patient, with all their codes.",
        CAML_REFERENCE,
    ),
    "50": (
        "The splits of CAML: 8,066 admissions to train, 1,573 to validate and 1,729 to test, with\n"
        "the 50 codes that CAML found most often.",
        CAML_REFERENCE,
    ),
    "clean": (
        "The splits of Edin et al.: 38,401 admissions to train, 5,577 to validate and 8,734 to\n"
        "test, by patient and with codes spread alike, with the codes that at least ten of these\n"
        "admissions have.",
        """\
Edin, J., Junge, A., Havtorn, J. D., Borgholt, L., Maistro, M., Ruotsalo, T. and Maaløe, L. (2023).
Automated medical coding on MIMIC-III and MIMIC-IV: a critical review and replicability study.
SIGIR, 2572-2582.""",
    ),
}


@validate_params(
    {
        "root": [str, os.PathLike],
        "benchmark": [StrOptions(set(BENCHMARKS))],
        "data_home": [str, os.PathLike, None],
        "return_X_y": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def load_mimic3(root, *, benchmark="full", data_home=None, return_X_y=False):
    """Load a published benchmark of MIMIC-III from the files of PhysioNet.

    Parameters
    ----------
    root : str or path-like
        The folder of MIMIC-III 1.4 with the files as PhysioNet hands them out, ``.csv`` or
        ``.csv.gz``: NOTEEVENTS, DIAGNOSES_ICD and PROCEDURES_ICD, and, for titles,
        D_ICD_DIAGNOSES and D_ICD_PROCEDURES where they are there.

    benchmark : {"full", "50", "clean"}, default="full"
        The splits of CAML with all codes or with its 50 most frequent ones, or the splits of
        Edin et al. with the codes that at least ten of their admissions have.

    data_home : str or path-like, default=None
        The data home, as of :func:`data_home`. Its folder `mimic_splits` holds the published
        admission ids of the splits; they are downloaded into it once.

    return_X_y : bool, default=False
        Whether to return `(data, target)` instead of a Bunch.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the following attributes.

        data : list of str
            The discharge summaries, one text an admission, in the order of the published ids:
            train, val, test.
        target : csr_array of shape (n_notes, n_codes), dtype int64
            1 where the bill of the admission has the code.
        target_names : ndarray of shape (n_codes,)
            The ICD-9-CM codes of diagnoses and procedures, sorted.
        ids : ndarray of shape (n_notes,)
            The admissions (HADM_ID).
        subject_ids : ndarray of shape (n_notes,)
            Their patients (SUBJECT_ID).
        splits : :class:`~sklearn.utils.Bunch`
            The rows of ``train``, ``val`` and ``test``, int64 arrays.
        titles : dict of str to str
            From each code with a known title to the title: that of the release, or else that of
            :class:`~sklearn_icd.codes.CodeSystem`.
        spans : None
            MIMIC has no evidence spans.
        DESCR : str
            The benchmark, its source and its terms.

    Raises
    ------
    FileNotFoundError
        If a table is missing.
    OSError
        If a table is cut off or damaged.
    ValueError
        If a table is not as PhysioNet hands it out: a column is missing, or codes were read as
        numbers. Also if `root` is that of MIMIC-IV, or no admission of the benchmark is found.
        No message has text of a note.

    Warns
    -----
    UserWarning
        If admissions of the benchmark are not in the tables, or codes have not the form of
        their system; both are counted.

    See Also
    --------
    load_mimic4 : Load a benchmark of MIMIC-IV.

    Notes
    -----
    :ref:`mimic` says how the benchmarks are made, and what differs from the published code.

    References
    ----------
    .. [1] Mullenbach, J., Wiegreffe, S., Duke, J., Sun, J. and Eisenstein, J. (2018). Explainable
       prediction of medical codes from clinical text. NAACL-HLT, 1101-1111.
    .. [2] Edin, J., Junge, A., Havtorn, J. D., Borgholt, L., Maistro, M., Ruotsalo, T. and
       Maaløe, L. (2023). Automated medical coding on MIMIC-III and MIMIC-IV: a critical review
       and replicability study. SIGIR, 2572-2582.

    Examples
    --------
    >>> from sklearn_icd.datasets import load_mimic3
    >>> mimic = load_mimic3("physionet.org/files/mimiciii/1.4")  # doctest: +SKIP
    >>> len(mimic.splits.train), len(mimic.splits.val), len(mimic.splits.test)  # doctest: +SKIP
    (47723, 1631, 3372)
    """
    check_extra()
    folder = _folder(root)
    events, diagnoses, procedures = (
        find_table(folder, name, WHERE_FROM)
        for name in ("NOTEEVENTS", "DIAGNOSES_ICD", "PROCEDURES_ICD")
    )
    notes = _discharge_notes(events)
    splits = published_splits(benchmark, data_home)
    tables = [
        read_codes(diagnoses, "icd9_code", "icd9cm"),
        read_codes(procedures, "icd9_code", "icd9proc"),
    ]
    titles = read_titles(folder, "D_ICD_DIAGNOSES", "icd9_code", "icd9cm")
    titles |= read_titles(folder, "D_ICD_PROCEDURES", "icd9_code", "icd9proc")
    text, reference = BENCHMARKS[benchmark]
    bunch = mimic_bunch(
        splits,
        read_summaries(events, notes, splits),
        tables,
        titles,
        system="icd9",
        descr=DESCR.format(benchmark=benchmark, text=text, reference=reference),
        min_count=MIN_COUNTS.get(benchmark, 1),
        names=CAML_50 if benchmark == "50" else None,
    )
    return (bunch.data, bunch.target) if return_X_y else bunch


def _folder(root):
    """Return the folder of MIMIC-III, or say what else it is."""
    folder = existing_folder(root)
    if (folder / "hosp").is_dir() or (folder / "note").is_dir():
        raise ValueError(f"{folder} looks like MIMIC-IV: use load_mimic4. {WHERE_FROM}")
    return folder


def _discharge_notes(path):
    """Return the notes of discharge summaries with what sorts them: reports before addenda."""
    import polars as pl

    columns = ["hadm_id", "subject_id", "category", "description", "chartdate", "charttime"]
    notes = scan_table(path, [*columns, "row_id", "text"])
    return notes.filter(pl.col("category") == "Discharge summary").select(
        "hadm_id",
        "subject_id",
        "text",
        pl.struct(
            pl.col("description").ne_missing("Report"),
            pl.col("chartdate", "charttime").fill_null(""),
            pl.col("row_id").cast(pl.Int64),
        ).alias("place"),
    )
