"""A table of settings beside the logs, runs.csv: what the logs do not hold.

    run,model,n_params,batch,weight_decay,optimizer,seed,parent,schedule
    small,llama,124M,256,0.1,adamw,0,,
    small_cooldown,llama,124M,256,0.1,adamw,0,small,

`run` is a run's id, what follows its last "/", or the folder that holds its log. `parent` is the run whose checkpoint it started
from, `schedule` what it executed (JSON, or a file of it, as for ``lastiterate export``). An empty cell says nothing; what a log
holds itself counts, and a note says so where the table differs.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from lastiterate import _stdin
from lastiterate.logs.columns import PATTERNS, plain
from lastiterate.logs.run_log import RunLog
from lastiterate.schedules import Schedule
from lastiterate.schedules.stated import read_schedule

NAME = "runs.csv"
TEXT, WHOLE, REAL = (
    ("dataset", "model", "optimizer"),
    ("n_params", "tokens_per_step", "batch_size", "seed", "branch_step"),
    ("weight_decay",),
)
ALIASES = {"batch": "batch_size", "run_id": "run", "parent_run": "parent"}
COLUMNS = ("run", *TEXT, *WHOLE, *REAL, "batch", "parent", "schedule")
SUFFIXES = {"k": 10**3, "m": 10**6, "b": 10**9}


@dataclass
class Settings:
    """Settings by run, of one or several tables."""

    rows: dict[str, dict[str, object]] = field(default_factory=dict)
    source: str = ""
    used: dict[str, str] = field(default_factory=dict)  # name in the table: id of the run
    ids: list[str] = field(default_factory=list)

    @classmethod
    def load(cls, path: Path | str) -> "Settings":
        """A table; ValueError that names line and column of what is wrong."""
        path, file = Path(_stdin.NAME if _stdin.is_stdin(path) else path), Path(path)
        try:
            with (_stdin.copied() if _stdin.is_stdin(file) else file).open(newline="", encoding="utf-8-sig") as lines:
                table = list(csv.reader(lines))
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"{path}: no CSV table of settings ({error!r:.60})") from None
        names = [ALIASES.get(name.strip(), name.strip()) for name in table[0]] if table else []
        for name in names:
            if name not in COLUMNS:
                raise ValueError(f"{path}: there is no setting {name!r}{_nearest(name, COLUMNS)}: it may have {', '.join(COLUMNS)}")
        if "run" not in names or len(set(names)) < len(names):
            raise ValueError(f"{path}: its columns are {', '.join(names) or 'none'}, expected run and others, each once")
        settings = cls(source=str(path))
        for line, cells in enumerate(table[1:], start=2):
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(names):
                raise ValueError(f"{path}, line {line}: has {len(cells)} cells, expected {len(names)} as in the header")
            row = dict(zip(names, map(str.strip, cells), strict=True))
            name = row.pop("run")
            if not name or name in settings.rows:
                raise ValueError(f"{path}, line {line}: run {name!r} is {'there before' if name else 'empty'}: one line for each run")
            settings.rows[name] = {key: _value(key, text, path, line) for key, text in row.items() if text}
        return settings

    @property
    def schedules(self) -> Mapping[str, Schedule]:
        """Stated schedules by run."""
        return {name: row["schedule"] for name, row in self.rows.items() if "schedule" in row}

    def fill(self, run: RunLog) -> None:
        """Give the run what the table holds of it and its log does not."""
        if run.run_id not in self.ids:
            self.ids.append(run.run_id)
        name = next((name for name in self.rows if called(name, run.run_id)), None)
        if name is None:
            return
        if self.used.setdefault(name, run.run_id) != run.run_id:
            raise ValueError(f"{self.source}: run {name!r} may be {self.used[name]} or {run.run_id}: write the whole of its id")
        filled = []
        for key, value in self.rows[name].items():
            if key == "schedule":
                filled.append(key)
                continue
            key = "resumed_from" if key == "parent" else key
            own = getattr(run, key)
            if own is None:
                setattr(run, key, value)
                filled.append("parent" if key == "resumed_from" else key)
            elif own != value:
                run.note(key, f"is {own!r} in the log, {value!r} in {self.source}: the log's counts")
        if filled:
            run.note("settings", f"{', '.join(filled)} from {self.source}")

    def states_parent(self, run: RunLog) -> bool:
        """Whether the table names the run's parent."""
        return any("parent" in row and called(name, run.run_id) for name, row in self.rows.items())

    def check_used(self) -> None:
        """ValueError if the table names a run, or a parent, that is not there."""
        for name, row in self.rows.items():
            if name not in self.used:
                raise ValueError(f"{self.source}: there is no run {name!r}{_nearest(name, self.ids)}: correct its column run")
            parent = row.get("parent")
            if parent and not any(called(parent, run_id) for run_id in self.ids):
                raise ValueError(f"{self.source}: run {name!r}: there is no parent {parent!r}{_nearest(parent, self.ids)}")


def is_settings(path: Path) -> bool:
    """Whether a file is such a table: named runs.csv, with a column run and none that a log's history has."""
    if path.name != NAME:
        return False
    with path.open("rb") as opened:
        header = opened.readline(1 << 16).decode("utf-8-sig", errors="replace")
    names = [plain(name.strip('" ')) for name in header.strip().split(",")]
    return "run" in names and not any(name in PATTERNS[role] for name in names for role in ("step", "lr", "train_loss", "val_loss"))


def merged(tables: Iterable[Settings]) -> Settings:
    """Several tables as one; ValueError if two name the same run."""
    tables = list(tables)
    whole = Settings(source=", ".join(table.source for table in tables))
    for table in tables:
        if twice := next((name for name in table.rows if name in whole.rows), None):
            raise ValueError(f"{table.source}: run {twice!r} is in another table of settings as well")
        whole.rows |= table.rows
    return whole


def called(name: str, run_id: str) -> bool:
    """Whether a table means a run by `name`: its id, the end or the beginning of it, up to a "/".

    >>> called("a", "sweep/a"), called("a", "a/trainer_state"), called("a", "ab")
    (True, True, False)
    """
    return f"/{name}/" in f"/{run_id}/"


def _value(key: str, text: str, path: Path, line: int):
    where = f"{path}, line {line}"
    if key == "schedule":
        return read_schedule(text, where, path.parent)
    if key in TEXT or key == "parent":
        return text
    factor = SUFFIXES.get(text[-1].lower(), 1) if key in WHOLE else 1
    try:
        number = float(text[:-1] if factor > 1 else text) * factor
    except ValueError:
        number = float("nan")
    if not 0 <= number < 2**53 or (key in WHOLE and abs(number - round(number)) > 1e-6 * number):
        raise ValueError(
            f"{where}: {key} is {text!r}, expected {'a whole number such as 256 or 124M' if key in WHOLE else 'a number >= 0'}"
        )
    return round(number) if key in WHOLE else number


def _nearest(name: str, known: Iterable[str]) -> str:
    """Words that name the nearest of the known names."""
    known = list(known)
    stems = {run_id.rsplit("/", 1)[-1]: run_id for run_id in known} | {run_id: run_id for run_id in known}
    near = list(dict.fromkeys(stems[match] for match in get_close_matches(name, stems, 3, 0.4)))
    return f", but {', '.join(near or known[:6])}" if known else ""
