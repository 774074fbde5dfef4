"""`SavesModel`: what all estimators that have a `to_model` have in common."""

from __future__ import annotations

from fastprop.annotations import Path


class SavesModel:
    """A base class of estimators whose ``to_model(target_name)`` returns a model with the method ``save``."""

    def save(self, path: Path, target_name: str | None = None) -> None:
        """Write the model that `to_model` returns to a file, which `fastprop.load` and ``fastprop predict`` read.

        Parameters
        ----------
        path : str or Path
            The safetensors file to write; one that exists is replaced as a whole.
        target_name : str, optional
            See `to_model`.

        Raises
        ------
        ValueError, OSError
            As the ``save`` of the model that `to_model` returns.
        """
        self.to_model(target_name).save(path)
