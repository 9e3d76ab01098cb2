"""What a law is: columns that depend on a few shape parameters, and non-negative coefficients of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lastiterate.laws.path import Path


@dataclass(frozen=True)
class Shape:
    """A parameter that is searched: its range, the values that a search starts from, and whether its scale is logarithmic."""

    name: str
    low: float
    high: float
    starts: tuple[float, ...]
    log: bool = False

    def coordinate(self, value):
        """What the search moves."""
        return np.log(value) if self.log else value

    def value(self, coordinate):
        """Inverse of `coordinate`."""
        return np.exp(coordinate) if self.log else coordinate


@dataclass(frozen=True)
class Law:
    """loss = sum of coefficients >= 0 times columns(path, *shapes), which has a column for each coefficient."""

    name: str
    formula: str
    coefficients: tuple[str, ...]
    shapes: tuple[Shape, ...]
    columns: Callable[..., np.ndarray]
    source: str
    needs_settings: bool = False

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of all fitted parameters, coefficients first."""
        return (*self.coefficients, *(shape.name for shape in self.shapes))

    def loss(self, path: Path, coefficients: np.ndarray, shapes: np.ndarray) -> np.ndarray:
        """Losses at the logged steps of `path`."""
        return self.columns(path, *shapes) @ coefficients
