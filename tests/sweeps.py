"""Sweeps over scans and settings, of which a few stand for the rest where time matters."""

from __future__ import annotations

import pytest


def mostly(names, *quick):
    """Parameters of which all but a few are slow."""
    assert set(quick) <= set(names)
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in names]
