"""Tables of a run's own folder: parquet whose pages have checksums."""

import os
from pathlib import Path

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet

from lastiterate.workflow.files import open_plain, replacing


def read_table(path: Path, columns: list[str]) -> dict[str, np.ndarray]:
    """Columns of a table that `write_table` wrote; ValueError that names the file if any of it is another (its pages have checksums)."""
    try:
        with os.fdopen(open_plain(path), "rb") as file:
            table = parquet.read_table(file, columns=columns, page_checksum_verification=True)
        return {name: table[name].to_numpy().astype(np.float64 if name != "step" else np.int64) for name in columns}
    except FileNotFoundError:
        raise ValueError(f"{path} is missing, but its run is finished: remove the run's card, and it is trained again") from None
    except (arrow.ArrowException, OSError, KeyError) as error:
        why = "".join(str(error).splitlines()[:1])
        raise ValueError(f"{path} is damaged ({why}): remove it and the run's card, and it is trained again") from None


def write_table(path: Path, columns: dict) -> None:
    """Write columns as parquet, whole or not at all; NaN becomes null."""
    table = arrow.table({name: arrow.array(values, from_pandas=True) for name, values in columns.items()})
    with replacing(path) as temporary:
        parquet.write_table(table, temporary, compression="zstd", write_page_checksum=True)
