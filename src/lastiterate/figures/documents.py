"""Tables in generated documents."""

import pandas as pd


def markdown(table: pd.DataFrame) -> str:
    """A data frame as a Markdown table, cells as they are."""
    rows = [table.columns, ["---"] * table.shape[1], *table.astype(str).to_numpy()]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
