"""Tables in generated documents."""

import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from lastiterate.workflow.files import write_text


def markdown(table: pd.DataFrame) -> str:
    """A data frame as a Markdown table, cells as they are."""
    rows = [table.columns, ["---"] * table.shape[1], *table.astype(str).to_numpy()]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def rewrite_tables(path: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Put each table into a document, between ``<!-- NAME -->`` and the next ``<!-- end -->``."""
    text = path.read_text(encoding="utf-8")
    for name, table in tables.items():
        block = f"<!-- {name} -->\n\n{markdown(table)}\n\n<!-- end -->"
        text = re.sub(rf"<!-- {name} -->.*?<!-- end -->", lambda _, block=block: block, text, flags=re.DOTALL)
    write_text(path, text.rstrip("\n"))
