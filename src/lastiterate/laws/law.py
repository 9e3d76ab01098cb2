"""What a law is: columns that depend on a few shape parameters, and non-negative coefficients of them."""

from collections.abc import Callable, Sequence
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

    def __post_init__(self) -> None:
        inside = all(self.low <= start <= self.high for start in self.starts)
        if not (self.low < self.high and self.starts and inside and (self.low > 0 or not self.log)):
            raise ValueError(
                f"shape {self.name!r}: from {self.low:g} to {self.high:g} with starts {self.starts}, expected low < high, starts "
                "in between, and low > 0 if its scale is logarithmic"
            )

    def coordinate(self, value: float) -> float:
        """What the search moves."""
        return float(np.log(value)) if self.log else float(value)

    def value(self, coordinate: float) -> float:
        """Inverse of `coordinate`."""
        return float(np.exp(coordinate)) if self.log else float(coordinate)


@dataclass(frozen=True)
class Law:
    """loss = sum of coefficients >= 0 times the columns that ``columns(path, *shapes)`` gives, one for each, of shape (m,).

    ``path.at`` are the m cells at whose ends losses were logged, ``path.lr_sum`` the sum of learning rates up to each cell's end;
    see `Path`. Its parameters are `coefficients`, then the names of `shapes`, which are searched in their ranges.

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

    def __post_init__(self) -> None:
        names = self.parameter_names
        if not self.coefficients or len(set(names)) < len(names):
            raise ValueError(
                f"law {self.name!r}: parameters are {', '.join(names) or 'none'}, expected one coefficient or more, each name once"
            )

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of all fitted parameters, coefficients first."""
        return (*self.coefficients, *(shape.name for shape in self.shapes))

    def matrix(self, path: Path, shapes: Sequence[float]) -> np.ndarray:
        """Columns at the logged steps of `path`, shape (m, number of coefficients); ValueError if they are not what the law says."""
        made = [np.asarray(column, dtype=np.float64) for column in self.columns(path, *shapes)]
        found = [column.shape for column in made]
        if found != [(len(path.at),)] * len(self.coefficients):
            raise ValueError(
                f"law {self.name!r}: columns has shapes {found}, expected {len(self.coefficients)} of ({len(path.at)},): one for each of "
                f"{', '.join(self.coefficients)}, with a value for each logged loss (take cells by path.at)"
            )
        return np.column_stack(made)
