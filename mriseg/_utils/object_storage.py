"""Object storage: inputs that are URLs are copied to this machine, results from it when they are finished.

fsspec knows the protocols. It is an extra, and loaded only where there is a URL.
"""

from __future__ import annotations

import errno
import glob
import inspect
import re
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING, Any

from mriseg._utils.atomic_write import existing_message
from mriseg._utils.text import without_secrets
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
        if "/" not in url.partition("://")[2]:
            raise ImageError(f"{url}: names no file; give the URL of one")
        copy = self._folder(url) / path.name
        with _one_line(url, ImageError):
            try:
                _file_system(url)[0].get_file(url, str(copy))
            except OSError as error:
                if _is_full(error):
                    raise OutputError(_full_message()) from error
                raise
        return copy

    def results(
        self,
        folder: Path,
        name: str,
        required: Sequence[str],
        optional: Sequence[str] = (),
        *,
        overwrite: bool,
        finished: bool = False,
    ) -> Path:
        """Return where to write results that are for the folder of a URL; any other folder as it is.

        Parameters
        ----------
        folder : Path
        name : str
            What the names of all these results begin with.
        required : sequence of str
            Files that all such results have, the sidecar last. That of earlier results is copied, so that it
            can be looked at.
        optional : sequence of str
            Patterns of files that earlier results may have, too.
        overwrite : bool
            Earlier results may be replaced.
        finished : bool
            Finished results may be there, which the caller leaves alone.

        Raises
        ------
        OutputError
            If there are results that may not be replaced, or that cannot be looked for.
        """
        url = url_of(folder)
        if url is None:
            return folder
        with _one_line(url, OutputError):
            there = _names_in(url, name)
            first, *others = [file for file in required if file in there] or [""]
            sidecar = required[-1]
            if first and not (overwrite or (finished and sidecar in there)):
                raise OutputError(existing_message(f"{url}/{first}", 1 + len(others)))
            local = self._folder(url)
            if sidecar in there:
                _file_system(url)[0].get_file(f"{url}/{sidecar}", str(local / sidecar))
        patterns = (*optional, *map(glob.escape, required))
        self.replaced = {file for file in there if any(fnmatchcase(file, pattern) for pattern in patterns)}
        return local

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
            target, last = _file_system(url)[0], files[-1].name
            gone = self.replaced - {file.name for file in files[:-1]}
            for name in sorted(gone, key=lambda name: name != last):
                with suppress(FileNotFoundError):  # another run may have removed it meanwhile
                    target.rm_file(f"{url}/{name}")
            for file in files:
                target.put_file(str(file), f"{url}/{file.name}")

    def named(self, text: str) -> str:
        """Return a text with the URLs in place of the copies."""
        for folder, url in self.urls.items():
            text = text.replace(f"{folder}/{Path(url).name}", url).replace(str(folder), url)
        return without_secrets(text)

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
            text = str(error)
            if _is_full(error.__cause__) and any(str(folder) in text for folder in storage.urls):
                raise OutputError(_full_message()) from error
            raise type(error)(storage.named(text)) from error


def refuse_urls(paths: Sequence[Path], command: str) -> None:
    """Raise OutputError if a path is a URL, for a command that takes files only."""
    for url in filter(None, map(url_of, paths)):
        raise OutputError(
            f"{url}: {command} takes files, not URLs; mriseg segment does, scan by scan, for example in an "
            "array job: scripts/slurm_array_urls.sh"
        )


def _is_full(error: BaseException | None) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _full_message() -> str:
    return f"{gettempdir()}: has no room for copies and results on their way; make room, or set TMPDIR"


def _file_system(url: str) -> tuple[Any, str]:
    """Return the client of a URL, and the path that it knows the URL by."""
    import fsspec

    own = url.partition("://")[0] in _OF_FILES
    files, path = fsspec.url_to_fs(url, **({"auto_mkdir": True} if own else {}))
    return files, path


def _names_in(url: str, start: str) -> set[str]:
    """Return the names of the files in a folder that begin alike, by one question.

    Raises
    ------
    OutputError
        If not even its bucket is there.
    """
    files, path = _file_system(url)
    by_prefix = "prefix" in inspect.signature(files.find).parameters
    try:
        found = files.find(path, **({"prefix": start} if by_prefix else {"maxdepth": 1}))
    except FileNotFoundError as error:
        raise OutputError(f"{url}: there is no such bucket; check the address") from error
    names = {name.removeprefix(path).lstrip("/") for name in found}
    return {name for name in names if name.startswith(start) and "/" not in name}


@contextmanager
def _one_line(url: str, kind: type[MrisegError]) -> Iterator[None]:
    """Turn errors about a URL into one of a kind, on one line."""
    try:
        yield
    except MrisegError:
        raise
    except ImportError as error:
        raise kind(f"{url}: object storage needs a package ({error}); install it by pip") from error
    except FileNotFoundError as error:
        raise kind(f"{url}: is not there; check the address") from error
    except PermissionError as error:
        raise kind(f"{url}: access is denied; check the credentials and what they permit") from error
    except Exception as error:  # those of clients of storage share no class
        reason = " ".join(str(error).split()) or type(error).__name__
        raise kind(f"{url}: cannot be reached ({reason}); check the address and the credentials") from error
