"""The command line of a step of the figures, as the rules run it: ``python -m lastiterate.figures MODULE.compute`` or ``MODULE.draw``."""

import argparse
import gc
import importlib
import json
from pathlib import Path

from lastiterate.workflow.step import reported_errors


def main() -> None:
    """Run a family's `compute`, or draw its panels."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("module", help="lastiterate.figures.PAPER.NAME.compute or .draw")
    parser.add_argument("--parameters", type=json.loads, default={}, help="the family's entry of config.yaml, as JSON")
    parser.add_argument("--input", type=Path, nargs="*", default=[], help="tables to read")
    parser.add_argument("--output", type=Path, nargs="+", required=True, help="files to write, known by their stems")
    arguments = parser.parse_args()
    gc.disable()  # a step lives for seconds and frees all at its end: looking for garbage is a fifth of its time
    with reported_errors():
        if arguments.module.endswith(".draw"):
            from lastiterate.draw.panels import run_draw as run
        else:
            from lastiterate.workflow.step import run_compute as run
        run(importlib.import_module(arguments.module), arguments.parameters, arguments.input, arguments.output)


if __name__ == "__main__":
    main()
