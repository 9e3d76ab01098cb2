"""The ledger of published claims: each published number against ours, read from the tables that the figures are drawn from.

A row of config/claims.csv names the table, the row (`select`, "column=value;column=value") and the column that decide
it; nothing about a claim is in code.

comparison  passes if, with v the published value, x ours and tol the tolerance,
abs         |x - v| <= tol
rel         |x - v| <= tol |v|
eq          x equals v (numbers to 12 digits)
ge, le      x >= v - tol, x <= v + tol
"""

import argparse
import csv
import math
import sys
from pathlib import Path

from lastiterate.workflow.files import write_csv
from lastiterate.workflow.held import check_held, hold
from lastiterate.workflow.step import StepError, reported_errors

COLUMNS = (
    "id", "paper", "where", "quantity", "published", "tolerance", "comparison", "source", "note", "table", "select", "column",
)  # fmt: skip
RESULT_COLUMNS = ("id", "paper", "where", "quantity", "published", "ours", "difference", "tolerance", "comparison", "status", "note")


def load_claims(path: Path | str) -> list[dict[str, str]]:
    """Rows of claims.csv, checked; ValueError that names the row and field that is wrong."""
    with Path(path).open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ValueError(f"{path}: columns are {reader.fieldnames}, expected {list(COLUMNS)}")
        rows = list(reader)
    for row in rows:
        where = f"{path}: claim {row['id']}"
        if row["comparison"] not in ("abs", "rel", "eq", "ge", "le"):
            raise ValueError(f"{where}: comparison={row['comparison']!r} is not one of abs, rel, eq, ge, le")
        published, tolerance = _number(row["published"]), _number(row["tolerance"])
        if row["comparison"] != "eq" and (published is None or tolerance is None or not tolerance >= 0):
            raise ValueError(f"{where}: published={row['published']!r} and tolerance={row['tolerance']!r} must be numbers, tolerance >= 0")
        if not row["table"] or not row["column"]:
            raise ValueError(f"{where}: names no table and column that decide it")
    ids = [row["id"] for row in rows]
    if len(set(ids)) < len(ids):
        raise ValueError(f"{path}: {next(i for i in ids if ids.count(i) > 1)} is listed twice")
    return rows


def table_path(claim: dict[str, str]) -> Path:
    """Where the table that decides a claim lies."""
    return Path("results") / f"{claim['table']}.csv"


def check_claim(claim: dict[str, str]) -> dict[str, str]:
    """A row of the ledger: ours, difference and status (pass, fail, or not yet if its table has not been built)."""
    ours = _look_up(claim) if table_path(claim).exists() else None
    published, value = _number(claim["published"]), None if ours is None else _number(ours)
    difference = "" if None in (published, value) else repr(value - published)
    status = "not yet" if ours is None else "pass" if _agrees(claim, ours) else "fail"
    return {**claim, "ours": ours or "", "difference": difference, "status": status}


def _look_up(claim: dict[str, str]) -> str:
    """The one cell that the claim names; StepError if it is none, or several."""
    wanted = dict(part.split("=", 1) for part in claim["select"].split(";") if part)
    with table_path(claim).open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        unknown = ({*wanted, claim["column"]}) - set(reader.fieldnames or ())
        if unknown:
            raise StepError(f"claim {claim['id']}: {table_path(claim)} has no column {', '.join(sorted(unknown))}, but {reader.fieldnames}")
        cells = [row[claim["column"]] for row in reader if all(_equal(row[key], value) for key, value in wanted.items())]
    if len(cells) != 1:
        raise StepError(f"claim {claim['id']}: {claim['select']!r} matches {len(cells)} rows of {table_path(claim)}, expected one")
    return cells[0]


def _agrees(claim: dict[str, str], ours: str) -> bool:
    if claim["comparison"] == "eq":
        return _equal(ours, claim["published"])
    published, tolerance, value = _number(claim["published"]), _number(claim["tolerance"]) or 0.0, _number(ours)
    if value is None or math.isnan(value):
        return False
    return {
        "abs": abs(value - published) <= tolerance,
        "rel": abs(value - published) <= tolerance * abs(published),
        "ge": value >= published - tolerance,
        "le": value <= published + tolerance,
    }[claim["comparison"]]


def _equal(a: str, b: str) -> bool:
    x, y = _number(a), _number(b)
    return a == b if None in (x, y) else math.isclose(x, y, rel_tol=1e-12)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def main() -> None:
    """Command line of the rule `claims`: write the ledger, print what does not pass and a summary line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--claims", type=Path, required=True, help="the published claims, config/claims.csv")
    parser.add_argument("--output", type=Path, required=True, help="the ledger, results/claims.csv")
    arguments = parser.parse_args()
    with reported_errors():
        claims = load_claims(arguments.claims)
        check_held({path for claim in claims if (path := table_path(claim)).exists()})
        ledger = [check_claim(claim) for claim in claims]
        write_csv(arguments.output, {name: [row[name] for row in ledger] for name in RESULT_COLUMNS})
        hold([arguments.output])
    for row in ledger:
        if row["status"] == "fail":
            print(f"  fail: {row['id']}: published {row['published']}, ours {row['ours']} ({row['quantity']})", file=sys.stderr)
    count = {status: sum(row["status"] == status for row in ledger) for status in ("pass", "fail", "not yet")}
    counts = ", ".join(f"{number} {status}" for status, number in count.items())
    print(f"claims: {counts}, of {len(ledger)}; {arguments.output}", file=sys.stderr)


if __name__ == "__main__":
    main()
