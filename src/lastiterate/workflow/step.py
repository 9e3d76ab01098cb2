"""The command line of a step: what a rule runs, and how its errors reach a person.

Every `compute` and `draw` of a figure family ends in ``if __name__ == "__main__": run_step(function)``.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from lastiterate.workflow.files import Rows, write_csv
from lastiterate.workflow.held import check_held, hold


class StepError(Exception):
    """Bad input to a step, with a message for a person; shown without a traceback."""


def run_step(compute: Callable) -> None:
    """Run ``compute(parameters, inputs)`` -> {table name: columns}, and write every ``--output`` table by its stem.

    ValueError and StepError end the step with exit status 1 and their message on stderr; nothing is written then.
    """
    arguments = parse_arguments(compute.__module__)
    with reported_errors():
        check_held(arguments.input)
        tables = compute(arguments.parameters, arguments.input)
        for path in arguments.output:
            columns = tables[path.stem]
            write_csv(path, columns.columns if isinstance(columns, Rows) else columns)
        hold(arguments.output)


def parse_arguments(module: str) -> argparse.Namespace:
    """Arguments that every step takes: parameters as JSON, input and output files."""
    parser = argparse.ArgumentParser(description=sys.modules[module].__doc__)
    parser.add_argument("--parameters", type=json.loads, default={}, help="the family's entry of config.yaml, as JSON")
    parser.add_argument("--input", type=Path, nargs="*", default=[], help="tables to read")
    parser.add_argument("--output", type=Path, nargs="+", required=True, help="files to write, known by their stems")
    return parser.parse_args()


class reported_errors:
    """Context in which a ValueError, StepError or OSError becomes one message and exit status 1."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if isinstance(error, (ValueError, StepError, OSError)):
            print(f"error: {error}", file=sys.stderr)
            raise SystemExit(1) from None
