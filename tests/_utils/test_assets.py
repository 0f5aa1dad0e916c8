from __future__ import annotations

import json

import pytest

from mriseg._utils.assets import asset


@pytest.mark.parametrize("name", ["agreement.json", "usual_figures.json"])
def test_what_the_verdict_is_judged_by_is_packaged(name):
    assert json.loads(asset(name))
