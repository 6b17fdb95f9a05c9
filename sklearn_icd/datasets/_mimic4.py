"""MIMIC-IV: discharge summaries of a hospital with ICD-9 or ICD-10 codes, by published splits."""

import os

from sklearn.utils._param_validation import StrOptions, validate_params

from sklearn_icd.datasets._mimic_bunch import mimic_bunch
from sklearn_icd.datasets._mimic_codes import read_codes, read_titles
from sklearn_icd.datasets._mimic_notes import read_summaries
from sklearn_icd.datasets._mimic_splits import published_splits
from sklearn_icd.datasets._mimic_tables import check_extra, existing_folder, find_table, scan_table

WHERE_FROM = {
    "hosp": "It belongs to MIMIC-IV 2.2 (https://physionet.org/content/mimiciv/2.2/)",
    "note": "It belongs to MIMIC-IV-Note 2.2 (https://physionet.org/content/mimic-iv-note/2.2/)",
}
TWO_RELEASES = (
    "PhysioNet gives both to credentialed users, as two downloads: root is a folder with the "
    "folders 'hosp' of the one and 'note' of the other, or the folder above both releases."
)
# From the benchmark to the version of its rows and the systems of diagnoses and procedures.
VERSIONS = {"icd9": ("9", "icd9cm", "icd9proc"), "icd10": ("10", "icd10cm", "icd10pcs")}
MIN_COUNT = 10
SIZES = {
    "icd9": "154,542 admissions to train, 21,980 to validate and 32,804",
    "icd10": "89,099 admissions to train, 13,378 to validate and 19,802",
}
DESCR = """\
MIMIC-IV 2.2 with MIMIC-IV-Note 2.2, benchmark "{benchmark}"
=======================================================

Discharge summaries of the Beth Israel Deaconess Medical Center in Boston, 2008 to 2019,
de-identified, with the diagnoses and procedures of the bill: ICD-9-CM, or ICD-10-CM and
ICD-10-PCS.

The splits of Edin et al.: {sizes} to
test, by patient and with codes spread alike, with the codes that at least ten of these admissions
have. MIMIC-IV-ICD (Nguyen et al., 2023) is another benchmark of the same notes, with other splits
and codes: figures of the two do not compare.

Codes are text throughout, with the dots of their systems, without duplicates.

Terms: PhysioNet Credentialed Health Data License. Notes are patient data.

Johnson, A. E. W., Bulgarelli, L., Shen, L. et al. (2023). MIMIC-IV, a freely accessible electronic
health record dataset. Scientific Data 10, 1.
Edin, J., Junge, A., Havtorn, J. D., Borgholt, L., Maistro, M., Ruotsalo, T. and Maaløe, L. (2023).
Automated medical coding on MIMIC-III and MIMIC-IV: a critical review and replicability study.
SIGIR, 2572-2582.
"""


@validate_params(
    {
        "root": [str, os.PathLike],
        "benchmark": [StrOptions(set(VERSIONS))],
        "data_home": [str, os.PathLike, None],
        "return_X_y": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def load_mimic4(root, *, benchmark="icd9", data_home=None, return_X_y=False):
    """Load a published benchmark of MIMIC-IV from the files of PhysioNet.

    Parameters
    ----------
    root : str or path-like
        A folder with the folder `hosp` of MIMIC-IV 2.2 and the folder `note` of MIMIC-IV-Note 2.2,
        which are two downloads, or the folder above both releases, such as
        ``physionet.org/files``. Of the files as PhysioNet hands them out, ``.csv`` or
        ``.csv.gz``, these are read: ``note/discharge``, ``hosp/diagnoses_icd`` and
        ``hosp/procedures_icd``, and, for titles, ``hosp/d_icd_diagnoses`` and
        ``hosp/d_icd_procedures`` where they are there.

    benchmark : {"icd9", "icd10"}, default="icd9"
        The splits of Edin et al. of admissions with ICD-9 codes or with ICD-10 codes, with the
        codes that at least ten of their admissions have.

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
            The codes of diagnoses and procedures, sorted: ICD-9-CM, or ICD-10-CM and ICD-10-PCS.
        ids : ndarray of shape (n_notes,)
            The admissions (hadm_id).
        subject_ids : ndarray of shape (n_notes,)
            Their patients (subject_id).
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
        If a folder or a table is missing; the message says to which download it belongs.
    OSError
        If a table is cut off or damaged.
    ValueError
        If a table is not as PhysioNet hands it out: a column is missing, or codes were read as
        numbers. Also if `root` is that of MIMIC-III or has more than one version of MIMIC-IV, or
        no admission of the benchmark is found. No message has text of a note.

    Warns
    -----
    UserWarning
        If admissions of the benchmark are not in the tables, or codes have not the form of
        their system; both are counted.

    See Also
    --------
    load_mimic3 : Load a benchmark of MIMIC-III.

    Notes
    -----
    :ref:`mimic` says how the benchmarks are made, and what differs from the published code.

    References
    ----------
    .. [1] Edin, J., Junge, A., Havtorn, J. D., Borgholt, L., Maistro, M., Ruotsalo, T. and
       Maaløe, L. (2023). Automated medical coding on MIMIC-III and MIMIC-IV: a critical review
       and replicability study. SIGIR, 2572-2582.

    Examples
    --------
    >>> from sklearn_icd.datasets import load_mimic4
    >>> mimic = load_mimic4("physionet.org/files", benchmark="icd10")  # doctest: +SKIP
    >>> len(mimic.splits.train), len(mimic.splits.val), len(mimic.splits.test)  # doctest: +SKIP
    (89099, 13378, 19802)
    """
    check_extra()
    root = _root(root)
    hosp, note = _module(root, "hosp"), _module(root, "note")
    discharge = _table(note, "discharge")
    diagnoses, procedures = _table(hosp, "diagnoses_icd"), _table(hosp, "procedures_icd")
    notes = _discharge_notes(discharge)
    splits = published_splits(benchmark, data_home)
    version, diagnosis, procedure = VERSIONS[benchmark]
    tables = [
        read_codes(diagnoses, "icd_code", diagnosis, version),
        read_codes(procedures, "icd_code", procedure, version),
    ]
    titles = read_titles(hosp, "d_icd_diagnoses", "icd_code", diagnosis, version)
    titles |= read_titles(hosp, "d_icd_procedures", "icd_code", procedure, version)
    bunch = mimic_bunch(
        splits,
        read_summaries(discharge, notes, splits),
        tables,
        titles,
        system=benchmark,
        descr=DESCR.format(benchmark=benchmark, sizes=SIZES[benchmark]),
        min_count=MIN_COUNT,
    )
    return (bunch.data, bunch.target) if return_X_y else bunch


def _root(root):
    """Return the folder of MIMIC-IV, or say what else it is."""
    folder = existing_folder(root)
    if any(folder.glob("NOTEEVENTS.csv*")) or any(folder.glob("DIAGNOSES_ICD.csv*")):
        raise ValueError(f"{folder} looks like MIMIC-III: use load_mimic3. {TWO_RELEASES}")
    return folder


def _module(root, name):
    """Return the folder of a module: in the root, or in the only release below it."""
    if (root / name).is_dir():
        return root / name
    found = [
        path for depth in ("*", "*/*") for path in root.glob(f"{depth}/{name}") if path.is_dir()
    ]
    if not found:
        raise FileNotFoundError(
            f"The folder {name!r} is missing in {root}. {WHERE_FROM[name]}. {TWO_RELEASES}"
        )
    if len(found) > 1:
        raise ValueError(
            f"{root} has more than one folder {name!r}: {', '.join(map(str, sorted(found)))}. Put "
            "only the folders of one version under root."
        )
    return found[0]


def _table(folder, name):
    return find_table(folder, name, f"{WHERE_FROM[folder.name]}. {TWO_RELEASES}")


def _discharge_notes(path):
    """Return the discharge summaries with what sorts them: summaries before addenda."""
    import polars as pl

    columns = ["hadm_id", "subject_id", "note_type", "charttime", "note_seq", "text"]
    return scan_table(path, columns).select(
        "hadm_id",
        "subject_id",
        "text",
        pl.struct(
            pl.col("note_type").ne_missing("DS"),
            pl.col("charttime").fill_null(""),
            pl.col("note_seq").cast(pl.Int64),
        ).alias("place"),
    )
