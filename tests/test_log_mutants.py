"""Damaged logs of every format: whatever happens to the bytes, a log is read or refused in one sentence; no row goes without a word."""

import gzip
import lzma
import random
import resource
import time

import pytest

import made_up_logs as logs
from lastiterate.logs import LogError, read
from lastiterate.logs.schema import history_table, runs_table
from made_up_logs import RECOGNISED
from test_log_containers import ROWS, printed, wandb_file
from test_text_logs import PRINTED
from test_text_logs import text as printed_log

TOKENS = [
    b"nan", b"inf", b"-1", b"1e400", b"9" * 30, b"9" * 5000, b"\0", b"\xff", b"\xc3", b'"', b",", b"\n", b"\r", b"{", b"}", b"null",
    b"true", b"[]", b"NaN", b" ", b"\t", b";", b"0x1f", b"1,000", b"step", b"\xef\xbb\xbf", b"1e-400",
    b"0.0.1", b"[" * 2000, b"--", b"\x1b[32m",
]  # fmt: skip
SECONDS, BYTES = 20, 1 << 30  # that no log may take more of
MAY_BE_WRITTEN_SO = ("cut", "deleted", "appended", "doubled")  # kinds of damage that nobody could tell from a log as it was meant
CONTENTS = [
    *(content for _, content in RECOGNISED),
    *(printed_log(write) for _, write, _, _ in PRINTED),
    gzip.compress(logs.PLAIN, mtime=0),
    lzma.compress(logs.llm_c()),
    printed(),
    wandb_file(ROWS[:40]),
]


def cut(rng, content):
    return content[: rng.randrange(len(content))]


def overwritten(rng, content):
    at, count = rng.randrange(len(content)), rng.randint(1, 8)
    return content[:at] + rng.randbytes(count) + content[at + count :]


def flipped(rng, content):
    at = rng.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :]


def deleted(rng, content):
    at = rng.randrange(len(content))
    return content[:at] + content[at + rng.randint(1, 64) :]


def inserted(rng, content):
    at = rng.randrange(len(content))
    return content[:at] + rng.choice(TOKENS) + content[at:]


def replaced(rng, content):
    """One number of the log becomes something else."""
    at = rng.randrange(len(content))
    stop = at
    while stop < len(content) and content[stop : stop + 1] in b"0123456789.e-":
        stop += 1
    return content[:at] + rng.choice(TOKENS) + content[max(stop, at + 1) :]


def doubled(rng, content):
    lines = content.splitlines(keepends=True)
    at = rng.randrange(len(lines))
    return b"".join(lines[: at + 1] + lines[at : at + rng.randint(1, 5)] + lines[at + 1 :])


def swapped(rng, content):
    lines = content.splitlines(keepends=True)
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]
    return b"".join(lines)


def appended(rng, content):
    return content + rng.choice(CONTENTS)


DAMAGES = [cut, overwritten, flipped, deleted, inserted, replaced, doubled, swapped, appended]


def hits_a_number(before, after):
    """Whether the first byte that differs lies within a number, and not in a name, whose loss nobody could tell."""
    at = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0)
    colour = b"\x1b[" in before[max(0, at - 20) : at + 1]  # of a terminal: what it tells is no number
    return before[at - 1 : at].isdigit() and before[at : at + 1].isdigit() and not colour


def outcome(path):
    """(rows, what was said) of a log, or the refusal; anything but that is a failure."""
    start = time.monotonic()
    try:
        runs = list(read(path))
        for run in runs:
            runs_table([run], "s"), history_table([run], "s")
        rows = sum(len(steps) for run in runs for steps, _ in run.series.values())
        said = {note.message for run in runs for note in run.notes} | {name for run in runs for name in run.taken.values()}
        found = rows, said
    except LogError as error:
        assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
        found = str(error)
    assert time.monotonic() - start < SECONDS
    return found


def survive(tmp_path, seeds):
    path, whole = tmp_path / "log", {}
    for seed in seeds:
        rng = random.Random(seed)
        index, damage = rng.randrange(len(CONTENTS)), rng.choice(DAMAGES)
        if index not in whole:
            path.write_bytes(CONTENTS[index])
            whole[index] = outcome(path)
        mutant = damage(rng, CONTENTS[index])
        path.write_bytes(mutant)
        found = outcome(path)
        told = damage.__name__ not in MAY_BE_WRITTEN_SO and (damage is swapped or hits_a_number(CONTENTS[index], mutant))
        told = told and (damage is not swapped or index < len(RECOGNISED))  # records of several lines may be shuffled unseen
        if told and isinstance(found, tuple) and found[0] < whole[index][0]:
            assert found[1] != whole[index][1], f"mutant {seed} ({damage.__name__} of log {index}) lost rows without a word"


def test_a_damaged_log_of_any_format_loses_nothing_silently(tmp_path):
    survive(tmp_path, range(120))


@pytest.mark.slow
def test_three_thousand_damaged_logs(tmp_path):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    survive(tmp_path, range(4000, 7000))
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < BYTES


def test_a_damaged_log_never_costs_the_others_of_its_folder(tmp_path):
    (tmp_path / "good.csv").write_bytes(logs.PLAIN)
    from lastiterate.logs.reading import find_all, read_each

    for seed in range(5000, 5040):
        rng = random.Random(seed)
        (tmp_path / "hurt").write_bytes(rng.choice(DAMAGES)(rng, rng.choice(CONTENTS)))
        assert "good" in [run.run_id for run in read_each(find_all([tmp_path]), None, lambda file, error: None)]
