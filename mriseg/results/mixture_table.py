"""``mriseg mixture``: select a mixture for a table of numbers, write the results."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from mriseg import __version__
from mriseg._utils.atomic_write import atomic_write
from mriseg._utils.tables import write_rows
from mriseg._utils.text import cell
from mriseg.errors import MixtureError
from mriseg.mixture import GaussianMixture, select_model
from mriseg.report.font_cache import ensure_font_cache

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mriseg.mixture.selection import Candidate
    from mriseg.results.number_table import Table


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
        names = file_names(table.name, sample=sample_size > 0)
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
            "table": table.source,
            "columns": table.columns,
            "columns_left_out": table.left_out,
            "observations": len(table.X),
            "rows_left_out": int((~table.kept).sum()),
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
        """Write for each row of the table its component and the probability of each; blank if left out."""
        probabilities = self.mixture.predict_proba(self.table.X)
        header = ["component", *(f"probability_{k}" for k in range(probabilities.shape[1]))]
        every_row = np.full((len(self.table.kept), len(header)), np.nan)
        every_row[self.table.kept] = np.column_stack([probabilities.argmax(axis=1), probabilities])
        _save_rows(path, header, every_row)


def file_names(name: str, *, sample: bool) -> list[str]:
    """Return the names of the result files; the JSON file is last and marks the set as complete."""
    kinds = ["labels.csv", *(["sample.csv"] if sample else []), "mixture.png", "mixture.json"]
    return [f"{name}_{kind}" for kind in kinds]


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
        raise MixtureError(f"{table.source}: {error}") from error
    return TableFit(table, selection.best, selection.table)


def _save_rows(path: Path, header: list[str], rows: NDArray[np.float64]) -> None:
    """Write rows of numbers; whole numbers without a point, NaN as an empty cell."""
    with path.open("w", encoding="utf-8", newline="") as file:
        write_rows(file, [[cell(name) for name in header]], ",")
        write_rows(file, (["" if np.isnan(value) else f"{value:.9g}" for value in row] for row in rows), ",")


def _plain(candidate: Candidate) -> dict[str, object]:
    """Return a candidate as a JSON object; NaN becomes null."""
    return {
        name: None if isinstance(value, float) and np.isnan(value) else value
        for name, value in vars(candidate).items()
    }
