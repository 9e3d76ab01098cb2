"""What `make` runs: Snakemake on the given targets, then one line that says what was built, where, in how long."""

import subprocess
import sys
import time
from pathlib import Path


def main() -> int:
    """Run Snakemake with the command line's targets and options; its exit status is ours."""
    start, begun = time.monotonic(), time.time()
    status = subprocess.call([sys.executable, "-m", "snakemake", *sys.argv[1:]])
    elapsed = time.monotonic() - start
    if status:
        print(f"lastiterate: stopped after {elapsed:.0f} s; the message above says why, the rest is in logs/", file=sys.stderr)
        return status
    parts = [_count(Path(folder), what, begun) for folder, what in (("figures", "figure files"), ("results", "tables"))]
    print(f"lastiterate: built {' and '.join(parts)} in {elapsed:.1f} s")
    return 0


def _count(folder: Path, what: str, begun: float) -> str:
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix in (".svg", ".pdf", ".png", ".csv")]
    built = sum(path.stat().st_mtime >= begun for path in files)
    return f"{built} of {len(files)} {what} in {folder.resolve()}{'/'}"


if __name__ == "__main__":
    sys.exit(main())
