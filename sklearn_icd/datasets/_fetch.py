"""Download a file once, whole or not at all and the same one each time, and unpack archives."""

import hashlib
import warnings
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from zipfile import BadZipFile, ZipFile

_RETRIES = 2


def download(url, path, checksum=None):
    """Return the path of a file, which is downloaded if it is not there.

    A file for which no checksum is published is held to the SHA-256 of its first download, which
    is written beside it.

    Parameters
    ----------
    url : str
        The address.

    path : str or path-like
        Where the file belongs. Its folder is made if need be.

    checksum : str, default=None
        The published SHA-256, or "md5:" and the published MD5. None where none is known.

    Returns
    -------
    path : pathlib.Path
        The file; it exists and has the checksum, if one is known.

    Raises
    ------
    ImportError
        If the file has to be downloaded, and pooch or tqdm is not installed.
    ConnectionError
        If the download fails. Nothing is left of it.
    ValueError
        If the file, or the download, is not the one with the checksum.
    OSError
        If the file cannot be written.

    Warns
    -----
    UserWarning
        If no checksum was known and that of the download was recorded.
    """
    path = Path(path)
    record = _record(path)
    expected = checksum or (record.read_text().strip() if record.exists() else None)
    whose = "published" if checksum else f"recorded in {record}"
    if not path.exists():
        _download(url, path, expected, whose)
        if expected is None:
            _write_record(record, _digest(path, "sha256"), url)
    elif expected is not None and not _has(path, expected):
        raise ValueError(
            f"{path} is not the file expected: its checksum is not {expected}, which is {whose}. "
            f"Delete it, and it is downloaded again from {url}."
        )
    return path


def fetch_archive(url, folder, names, checksum=None):
    """Download a zip archive, unpack the folders of these names into a folder, and remove it.

    Folders that are there stay as they are.
    """
    archive = download(url, folder / PurePosixPath(url).name, checksum)
    try:
        _unpack(archive, folder, names)
    except BadZipFile as error:
        # Or the recorded checksum would refuse the right file later.
        _record(archive).unlink(missing_ok=True)
        raise ValueError(
            f"What came from {url} is no whole zip archive. Try again later, or get the archive by "
            f"hand and unpack its folders {', '.join(names)} into {folder}."
        ) from error
    finally:
        archive.unlink()


@contextmanager
def staged(folder):
    """Give a temporary folder; what is written into it moves to `folder` when all is done.

    Nothing that is in `folder` is replaced.
    """
    with TemporaryDirectory(dir=folder, prefix="unfinished-") as stage:
        stage = Path(stage)
        yield stage
        for item in stage.iterdir():
            if not (folder / item.name).exists():
                item.rename(folder / item.name)


def _unpack(archive, folder, names):
    """Unpack the folders of these names, which lie at the top of the archive or one below it."""
    with ZipFile(archive) as files, staged(folder) as stage:
        for member in files.infolist():
            parts = PurePosixPath(member.filename).parts
            top = next((i for i, part in enumerate(parts[:2]) if part in names), None)
            if member.is_dir() or top is None or parts[0] == "__MACOSX":
                continue
            target = stage.joinpath(*parts[top:])
            if not target.resolve().is_relative_to(stage.resolve() / parts[top]):
                raise ValueError(
                    f"{archive} wants to write outside of its folder, to {member.filename!r}. It "
                    "was not unpacked: get the archive from another source."
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(files.read(member))


def _record(path):
    return path.with_name(f"{path.name}.sha256")


def _write_record(record, digest, url):
    record.write_text(f"{digest}\n")
    warnings.warn(
        f"No checksum is known for {url}, so this first download was taken as it came. Its "
        f"SHA-256, {digest}, was recorded in {record}: later downloads must have it.",
        stacklevel=3,
    )


def _has(path, checksum):
    algorithm, _, digest = checksum.rpartition(":")
    return _digest(path, algorithm or "sha256") == digest


def _digest(path, algorithm):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _download(url, path, checksum, whose):
    """Download to a temporary file, and move that to its place when it is whole."""
    by_hand = f"get the file by hand from {url} and put it at {path}"
    try:
        import pooch
        import requests
        import tqdm  # noqa: F401, is it there?
    except ImportError as error:
        raise ImportError(
            f"Downloading needs {error.name}: pip install 'sklearn-icd[data]'. Or {by_hand}."
        ) from error

    files = pooch.create(
        path.parent,
        base_url="",
        registry={path.name: checksum},
        urls={path.name: url},
        retry_if_failed=_RETRIES,
    )
    try:
        files.fetch(path.name, progressbar=True)
    except requests.RequestException as error:
        raise ConnectionError(
            f"The download failed: {error}. Try again when the network is there, or {by_hand}."
        ) from None
    except OSError as error:
        raise OSError(
            error.errno,
            f"{path} could not be written ({error.strerror or error}). Make room or get the right "
            f"to write there, or choose another folder with data_home. Or {by_hand}.",
        ) from error
    except ValueError as error:
        raise ValueError(
            f"What {url} gives now is not the file expected: its checksum is not {checksum}, "
            f"which is {whose}. Nothing was kept of it. Try again in case the download was "
            f"garbled, or {by_hand}."
        ) from error
