"""The guide's code runs and prints what the guide shows."""

import doctest
import shutil
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_guide_prints_what_it_says_and_draws_its_pictures(tmp_path, monkeypatch):
    (tmp_path / "docs" / "images").mkdir(parents=True)
    shutil.copytree(DOCS.parent / "tests" / "reference", tmp_path / "tests" / "reference")
    monkeypatch.chdir(tmp_path / "docs")
    outcome = doctest.testfile(
        str(DOCS / "mixture.md"), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE
    )
    assert outcome.attempted > 30
    assert outcome.failed == 0
    drawn = {path.name for path in (tmp_path / "docs" / "images").iterdir()}
    assert drawn == {"mixture_one_two.png", "mixture_bic.png", "mixture_uncertainty.png"}
