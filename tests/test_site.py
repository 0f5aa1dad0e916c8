"""The site of the documentation: its reference is whole and up to date. `.ci/run` builds it strictly."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

import mriseg
import mriseg.mixture

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(("module", "page"), [(mriseg, "segmentation"), (mriseg.mixture, "mixture")])
def test_the_reference_has_every_public_name_once(module, page):
    text = (ROOT / "docs" / "reference" / f"{page}.md").read_text(encoding="utf-8")
    shown = re.findall(r"^::: (\S+)$", text, flags=re.MULTILINE)
    assert sorted(shown) == sorted(f"{module.__name__}.{name}" for name in module.__all__)


def test_every_page_is_in_the_navigation():
    def pages(entries):
        for entry in entries:
            (content,) = entry.values()
            yield from pages(content) if isinstance(content, list) else [content]

    navigation = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    written = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert set(pages(navigation)) == written


def test_the_page_of_commands_is_up_to_date(tmp_path):
    from typer.cli import app

    page = ROOT / "docs" / "reference" / "command_line.md"
    made = tmp_path / "made.md"
    arguments = ["mriseg.cli", "utils", "docs", "--name", "mriseg", "--title", "Command line"]
    result = CliRunner().invoke(app, [*arguments, "--output", str(made)])
    assert result.exit_code == 0, result.output
    assert made.read_text(encoding="utf-8") == page.read_text(encoding="utf-8"), (
        f"run: typer {' '.join(arguments)} --output {page.relative_to(ROOT)}"
    )
