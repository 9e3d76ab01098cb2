"""The table of docs/plan.md, from the tables of `analyse_regret`: ``python -m lastiterate.figures.plan.regret.document``."""

import argparse
import re
from pathlib import Path

import pandas as pd

from lastiterate.figures.bu.laws.document import markdown
from lastiterate.workflow.files import replacing


def regrets(summary: pd.DataFrame) -> pd.DataFrame:
    """The summary as text: regrets and errors x 1000."""
    thousandths = {
        "median": "median",
        "mean": "mean",
        "p90": "90 %",
        "largest": "largest",
        "best_pilot": "best pilot again",
        "wsd20": "wsd 20 %",
        "range": "range of the sweep",
        "absolute_error": "error of prediction",
    }
    text = summary[["model", "task", "cases", "refused"]].astype(str)
    for name, title in thousandths.items():
        text[title] = ["" if pd.isna(value) else f"{value * 1e3:.1f}" for value in summary[name]]
    text["share within aim"] = [f"{value:.2f}" for value in summary.within_aim]
    text["coverage of 90 %"] = [f"{value:.2f}" for value in summary.coverage]
    return text


def main() -> None:
    """Rewrite the table of docs/plan.md between ``<!-- regret -->`` and ``<!-- end -->``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("results/plan/regret"))
    parser.add_argument("--output", type=Path, default=Path("docs/plan.md"))
    arguments = parser.parse_args()
    block = f"<!-- regret -->\n\n{markdown(regrets(pd.read_csv(arguments.results / 'summary.csv')))}\n\n<!-- end -->"
    text = arguments.output.read_text(encoding="utf-8")
    with replacing(arguments.output) as temporary:
        temporary.write_text(re.sub(r"<!-- regret -->.*?<!-- end -->", lambda _: block, text, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    main()
