"""Exceptions for errors that the user can correct.

Every message is one line: what is wrong, with which file, and what to do about it.
"""

from __future__ import annotations


class MrisegError(Exception):
    """Base of every error that mriseg raises on purpose."""


class OptionError(MrisegError, ValueError):
    """Options that are out of their range, or that do not go together."""


class ImageError(MrisegError):
    """An image that cannot be read, or that is no scan to segment."""


class MaskError(MrisegError):
    """A brain mask that does not fit the scan, or that cannot be found in it."""


class MixtureError(MrisegError):
    """A mixture that cannot be fitted to its data."""


class PriorError(MixtureError):
    """A saved fit or a cohort prior that cannot be read or does not suit."""


class OutputError(MrisegError):
    """Results that cannot be written."""


class CohortError(MrisegError):
    """A cohort that cannot be planned, or a cluster that cannot be reached."""
