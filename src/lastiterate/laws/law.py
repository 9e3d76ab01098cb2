"""What a law is: columns that depend on a few shape parameters, and non-negative coefficients of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Shape:
    """A parameter that is searched: its range, the values that a search starts from, and whether its scale is logarithmic."""

    name: str
    low: float
    high: float
    starts: tuple[float, ...]
    log: bool = False

    def coordinate(self, value: float) -> float:
        """What the search moves."""
        return float(np.log(value)) if self.log else float(value)

    def value(self, coordinate: float) -> float:
        """Inverse of `coordinate`."""
        return float(np.exp(coordinate)) if self.log else float(coordinate)


@dataclass(frozen=True)
class Law:
    """loss = sum of coefficients >= 0 times the columns that ``columns(path, *shapes)`` gives, one for each.

    `raw_unit` laws take learning rates as they are, the others in units of the training curves' peak, so that their
    shape parameters mean the same at any scale. `needs_norm` laws need init_std and weight_decay.
    """

    name: str
    formula: str
    source: str
    coefficients: tuple[str, ...]
    shapes: tuple[Shape, ...]
    columns: Callable[..., list[np.ndarray]]
    raw_unit: bool = False
    needs_norm: bool = False

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of all fitted parameters, coefficients first."""
        return (*self.coefficients, *(shape.name for shape in self.shapes))

    def matrix(self, path, shapes) -> np.ndarray:
        """Columns at the logged steps of `path`, shape (m, number of coefficients)."""
        return np.column_stack(self.columns(path, *shapes))
