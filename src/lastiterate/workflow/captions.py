"""Numbers in captions and pages, filled from the tables that the build wrote: no number is typed that a table holds.

A field in braces names a table of the family, a column, the rows (all, if none are named), what is taken of several, and a format::

    {summary.exponent[sizes=all]:.2f}    {fits.max_error@max:.1%}    {tuned.base_lr[schedule=wsd; total_steps=400]:.3g}

Aggregates are min, max, median, mean and count. A sentence with a field whose table is not built is left out.
"""

import csv
import math
import re
import statistics
from pathlib import Path

FIELD = re.compile(r"\{(\w+)\.(\w+)(?:\[([^\]]*)\])?(?:@(\w+))?(?::([^}]*))?\}")
AGGREGATES = {"min": min, "max": max, "median": statistics.median, "mean": statistics.fmean, "count": len}
SENTENCES = re.compile(r"(?<=[.:;!?]) (?=[A-Z(])")


def filled(text: str, folder: Path | None) -> str:
    """`text` with its fields filled from the tables in `folder`, results/PAPER/NAME; without one, without the sentences that have any.

    >>> filled("Norms fall. The exponent is {fits.exponent:.2f}.", None)
    'Norms fall.'
    """
    kept = []
    for sentence in SENTENCES.split(text):
        tables = [match[1] for match in FIELD.finditer(sentence)]
        if not tables or (folder is not None and all((folder / f"{table}.csv").is_file() for table in tables)):
            kept.append(FIELD.sub(lambda match: value(match, folder), sentence))
    return " ".join(kept)


def value(match: re.Match, folder: Path) -> str:
    """The text of one field; ValueError that says what the table lacks."""
    table, column, where, aggregate, spec = match.groups()
    with (folder / f"{table}.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    wanted = [part.partition("=")[::2] for part in (where or "").split(";") if part.strip()]
    for key in (column, *(key.strip() for key, _ in wanted)):
        if rows and key not in rows[0]:
            raise ValueError(f"{match[0]}: {folder}/{table}.csv has no column {key}, but {', '.join(rows[0])}")
    cells = [row[column] for row in rows if all(_same(row[key.strip()], text.strip()) for key, text in wanted)]
    if aggregate and aggregate not in AGGREGATES:
        raise ValueError(f"{match[0]}: {aggregate} is not one of {', '.join(AGGREGATES)}")
    if not aggregate and len(cells) != 1:
        raise ValueError(
            f"{match[0]}: {len(cells)} rows of {folder}/{table}.csv fit: name one row, or add @ and one of {', '.join(AGGREGATES)}"
        )
    if not aggregate and not spec:
        return cells[0]
    numbers = [number for number in map(float, filter(None, cells)) if not math.isnan(number)]
    return format(AGGREGATES[aggregate](numbers) if aggregate else numbers[0], spec or "")


def _same(cell: str, text: str) -> bool:
    try:
        return float(cell) == float(text)
    except ValueError:
        return cell == text
