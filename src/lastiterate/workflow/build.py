"""What `make` runs: Snakemake on the given targets, then one line that says what was built, where, in how long.

Before that it clears up after a killed one: its lock, its temporary files.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lastiterate.workflow.forecast import forecast
from lastiterate.workflow.owner import is_dead, is_locked, leftovers

LONG = {"paper", "report", "laws", "regret"}  # targets before which it is said what they will take
SUFFIXES = (".svg", ".pdf", ".png", ".gif", ".csv")


def main() -> int:
    """Run Snakemake with the command line's targets and options; its exit status is ours."""
    start, begun = time.monotonic(), time.time()
    _clear_up()
    if set(sys.argv) & LONG:
        print(f"lastiterate: {forecast(sys.argv[1:])}", flush=True)
    status = subprocess.call([sys.executable, "-m", "snakemake", *sys.argv[1:]], env=os.environ | _caches())
    elapsed = time.monotonic() - start
    if status:
        print(f"lastiterate: stopped after {elapsed:.0f} s; the message above says why, the rest is in logs/", file=sys.stderr)
        return status
    parts = [_count(Path(folder), what, begun) for folder, what in (("figures", "figure files"), ("results", "tables"))]
    print(f"lastiterate: built {' and '.join(parts)} in {elapsed:.1f} s")
    return 0


def _clear_up() -> None:
    """Remove the lock and the temporary files of a Snakemake that was killed here."""
    if is_locked() and is_dead():
        print("lastiterate: the Snakemake that locked this folder is dead: its lock is removed; files are whole or absent", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "snakemake", "--unlock", "--quiet", "all"], env=os.environ | _caches(), check=False)
    if not is_locked() and (found := leftovers()):
        for path in found:
            path.unlink(missing_ok=True)
        print(f"lastiterate: {len(found)} temporary files of killed steps are removed, such as {found[0]}", file=sys.stderr)


def _caches() -> dict[str, str]:
    """Where Snakemake and matplotlib keep what they cache, if the home folder cannot be written: in .snakemake."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            return {}
    except (OSError, RuntimeError):
        place = Path(".snakemake/cache").resolve()
        print(f"lastiterate: {home} cannot be written: caches go to {place}", file=sys.stderr)
        return {"XDG_CACHE_HOME": str(place), "MPLCONFIGDIR": str(place / "matplotlib")}


def _count(folder: Path, what: str, begun: float) -> str:
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix in SUFFIXES and not path.name.startswith(".")]
    built = sum(path.stat().st_mtime >= begun for path in files)
    return f"{built} of {len(files)} {what} in {folder.resolve()}{'/'}"


if __name__ == "__main__":
    sys.exit(main())
