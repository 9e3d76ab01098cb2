"""What the steps of the rules share: how tables are written, and how errors reach a person."""

import sys
from collections.abc import Sequence
from pathlib import Path

from lastiterate.workflow.files import Rows, write_csv
from lastiterate.workflow.held import check_held, hold


class StepError(Exception):
    """Bad input to a step, with a message for a person; shown without a traceback."""


def run_compute(module, parameters: dict, inputs: Sequence[Path], outputs: Sequence[Path]) -> None:
    """Run ``module.compute(parameters, inputs)`` -> {table name: table}, and write every output by its stem.

    A table is a mapping of columns, `Rows`, or a data frame (whose index is not written). Nothing is written if it raises.
    """
    check_held(inputs)
    tables = module.compute(parameters, inputs)
    missing = [path.stem for path in outputs if path.stem not in tables]
    if missing:
        raise StepError(f"{module.__name__} returns no table {', '.join(missing)}, but {', '.join(tables)}: correct family.yaml")
    for path in outputs:
        write_csv(path, columns_of(tables[path.stem]))
    hold(outputs)


def columns_of(table) -> dict:
    """The columns of a table by name."""
    table = table.columns if isinstance(table, Rows) else table
    return dict(table.items())


class reported_errors:
    """Context in which a ValueError, StepError or OSError becomes one message and exit status 1."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if isinstance(error, (ValueError, StepError, OSError)):
            print(f"error: {error}", file=sys.stderr)
            raise SystemExit(1) from None
