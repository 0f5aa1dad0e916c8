"""Exceptions for errors that the user can correct.

Every message is one line: what is wrong, with which file, and what to do about it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class MrisegError(Exception):
    """Base of every error that mriseg raises on purpose."""


class OptionError(MrisegError, ValueError):
    """Options that are out of their range, or that do not go together."""


class ImageError(MrisegError):
    """An image that cannot be read, or that is no scan to segment."""


class MaskError(MrisegError):
    """A brain mask that does not fit the scan, or that cannot be found in it."""


class MixtureError(MrisegError, ValueError):
    """A mixture that cannot be fitted to its data."""


class PriorError(MixtureError):
    """A saved fit or a cohort prior that cannot be read or does not suit."""


class OutputError(MrisegError):
    """Results that cannot be written."""


class CohortError(MrisegError):
    """A cohort that cannot be planned, or a cluster that cannot be reached."""


@contextmanager
def mixture_errors_named(path: Path, classes: int | str) -> Iterator[None]:
    """Name the scan in errors about its mixture.

    Parameters
    ----------
    path : Path
        Of the scan.
    classes : int or str
        Number of classes that was asked for.

    Raises
    ------
    MixtureError
        With the file, where the block raises one that is not about a prior.
    """
    try:
        yield
    except PriorError:
        raise
    except MixtureError as error:
        raise MixtureError(f"{path}: its intensities make no {classes} classes ({error})") from error
