"""Object storage: inputs that are URLs are copied to this machine, results from it when they are finished.

fsspec knows the protocols. It is an extra, and loaded only where there is a URL.
"""

from __future__ import annotations

import json
import re
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mriseg._utils.atomic_write import existing_message
from mriseg.errors import ImageError, MrisegError, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# A URL that has become a path, by which the second slash is lost. One letter is the drive of a computer.
_URL_AS_PATH = re.compile(r"(?P<protocol>[A-Za-z][A-Za-z0-9+.-]+):/+(?P<rest>.+)")
# The protocols whose addresses begin with a slash of their own.
_OF_FILES = ("file", "local")
_PAIRS = (".hdr", ".img", ".hdr.gz", ".img.gz")


def url_of(path: Path) -> str | None:
    """Return the URL that a path was made from; None for one of the file system.

    >>> url_of(Path("s3://bucket/scan.nii.gz")), url_of(Path("file:///data/scan.nii.gz"))
    ('s3://bucket/scan.nii.gz', 'file:///data/scan.nii.gz')
    >>> url_of(Path("study/scan.nii.gz"))
    """
    match = _URL_AS_PATH.fullmatch(path.as_posix())
    if match is None:
        return None
    slash = "/" if match["protocol"] in _OF_FILES else ""
    return f"{match['protocol']}://{slash}{match['rest']}"


@dataclass
class ObjectStorage:
    """Copies of objects on this machine; see `object_storage`.

    Parameters
    ----------
    clearing : ExitStack
        Ends the life of the copies.
    urls : dict of Path to str
        URLs of the copies.
    replaced : set of str
        Names of earlier results, which new ones replace.
    """

    clearing: ExitStack
    urls: dict[Path, str] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)

    def fetch(self, path: Path) -> Path:
        """Return a copy of the object of a URL, of the same name; any other path as it is.

        Raises
        ------
        ImageError
            If it cannot be read.
        """
        url = url_of(path)
        if url is None:
            return path
        if path.name.lower().endswith(_PAIRS):
            raise ImageError(f"{url}: is one file of a pair; store the scan as .nii.gz")
        copy = self._folder(url) / path.name
        with _one_line(url, ImageError):
            _file_system(url).get_file(url, str(copy))
        return copy

    def results(self, folder: Path, names: Sequence[str], *, overwrite: bool) -> Path:
        """Return where to write results that are for the folder of a URL; any other folder as it is.

        Parameters
        ----------
        folder : Path
        names : sequence of str
            Files that all such results have, the sidecar last.
        overwrite : bool
            Earlier results may be replaced; their sidecar is copied, so that it can be looked at.

        Raises
        ------
        OutputError
            If there are results that may not be replaced, or that cannot be looked for.
        """
        url = url_of(folder)
        if url is None:
            return folder
        with _one_line(url, OutputError):
            files = _file_system(url)
            there = [name for name in names if files.exists(f"{url}/{name}")]
            if there and not overwrite:
                raise OutputError(existing_message(f"{url}/{there[0]}", len(there)))
            local = self._folder(url)
            if names[-1] in there:
                files.get_file(f"{url}/{names[-1]}", str(local / names[-1]))
                self.replaced = {*there, *_files_of(local / names[-1])}
        return local

    def has_results(self, folder: Path, sidecar: str) -> bool:
        """Return whether a folder, or that of a URL, has finished results.

        Raises
        ------
        OutputError
            If they cannot be looked for.
        """
        url = url_of(folder)
        if url is None:
            return (folder / sidecar).exists()
        with _one_line(url, OutputError):
            return bool(_file_system(url).exists(f"{url}/{sidecar}"))

    def put(self, files: Sequence[Path]) -> None:
        """Copy finished results to the folder of their URL, if it is one, the last file last.

        Before that the last one of earlier results is removed, by which they are finished no more, and what
        the new ones do not replace.

        Raises
        ------
        OutputError
            If an object cannot be written.
        """
        url = self.urls.get(files[-1].parent)
        if url is None:
            return
        with _one_line(url, OutputError):
            target, last = _file_system(url), files[-1].name
            gone = self.replaced - {file.name for file in files[:-1]}
            for name in sorted(gone, key=lambda name: name != last):
                if target.exists(f"{url}/{name}"):
                    target.rm_file(f"{url}/{name}")
            for file in files:
                target.put_file(str(file), f"{url}/{file.name}")

    def named(self, text: str) -> str:
        """Return a text with the URLs in place of the copies."""
        for folder, url in self.urls.items():
            text = text.replace(f"{folder}/{Path(url).name}", url).replace(str(folder), url)
        return text

    def _folder(self, url: str) -> Path:
        """Make a folder for copies; each has one of its own, as objects may be named alike."""
        folder = Path(self.clearing.enter_context(TemporaryDirectory(prefix="mriseg-")))
        self.urls[folder] = url
        return folder


@contextmanager
def object_storage() -> Iterator[ObjectStorage]:
    """Lend object storage to a block; copies are removed with its end, errors name the URLs.

    Yields
    ------
    ObjectStorage
    """
    with ExitStack() as clearing:
        storage = ObjectStorage(clearing)
        try:
            yield storage
        except MrisegError as error:
            raise type(error)(storage.named(str(error))) from error


def refuse_urls(paths: Sequence[Path], command: str) -> None:
    """Raise OutputError if a path is a URL, for a command that takes files only."""
    for url in filter(None, map(url_of, paths)):
        raise OutputError(
            f"{url}: {command} takes files, not URLs; mriseg segment does, scan by scan, for example in an "
            "array job: scripts/slurm_array_urls.sh"
        )


def _file_system(url: str) -> Any:
    import fsspec

    own = url.partition("://")[0] in _OF_FILES
    return fsspec.url_to_fs(url, **({"auto_mkdir": True} if own else {}))[0]


def _files_of(sidecar: Path) -> list[str]:
    """Return the names of the results that a sidecar lists; none if it is no sidecar."""
    try:
        names = json.loads(sidecar.read_text(encoding="utf-8"))["Files"]
        return [name for name in names if isinstance(name, str) and "/" not in name]
    except (OSError, ValueError, KeyError, TypeError):
        return []


@contextmanager
def _one_line(url: str, kind: type[MrisegError]) -> Iterator[None]:
    """Turn errors about a URL into one of a kind, on one line."""
    try:
        yield
    except MrisegError:
        raise
    except ImportError as error:
        raise kind(f"{url}: object storage needs a package ({error}): pip install fsspec s3fs") from error
    except FileNotFoundError as error:
        raise kind(f"{url}: is not there; check the address") from error
    except PermissionError as error:
        raise kind(f"{url}: access is denied; check the credentials and what they permit") from error
    except Exception as error:  # those of clients of storage share no class
        reason = " ".join(str(error).split()) or type(error).__name__
        raise kind(f"{url}: cannot be reached ({reason}); check the address and the credentials") from error
