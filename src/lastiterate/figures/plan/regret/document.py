"""The tables of docs/plan.md, from those of `analyse_regret`: ``python -m lastiterate.figures.plan.regret.document``.

Values measured before, kept in config/regret_before.csv with their commit, stand beside in brackets; `--keep COMMIT` writes that file from
the results at hand.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from lastiterate.figures.documents import rewrite_tables
from lastiterate.workflow.files import replacing

CHOICES = {
    "median": "median",
    "mean": "mean",
    "p90": "90 %",
    "largest": "worst",
    "kept": "kept",
    "rule": "rule",
    "range": "range of the sweep",
}
PREDICTIONS = {"absolute_error": "error", "bias": "median error, signed", "interval_score": "interval score"}
COMPARED = ("right", "median", "mean", "p90", "largest", "absolute_error", "bias", "interval_score", "coverage", "refused")
BEFORE = Path("config/regret_before.csv")


def _text(row, before, name: str, form) -> str:
    """A value, and in brackets the one before; "" where there is none."""
    text = "" if pd.isna(row.get(name, np.nan)) else form(row[name])
    if before is None or name not in COMPARED or pd.isna(before[name]):
        return text
    return f"{text} ({form(before[name])})".lstrip()


def _thousandths(value) -> str:
    return f"{value * 1e3:.1f}"


def table(summary: pd.DataFrame, before: pd.DataFrame, columns: dict, shares: dict) -> pd.DataFrame:
    """Rows of the summary as text: `columns` x 1000 and `shares` as they are, each with its value before in brackets.

    What is in `before` only stands in brackets alone: a build of some sweeps keeps the rows of the others.
    """
    known, now = ({(row["sweep"], row["task"]): row for row in one.to_dict("records")} for one in (before, summary))
    rows = []
    for key in {**known, **now}:
        old, row = known.get(key), now.get(key, {"sweep": key[0], "task": key[1], "cases": ""})
        found = {
            "sweep": row["sweep"],
            "task": row["task"],
            "cases": str(row["cases"]),
            "refused": _text(row, old, "refused", "{:.0f}".format),
        }
        found |= {title: _text(row, old, name, "{:.2f}".format) for name, title in shares.items()}
        rows.append(found | {title: _text(row, old, name, _thousandths) for name, title in columns.items()})
    return pd.DataFrame(rows)


def main() -> None:
    """Rewrite the tables of docs/plan.md between ``<!-- regret -->``, ``<!-- intervals -->`` and ``<!-- end -->``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("results/plan/regret"))
    parser.add_argument("--output", type=Path, default=Path("docs/plan.md"))
    parser.add_argument("--keep", metavar="COMMIT", help="keep these results as those before, and write nothing else")
    arguments = parser.parse_args()
    summary = pd.read_csv(arguments.results / "summary.csv")
    if arguments.keep:
        with replacing(BEFORE) as temporary:
            temporary.write_text(f"# commit {arguments.keep}\n{summary.to_csv(index=False, float_format='%.5g')}", encoding="utf-8")
        return
    before = pd.read_csv(BEFORE, comment="#")
    choices, before_choices = (one[one["mean"].notna()] for one in (summary, before))
    tables = {
        "regret": table(choices, before_choices, CHOICES, {"right": "right"}),
        "intervals": table(summary, before, PREDICTIONS, {"coverage": "coverage of 90 %"}),
    }
    rewrite_tables(arguments.output, tables)


if __name__ == "__main__":
    main()
