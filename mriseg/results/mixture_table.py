"""``mriseg mixture``: read a table, select a mixture, write the results."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from mriseg import __version__
from mriseg._utils.atomic_write import atomic_write
from mriseg._utils.tables import Row, read_delimited, write_rows
from mriseg._utils.text import cell
from mriseg.errors import MixtureError
from mriseg.mixture import GaussianMixture, select_model
from mriseg.report.font_cache import ensure_font_cache

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mriseg.mixture.selection import Candidate


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of numbers from a file.

    Attributes
    ----------
    path : Path
        The file.
    columns : list of str
        Names of the columns that are fitted.
    X : array (N, D)
        Their values.
    sample_weight : array (N,) or None
        The column of weights, if one was named.
    """

    path: Path
    columns: list[str]
    X: NDArray[np.float64]
    sample_weight: NDArray[np.float64] | None

    def file_names(self, *, sample: bool) -> list[str]:
        """Return the names of the result files; the JSON file is last and marks the set as complete."""
        kinds = ["labels.csv", *(["sample.csv"] if sample else []), "mixture.png", "mixture.json"]
        return [f"{self.path.name.split('.')[0]}_{kind}" for kind in kinds]


@dataclass(frozen=True, eq=False)
class TableFit:
    """A table, its selected mixture and all candidates."""

    table: Table
    mixture: GaussianMixture
    candidates: list[Candidate]

    def save(
        self, folder: Path, *, sample_size: int = 0, seed: int = 0, overwrite: bool = False
    ) -> list[str]:
        """Write labels with probabilities, a plot, the parameters, and a sample if its size is not zero.

        Raises
        ------
        OutputError
            If a file exists and may not be replaced, or the folder cannot be written.
        """
        table = self.table
        names = table.file_names(sample=sample_size > 0)
        with atomic_write(folder, names, overwrite=overwrite) as scratch:
            self._save_labels(scratch / names[0])
            if sample_size:
                points, labels = self.mixture.sample(sample_size, seed)
                _save_rows(
                    scratch / names[1], [*table.columns, "component"], np.column_stack([points, labels])
                )
            ensure_font_cache(scratch)
            from mriseg.report.mixture import save_mixture_plot

            save_mixture_plot(
                self.mixture, table.X, table.columns, scratch / names[-2], sample_weight=table.sample_weight
            )
            (scratch / names[-1]).write_text(
                json.dumps(self.summary(), indent=2, allow_nan=False) + "\n", encoding="utf-8"
            )
        return names

    def summary(self) -> dict[str, object]:
        """Return the content of the JSON file."""
        mixture, table = self.mixture, self.table
        return {
            "table": table.path.name,
            "columns": table.columns,
            "observations": len(table.X),
            "total_weight": float(len(table.X) if table.sample_weight is None else table.sample_weight.sum()),
            "model": mixture.model,
            "n_components": mixture.n_components,
            "weights": mixture.weights_.tolist(),
            "means": mixture.means_.tolist(),
            "covariances": mixture.covariances_.tolist(),
            "log_likelihood": float(mixture.history_[-1]),
            "n_parameters": mixture.n_parameters_,
            "bic": mixture.bic(table.X, table.sample_weight),
            "icl": mixture.icl(table.X, table.sample_weight),
            "aic": mixture.aic(table.X, table.sample_weight),
            "converged": mixture.converged_,
            "iterations": mixture.n_iter_,
            "components_at_floor": np.flatnonzero(mixture.at_floor_).tolist(),
            "candidates": [_plain(candidate) for candidate in self.candidates],
            "software": {"mriseg": __version__, "numpy": np.__version__},
        }

    def _save_labels(self, path: Path) -> None:
        """Write for each row of the table its component and the probability of each."""
        probabilities = self.mixture.predict_proba(self.table.X)
        header = ["component", *(f"probability_{k}" for k in range(probabilities.shape[1]))]
        _save_rows(path, header, np.column_stack([probabilities.argmax(axis=1), probabilities]))


def read_table(path: Path, columns: Sequence[str] | None = None, weights: str | None = None) -> Table:
    """Read columns of numbers from a CSV file with a header; comma, semicolon or tab between cells.

    Parameters
    ----------
    path : Path
        The file.
    columns : sequence of str, optional
        Columns to fit; all that hold numbers and empty cells alone, if not given.
    weights : str, optional
        The column of the number of observations of each row.

    Returns
    -------
    Table

    Raises
    ------
    MixtureError
        If the file cannot be read or has no header, a row is of another length, a column is not there or
        named twice, or a cell is no number.
    """
    header, rows = _read_cells(path)
    if columns is None:
        columns = [name for name in _numeric_columns(header, rows) if name != weights]
        if not columns:
            raise MixtureError(f"{path}: no column holds numbers; name columns with --columns")
    named = [*columns, *([weights] if weights else [])]
    _check_names(path, header, named)
    numbers = np.array([[_number(path, row, header, name) for name in named] for row in rows])
    return Table(path, list(columns), numbers[:, : len(columns)], numbers[:, -1] if weights else None)


def _check_names(path: Path, header: list[str], named: Sequence[str]) -> None:
    """Check that each name is given once and is that of one column."""
    missing = [name for name in named if name not in header]
    if missing:
        raise MixtureError(f"{path}: no column {missing[0]!r}; there are {', '.join(header)}")
    twice = [name for name in named if header.count(name) > 1]
    if twice:
        raise MixtureError(f"{path}: two columns are named {twice[0]!r}; name each differently")
    repeated = [name for name in named if named.count(name) > 1]
    if repeated:
        raise MixtureError(f"{path}: column {repeated[0]!r} is asked for twice; name it once")


def fit_table(
    table: Table,
    components: Iterable[int],
    models: Sequence[str] | None,
    criterion: Literal["bic", "icl"] = "bic",
    seed: int = 0,
) -> TableFit:
    """Fit every model (all, if None) with every number of components, and keep the best.

    Raises
    ------
    MixtureError
        As `mriseg.mixture.select_model`, naming the file.
    """
    try:
        selection = select_model(
            table.X,
            components,
            models,
            criterion=criterion,
            sample_weight=table.sample_weight,
            random_state=seed,
        )
    except MixtureError as error:
        raise MixtureError(f"{table.path}: {error}") from error
    return TableFit(table, selection.best, selection.table)


def _read_cells(path: Path) -> tuple[list[str], list[Row]]:
    """Return the header and the rows that are not empty, all of one length."""
    try:
        header, rows = read_delimited(path, ",;\t")
    except ValueError as error:
        raise MixtureError(f"{path}: cannot be read as a table ({error})") from error
    if not rows:
        raise MixtureError(f"{path}: a table needs a header and at least one row")
    if all(_is_number(cell) for cell in header):
        raise MixtureError(
            f"{path}: has no header: its first line holds numbers alone; name the columns there"
        )
    for line, cells in rows:
        if len(cells) != len(header):
            raise MixtureError(f"{path}: line {line}: {len(cells)} cells, and the header has {len(header)}")
    return header, rows


def _numeric_columns(header: list[str], rows: Sequence[Row]) -> list[str]:
    """Return the names of the columns whose cells, but for empty ones, are numbers."""
    columns = zip(*(row.cells for row in rows), strict=True)
    filled = ([cell for cell in column if cell] for column in columns)
    return [name for name, cells in zip(header, filled, strict=True) if cells and all(map(_is_number, cells))]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _number(path: Path, row: Row, header: list[str], name: str) -> float:
    """Return one cell as a number, or raise `MixtureError` that names it."""
    cell = row.cells[header.index(name)]
    try:
        return float(cell)
    except ValueError:
        raise MixtureError(f"{path}: line {row.line}, column {name!r}: {cell!r} is no number") from None


def _save_rows(path: Path, header: list[str], rows: NDArray[np.float64]) -> None:
    """Write rows of numbers; whole numbers without a point."""
    with path.open("w", encoding="utf-8", newline="") as file:
        write_rows(file, [[cell(name) for name in header]], ",")
        np.savetxt(file, rows, fmt="%.9g", delimiter=",")


def _plain(candidate: Candidate) -> dict[str, object]:
    """Return a candidate as a JSON object; NaN becomes null."""
    return {
        name: None if isinstance(value, float) and np.isnan(value) else value
        for name, value in vars(candidate).items()
    }
