"""Reader of what trainers print; `text_writers` describes the lines of each, lines of any other kind are passed over.

A file is read as its most frequent writer's. Of several runs in it, each is one of its own; what a resumed run did
again supersedes what it had done (`logs.order`).
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from lastiterate.logs.assemble import assemble
from lastiterate.logs.columns import shortened, unused
from lastiterate.logs.convention import Convention
from lastiterate.logs.executed_lr import MAX_GAP
from lastiterate.logs.formats import nanogpt_schedule
from lastiterate.logs.formats.source import LogFile
from lastiterate.logs.formats.text_lines import blocks
from lastiterate.logs.formats.text_order import numbered, of_one_rank, runs
from lastiterate.logs.formats.text_rows import Rows, count_records, scan
from lastiterate.logs.formats.text_writers import WRITERS, Writer
from lastiterate.logs.order import Disorder, names_of
from lastiterate.logs.run_log import RunLog

NAME = "text log"
RARELY = 0.34  # of the lines that may lack a key before it is no longer one of theirs
SEARCHED_BYTES = 1 << 24  # modded-nanogpt's logs begin with their own source
_NAMES = re.compile(r"([A-Za-z_][\w/ .()-]{0,60}?)['\"]?\s*[:=]\s*['\"]?[-+.]?\d")


_JOINED = re.compile(r"^([^=\n]{1,80})=[-+.]?\d")


def recognise(path: Path, head: bytes) -> bool:
    """Whether a line among the first 16 MB is one of these trainers'."""
    return b"\0" not in head and writer_of(path) is not None


def writer_of(path: Path) -> Writer | None:
    """The writer of most of the numbered lines; of equally many the first of `WRITERS`."""
    stat = path.stat()
    return _writer_of(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=1)  # asked when a file is recognised, and again when it is read
def _writer_of(path: Path, size: int, changed: int) -> Writer | None:
    found = count_records(path, WRITERS, SEARCHED_BYTES)
    best = max(found.values(), default=0)
    return next((writer for writer in WRITERS if best and found[writer.name] == best), None)


def read(file: LogFile) -> Iterator[RunLog]:
    """Yield the file's runs; LogError for a file without a record, or one whose numbers are in no order."""
    writer = writer_of(file.path)
    if writer is None:
        raise file.error("content", f"holds no line of {', '.join(writer.name for writer in WRITERS)}")
    yield from read_lines(file, writer, f"{writer.name} {NAME}" if "log" not in writer.name else writer.name)


def read_lines(file: LogFile, writer: Writer, log_format: str, convention: Convention | None = None) -> Iterator[RunLog]:
    """Yield the runs that a writer's lines make; `convention` overrules the writer's own."""
    mapping = {role: name for role, name in file.stated.mapping.items() if role not in ("run_id", "step")}
    mapped = {re.escape(name): role for role, name in mapping.items()}
    keys = {line.head: (*line.keys, *(key for key in mapped if key not in line.keys)) for line in writer.lines}
    found = scan(file, writer, keys)
    seen = _names(found.samples, writer)
    notes: list[tuple[str, str]] = []
    if found.bad:
        notes.append(("lines", f"{found.bad} begin like a record and are not one: left out; the first is {found.first_bad!r:.100}"))
    for key, count in found.no_numbers.items():
        notes.append(("lines", f"in {count} of them something stands beside {_plain(key)} that is no number: left out"))
    if found.orphans:
        notes.append(("lines", f"{found.orphans} values stand in no record, or in one twice, whose first line is missing: not taken"))
    if found.cut:
        notes.append(("last line", "has no line end, so that its numbers may be cut short: left out"))
    said: list[str] = []
    kinds = of_one_rank(numbered(found.kinds, said), said)
    notes += [("lines", text) for text in said]
    if not any(rows.at.size for rows in kinds):
        raise file.error("content", f"holds no whole record of {writer.name}" + ("" if not notes else f": {notes[0][1]}"))
    for name in mapping.values():
        if not any(rows.known[re.escape(name)].any() for rows in kinds if rows.at.size):
            raise file.error("columns", f"there is no {name!r}, but {shortened(seen)}: map one of them")
    config = _configuration(file.path) if writer.name == "nanoGPT" else []
    try:
        parts = list(runs(kinds))
    except Disorder as error:
        raise file.error("step", f"{error}: sort the log into one file for each run") from None
    firsts = [min(int(rows.at[0]) for rows in part if rows.at.size) for part, _ in parts]
    found.kinds = kinds = []
    for i, run_id in enumerate(names_of(file.run_id, len(firsts))):
        part, told = parts.pop(0)
        stated = {name: value for line, name, value in config if not parts or line < firsts[i + 1]}
        run = _run(file, run_id, log_format, writer, part, mapped, stated if writer.name == "nanoGPT" else None, convention)
        for where, text in [*notes, *(("step", text) for text in told)]:
            run.note(where, text)
        left = unused((name for name in seen if not name.endswith("loss scale")), run.taken.values())
        if left:
            run.note("columns", f"not used: {shortened(left)}; map one if it is wanted")
        del part  # a log may fill half of the memory: what is not the run's goes before it is looked at
        yield run


def _run(
    file: LogFile,
    run_id: str,
    log_format: str,
    writer: Writer,
    kinds: list[Rows],
    mapped: dict[str, str],
    config: dict[str, str] | None,
    convention: Convention | None,
) -> RunLog:
    """One run from its rows."""
    own_step = file.stated.step_shift is None and convention is None
    own_lr = file.stated.lr_shift is None and convention is None
    columns: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    taken, shared = {"step": "the line's number"}, {}
    for rows in kinds:
        for key, role in _roles(rows, mapped).items():
            known = rows.known[key]
            if role in columns and taken[role] != _plain(key):
                continue
            lag = writer.lr_lag * own_lr if role == "lr" else rows.line.lag * own_step
            values = rows.values[key]
            if role == "last_val_loss":  # stands in every line until the next is computed, before the line's update
                known, role, lag = known & np.append(True, values[1:] != values[:-1]), "val_loss", 0
            if known.all():  # the roles of a line share their steps: a log may have millions
                new = shared.setdefault((id(rows), lag), rows.number.astype(np.int64) + lag), values
            else:
                new = rows.number[known].astype(np.int64) + lag, values[known]
            old = columns.get(role)
            columns[role] = new if old is None else tuple(np.concatenate(pair) for pair in zip(old, new, strict=True))
            taken[role] = _plain(key)
    lacking = [text for rows in kinds for key in _roles(rows, mapped) if (text := _lacks(rows, key))]
    mean = columns.pop("mean_loss", None)
    if mean is not None and "train_loss" not in columns:
        columns["train_loss"], taken["train_loss"] = mean, taken.pop("mean_loss")
    averaged = writer.lr_is_mean and "lr" in columns and columns["lr"][0].size > 1 and np.median(np.diff(columns["lr"][0])) > 1
    if averaged:
        del columns["lr"]
    schedule, why = nanogpt_schedule.schedule_of(config) if config is not None and "lr" not in columns else (None, None)
    if schedule and columns and max(int(at.max()) for at, _ in columns.values() if at.size) > schedule.total_steps:
        schedule, why = None, "LR not known: the log goes beyond its configuration's max_iters"
    counts = convention or Convention(0, 0, _counts(writer, kinds))
    batch, skipped = (columns.pop(role, (None, np.zeros(0)))[1] for role in ("batch_size", "skipped"))
    alike = {"batch_size": int(batch[0])} if batch.size and np.ptp(batch) == 0 and batch[0] > 0 else {}
    run = assemble(file.name, run_id, log_format, columns, taken, file.stated, counts, schedule=schedule, lr_atol=writer.lr_digits, **alike)
    if batch.size and np.ptp(batch):
        run.note(taken["batch_size"], f"goes from {batch.min():g} to {batch.max():g} within the run, a ramp: updates are not alike")
    if skipped.any():
        run.note(taken["skipped"], f"{skipped.sum():g} in all: they are counted and made no update")
    for text in lacking:
        run.note("lines", text)
    if why and file.stated.schedule is None:
        run.note("lr", why)
    elif averaged:
        run.note("lr", "LR not known: the log holds its mean over each interval; state the schedule")
    elif "lr" not in columns and run.schedule is None:
        run.note("lr", "LR not known: these logs hold none; state the schedule")
    for role, text in (*writer.says, *writer.doubts):
        if role == "step" or role in columns:
            run.note(taken[role], text, doubt=(role, text) in writer.doubts)
    if any(rows.rounded for rows in kinds):
        run.note("step", "is printed with three digits (1.23k): rows above 999 are off by up to 0.5 %; W&B or TensorBoard have it exactly")
    planned = max((rows.total for rows in kinds if rows.total), default=None)
    last = max(int(rows.number.max()) + rows.line.lag for rows in kinds if rows.at.size)
    if planned and last < planned:
        gaps = np.diff(np.unique(np.concatenate([rows.number for rows in kinds])))
        if last + MAX_GAP * (np.median(gaps) if gaps.size else 1) < planned:
            run.note("step", f"the log ends at update {last} of {planned}")
    return run


def _roles(rows: Rows, mapped: dict[str, str]) -> dict[str, str]:
    """Roles of a kind's keys: mapped ones, then of several for one role the first that has a value."""
    out = {key: role for key, role in mapped.items() if rows.at.size and rows.known[key].any()}
    for key, role in rows.line.keys.items():
        if key in rows.known and rows.known[key].any() and role not in mapped.values() and role not in out.values():
            out[key] = role
    return out


def _lacks(rows: Rows, key: str) -> str | None:
    """What to say of a key that nearly all lines have: some hold no number after it, or it is damaged."""
    lacking = int((~rows.known[key]).sum())
    if not 0 < lacking <= RARELY * rows.at.size:
        return None
    return f"{lacking} of {rows.at.size} have no number for {_plain(key)}, the first at step {rows.number[~rows.known[key]][0]}: left out"


def _plain(key: str) -> str:
    """A key as the log has it."""
    return key.replace("\\", "")


def _counts(writer: Writer, kinds: Sequence[Rows]) -> str | None:
    """How the writer counts, in words; None if a row's number is its update."""
    plus = lambda lag: f"k + {lag}" if lag else "k"
    roles = {
        role: rows.line.lag
        for rows in reversed(kinds)
        for key, role in rows.line.keys.items()
        if key in rows.known and rows.known[key].any()
    }
    train, val = roles.get("train_loss", roles.get("mean_loss")), roles.get("val_loss")
    lr = plus(writer.lr_lag) if "lr" in roles else None
    if not any((train, val)) and lr in (None, "k"):
        return None
    after = (
        f"update {plus(val or 0)}"
        if train is None
        else f"update {plus(train)}" + (f", a validation after {plus(val)}" if val not in (None, train) else "")
    )
    return f"{writer.name}: the line of step k is written after {after}" + (f"; its LR is that of update {lr}" if lr else "")


def _configuration(path: Path) -> list[tuple[int, str, str]]:
    """(line, name, value) of what nanoGPT prints of its configuration."""
    out = []
    for block in blocks(path):
        if b"=" in block.data:
            for match in nanogpt_schedule.STATED.finditer(block.data):
                line = block.start + block.data.count(b"\n", 0, match.start())
                out.append((line, match[1].decode(), match[2].decode("utf-8", "replace")))
    return out


def _names(samples: list[str], writer: Writer) -> list[str]:
    """Names that a few records have beside a number."""
    pattern, parts = (_NAMES, samples) if not writer.joined else (_JOINED, [part for text in samples for part in text.split("    ")])
    return list(dict.fromkeys(match[1].strip() for text in parts for match in pattern.finditer(text)))
