"""The tables of docs/laws.md, from the tables of `analyse_laws`: ``python -m lastiterate.figures.bu.laws.document``.

Each table stands between the lines ``<!-- name -->`` and ``<!-- end -->``; the text around them is written by hand.
"""

import argparse
from pathlib import Path

import pandas as pd

from lastiterate.figures.documents import rewrite_tables


def mean_errors(leaderboard: pd.DataFrame) -> pd.DataFrame:
    """MAE x 1000 of every law (rows) on every split (columns), the best law of each split in bold."""
    splits = list(dict.fromkeys(leaderboard.split))
    wide = leaderboard.pivot(index="law", columns="split", values="MAE").loc[list(dict.fromkeys(leaderboard.law)), splits] * 1e3
    best = wide.drop(index=["default", "selected"]).min()
    text = wide.apply(lambda column: [f"**{v:.2f}**" if v == best[column.name] else f"{v:.2f}" for v in column])
    counts = leaderboard.drop_duplicates("law").set_index("law").parameters
    text.insert(0, "parameters", [str(counts[law] or "") for law in text.index])
    return text.reset_index()


def default_law(leaderboard: pd.DataFrame) -> pd.DataFrame:
    """All metrics of the default law on every split."""
    rows = leaderboard[leaderboard.law == "default"]
    return pd.DataFrame(
        {
            "split": rows.split,
            "test curves": rows.curves,
            "R2": [f"{v:.4f}" for v in rows.R2],
            **{f"{name} x 1000": [f"{v * 1e3:.2f}" for v in rows[name]] for name in ("MAE", "RMSE", "FinalE", "PredE", "WorstE")},
            "95 % of MAE": [f"{a * 1e3:.2f} to {b * 1e3:.2f}" for a, b in zip(rows.MAE_low, rows.MAE_high, strict=True)],
            "sd over draws": [f"{v * 1e3:.2f}" if v else "" for v in rows.MAE_draw_sd],
            "coverage of 90 %": [f"{v:.2f}" for v in rows.coverage],
        }
    )


def chosen_rates(regrets: pd.DataFrame) -> pd.DataFrame:
    """What each law's choice of the peak learning rate costs, over draws and schedules."""
    groups = regrets.groupby("law", sort=False).regret
    table = pd.DataFrame(
        {"mean regret": groups.mean(), "largest": groups.max(), "share within .005": groups.apply(lambda r: (r <= 0.005).mean())}
    )
    return table.map("{:.4f}".format).reset_index()


def main() -> None:
    """Rewrite the tables of docs/laws.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("results/bu/laws"))
    parser.add_argument("--output", type=Path, default=Path("docs/laws.md"))
    arguments = parser.parse_args()
    leaderboard, regrets = (pd.read_csv(arguments.results / f"{name}.csv") for name in ("leaderboard", "regrets"))
    tables = {"errors": mean_errors(leaderboard), "default": default_law(leaderboard), "regrets": chosen_rates(regrets)}
    rewrite_tables(arguments.output, tables)


if __name__ == "__main__":
    main()
