"""Write docs/constants.md: every constant that shapes results, with its meaning and what set it.

    python scripts/list_constants.py

The tables are read from the sources, ``mriseg/*/constants.py``: the comment above an assignment is its
meaning, the docstring of the module introduces the section. Nothing is imported.
"""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "constants.md"
HEADER = "# Constants\n\nWritten by `scripts/list_constants.py` from `mriseg/*/constants.py`; edit those.\n"


def comments_by_line(source: str) -> dict[int, str]:
    """Return the text of each line that holds nothing but a comment, by line number."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: token.string.removeprefix("#").strip()
        for token in tokens
        if token.type == tokenize.COMMENT and not token.line[: token.start[1]].strip()
    }


def meaning_above(line: int, comments: dict[int, str]) -> str:
    """Join the lines of the comment that ends right above a line."""
    first = line
    while first - 1 in comments:
        first -= 1
    return " ".join(comments[number] for number in range(first, line))


def constants_of(source: str) -> list[tuple[str, str, str]]:
    """List the constants of a module.

    Parameters
    ----------
    source : str
        Python source.

    Returns
    -------
    list of tuple of str
        Name, value as written and meaning, in the order of the source.

    Raises
    ------
    ValueError
        If a constant has no comment directly above it.
    """
    comments, rows = comments_by_line(source), []
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign):
            target = node.targets[0]
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            target = node.target
        else:
            continue
        name, meaning = ast.unparse(target), meaning_above(node.lineno, comments)
        if not meaning:
            raise ValueError(f"{name} has no comment above it")
        written = " ".join((ast.get_source_segment(source, node.value) or "").split())
        rows.append((name, written, meaning))
    return rows


def section(path: Path) -> str:
    """Write the section of one module: title, introduction and table."""
    source = path.read_text(encoding="utf-8")
    introduction = " ".join((ast.get_docstring(ast.parse(source)) or "").replace("``", "`").split())
    rows = [
        f"| `{name}` | `{value}` | {meaning.replace('|', chr(92) + '|')} |"
        for name, value, meaning in constants_of(source)
    ]
    table = "\n".join(["| constant | value | meaning |", "|---|---|---|", *rows])
    return f"## {path.parent.name}\n\n{introduction}\n\n{table}\n"


def constants_page() -> str:
    """Write the whole page, one section per room in alphabetical order."""
    files = sorted((ROOT / "mriseg").glob("*/constants.py"))
    return "\n".join([HEADER, *map(section, files)])


if __name__ == "__main__":
    PAGE.write_text(constants_page(), encoding="utf-8")
