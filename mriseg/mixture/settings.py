"""Settings of an estimator by name: the protocol of scikit-learn's ``clone``, pipelines and searches."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any

from mriseg.errors import MixtureError

if TYPE_CHECKING:
    from typing import Self


class Estimator:
    """Settings by name, the protocol of scikit-learn's ``clone`` and pipelines."""

    @classmethod
    def _names(cls) -> list[str]:
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002
        """Return the settings by name.

        Parameters
        ----------
        deep : bool
            Ignored; part of scikit-learn's protocol.

        Returns
        -------
        dict
        """
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **settings: Any) -> Self:
        """Change settings by name.

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
        unknown = settings.keys() - set(self._names())
        if unknown:
            raise MixtureError(f"{type(self).__name__} has no setting {min(unknown)!r}")
        for name, value in settings.items():
            setattr(self, name, value)
        return self

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
