"""Downloads from a server on this machine: once, whole or not at all, and the same each time."""

import errno
import hashlib
import io
import sys
import zipfile

import pytest

from sklearn_icd.datasets._fetch import download, fetch_archive

CONTENT = b"notes " * 5000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"


@pytest.fixture
def url(server):
    server.files["corpus.zip"] = CONTENT
    return server.url("corpus.zip")


def left_in(folder):
    return sorted(path.name for path in folder.rglob("*"))


def archive(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize("checksum", [SHA256, MD5])
def test_a_download_with_its_checksum(url, server, tmp_path, checksum, capfd):
    path = tmp_path / "new" / "folder" / "corpus.zip"
    assert download(url, path, checksum) == path
    assert path.read_bytes() == CONTENT
    assert left_in(tmp_path / "new" / "folder") == ["corpus.zip"]
    assert "100%" in capfd.readouterr().err
    assert download(url, str(path), checksum) == path
    assert server.requests == ["corpus.zip"]


def test_the_first_download_without_a_checksum_is_recorded_and_said(url, server, tmp_path):
    path, record = tmp_path / "corpus.zip", tmp_path / "corpus.zip.sha256"
    with pytest.warns(UserWarning, match=f"No checksum is known.*{SHA256}.*{record}"):
        download(url, path)
    assert record.read_text().strip() == SHA256
    download(url, path)  # without a warning
    assert server.requests == ["corpus.zip"]

    path.unlink()
    download(url, path)
    assert path.read_bytes() == CONTENT
    assert len(server.requests) == 2


def test_what_changed_since_the_first_download_is_refused(url, server, tmp_path):
    path, record = tmp_path / "corpus.zip", tmp_path / "corpus.zip.sha256"
    with pytest.warns(UserWarning, match="recorded"):
        download(url, path)
    path.unlink()
    server.files["corpus.zip"] = b"something else"
    with pytest.raises(ValueError, match=rf"not the file expected.*{SHA256}.*recorded in {record}"):
        download(url, path)
    assert left_in(tmp_path) == ["corpus.zip.sha256"]
    assert record.read_text().strip() == SHA256


@pytest.mark.parametrize("checksum", ["0" * 64, "md5:" + "0" * 32])
def test_a_wrong_checksum_is_refused(url, tmp_path, checksum):
    path = tmp_path / "corpus.zip"
    with pytest.raises(ValueError, match=f"not the file expected.*{checksum}.*published.*{path}"):
        download(url, path, checksum)
    assert left_in(tmp_path) == []


def test_a_file_that_is_there_is_checked_and_left_alone(url, server, tmp_path):
    path = tmp_path / "corpus.zip"
    path.write_bytes(b"garbled")
    with pytest.raises(ValueError, match=f"{path} is not the file expected.*Delete it"):
        download(url, path, SHA256)
    assert path.read_bytes() == b"garbled"
    assert server.requests == []


def test_a_file_put_by_hand_is_taken(server, tmp_path):
    path = tmp_path / "corpus.zip"
    path.write_bytes(CONTENT)
    assert download(server.url("corpus.zip"), path, SHA256) == path
    assert download(server.url("corpus.zip"), path) == path
    assert server.requests == []


def test_a_download_that_breaks_off_is_tried_again(url, server, tmp_path):
    server.n_broken = 2
    path = download(url, tmp_path / "corpus.zip", SHA256)
    assert path.read_bytes() == CONTENT
    assert len(server.requests) == 3


def test_a_download_that_keeps_breaking_off_leaves_nothing(url, server, tmp_path):
    server.n_broken = 9
    with pytest.raises(ConnectionError, match=rf"get the file by hand from {url} and put it at"):
        download(url, tmp_path / "corpus.zip")
    assert left_in(tmp_path) == []


def test_no_such_file_and_no_such_server(server, tmp_path):
    path = tmp_path / "corpus.zip"
    for url, why in ((server.url("missing"), "404"), ("http://127.0.0.1:9/corpus.zip", "refused")):
        with pytest.raises(ConnectionError, match=f"{why}.*by hand.*put it at {path}"):
            download(url, path)
    assert left_in(tmp_path) == []


def test_a_full_disk(url, tmp_path, monkeypatch):
    def move(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pooch.core.shutil.move", move)
    with pytest.raises(OSError, match=r"could not be written \(No space left.*data_home") as caught:
        download(url, tmp_path / "corpus.zip", SHA256)
    assert caught.value.errno == errno.ENOSPC
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("package", ["pooch", "tqdm"])
def test_a_missing_package_names_the_extra(url, tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"needs {package}: pip install 'sklearn-icd\[data\]'"):
        download(url, tmp_path / "corpus.zip")


def test_an_archive_is_unpacked_and_removed(server, tmp_path):
    members = {
        "published/train/a.txt": b"one",
        "published/train/deep/b.txt": b"two",
        "published/other/c.txt": b"not asked for",
        "dev/test/d.txt": b"four",
        "__MACOSX/train/._a.txt": b"of the one who packed it",
        "README.md": b"not asked for",
    }
    server.files["corpus.zip"] = content = archive(members)
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "own.txt").write_bytes(b"was there")
    sha256 = hashlib.sha256(content).hexdigest()
    fetch_archive(server.url("corpus.zip"), tmp_path, ("train", "dev", "test"), sha256)
    files = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert files == {"train/a.txt", "train/deep/b.txt", "dev/own.txt"}
    assert (tmp_path / "train" / "deep" / "b.txt").read_bytes() == b"two"


@pytest.mark.parametrize("name", ["train/../../evil.txt", "/train/../../../evil.txt", "train/.."])
def test_an_archive_writes_nowhere_else(server, tmp_path, name):
    server.files["corpus.zip"] = content = archive({"train/a.txt": b"one", name: b"evil"})
    home = tmp_path / "home" / "corpus"
    with pytest.raises(ValueError, match="wants to write outside of its folder"):
        fetch_archive(
            server.url("corpus.zip"), home, ["train"], hashlib.sha256(content).hexdigest()
        )
    assert left_in(tmp_path) == ["corpus", "home"]


def test_what_is_no_archive_is_forgotten(server, tmp_path):
    url = server.url("corpus.zip")
    server.files["corpus.zip"] = b"<html>Come back later</html>"
    with (
        pytest.warns(UserWarning, match="recorded"),
        pytest.raises(ValueError, match=r"no whole zip archive.*unpack its folders train into"),
    ):
        fetch_archive(url, tmp_path, ["train"])
    assert left_in(tmp_path) == []
    server.files["corpus.zip"] = archive({"train/a.txt": b"one"})
    with pytest.warns(UserWarning, match="recorded"):
        fetch_archive(url, tmp_path, ["train"])
    assert left_in(tmp_path) == ["a.txt", "corpus.zip.sha256", "train"]


def test_a_damaged_archive_leaves_nothing_unpacked(server, tmp_path):
    content = archive({"train/a.txt": b"one", "train/b.txt": b"some words"})
    content = content.replace(b"some words", b"some wards")
    server.files["corpus.zip"] = content
    with pytest.raises(ValueError, match="no whole zip archive"):
        fetch_archive(
            server.url("corpus.zip"), tmp_path, ["train"], hashlib.sha256(content).hexdigest()
        )
    assert left_in(tmp_path) == []
