"""Write the table of docs/reliability.md from docs/reliability.csv, which a long campaign leaves: python tests/campaign/page.py."""

import csv
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
BEGIN, END = "<!-- from reliability.csv -->", "<!-- end -->"


def table() -> str:
    """The ledger of the last long campaign, in Markdown."""
    with (DOCS / "reliability.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lines = ["| what was done | what held | tries | failures |", "|---|---|---|---|"]
    lines += [f"| {row['fault']} | {row['what must hold']} | {int(row['tries']):,} | {row['failures']} |" for row in rows]
    tries, failures = (sum(int(row[name]) for row in rows) for name in ("tries", "failures"))
    return "\n".join([*lines, f"| all, in {sum(int(row['seconds']) for row in rows) / 60:.0f} minutes | | {tries:,} | {failures} |"])


def page(text: str) -> str:
    """The page with the table in its place."""
    head, rest = text.split(BEGIN)
    return f"{head}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    path = DOCS / "reliability.md"
    path.write_text(page(path.read_text(encoding="utf-8")), encoding="utf-8")
