"""Settings of an estimator by name, and its columns: what scikit-learn's ``clone`` and pipelines ask for."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.validation import check_data, check_names, column_names

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import ArrayLike, NDArray

    from mriseg.mixture.parameters import FloatArray


class Estimator:
    """Settings by name, the protocol of scikit-learn's ``clone`` and pipelines, and the columns."""

    n_features_in_: int
    feature_names_in_: NDArray[np.object_]

    @classmethod
    def _names(cls) -> list[str]:
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings by name.

        Parameters
        ----------
        deep : bool
            Whether to add the settings of settings that are estimators, as ``name__setting``.

        Returns
        -------
        dict
        """
        settings = {name: getattr(self, name) for name in self._names()}
        inner = {name: value for name, value in settings.items() if deep and isinstance(value, Estimator)}
        for name, estimator in inner.items():
            settings |= {f"{name}__{key}": value for key, value in estimator.get_params().items()}
        return settings

    def set_params(self, **settings: Any) -> Self:
        """Change settings by name; those of a setting that is an estimator by ``name__setting``.

        Parameters
        ----------
        **settings
            New values.

        Returns
        -------
        Estimator
            Itself.

        Raises
        ------
        MixtureError
            If there is no such setting.
        """
        own = {name: value for name, value in settings.items() if name in self._names()}
        for name, value in own.items():
            setattr(self, name, value)
        for name in settings.keys() - own.keys():
            holder, _, setting = name.partition("__")
            estimator = getattr(self, holder) if holder in self._names() else None
            if not (setting and isinstance(estimator, Estimator)):
                raise MixtureError(f"{type(self).__name__} has no setting {name!r}")
            estimator.set_params(**{setting: settings[name]})
        return self

    def _remember_columns(self, X: ArrayLike, data: FloatArray) -> None:
        """Set number and names of the columns that the mixture is fitted to."""
        self.n_features_in_ = data.shape[1]
        names = column_names(X)
        if names is not None:
            self.feature_names_in_ = names
        else:
            self.__dict__.pop("feature_names_in_", None)

    def _checked_columns(self, X: ArrayLike, dimensions: int) -> FloatArray:
        """Return data as `check_data` does, checked for the number and the names of columns."""
        check_names(column_names(X), self.__dict__.get("feature_names_in_"))
        data = check_data(X)
        if data.shape[1] != dimensions:
            name = type(self).__name__
            hint = "; one row? Reshape your data to (1, D)" if np.ndim(X) == 1 else ""
            raise MixtureError(
                f"X has {data.shape[1]} features, but {name} is expecting {dimensions} features as input"
                f"{hint}"
            )
        return data

    def __sklearn_tags__(self) -> object:
        """Return scikit-learn's tags; only scikit-learn calls this, so it has been imported."""
        utilities = sys.modules["sklearn.utils"]
        return utilities.Tags(
            estimator_type="density_estimator", target_tags=utilities.TargetTags(required=False)
        )

    def __repr__(self) -> str:
        signature = inspect.signature(type(self).__init__).parameters
        changed = [
            f"{name}={getattr(self, name)!r}"
            for name in self._names()
            if getattr(self, name) is not signature[name].default
        ]
        return f"{type(self).__name__}({', '.join(changed)})"
