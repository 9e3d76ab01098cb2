"""Damaged logs of every format: whatever happens to the bytes, a log is read or refused in one sentence; no row goes without a word."""

import random
import resource
import time

import made_up_logs as logs
from campaign.damage import CONTENTS, DAMAGES, MAY_BE_WRITTEN_SO, hits_a_number, swapped
from lastiterate.logs import LogError, read
from lastiterate.logs.reading import find_all, read_each
from lastiterate.logs.schema import history_table, runs_table
from made_up_logs import RECOGNISED

SECONDS, BYTES = 60, 1 << 30  # that no log may take more of


def outcome(path):
    """(rows, what was said) of a log, or the refusal; anything but that is a failure."""
    start = time.process_time()
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
    assert time.process_time() - start < SECONDS
    return found


def survive(path, seed, whole):
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


def test_a_damaged_log_of_any_format_loses_nothing_silently(tmp_path, campaign):
    before, whole = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, {}
    for seed in campaign.seeds("a log of any format, damaged", "read or refused in one sentence; every lost row is told", 200):
        survive(tmp_path / "log", seed, whole)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < BYTES


def test_a_damaged_log_never_costs_the_others_of_its_folder(tmp_path, campaign):
    (tmp_path / "good.csv").write_bytes(logs.PLAIN)
    for seed in campaign.seeds("a damaged log in a folder of good ones", "the good ones are read", 60):
        rng = random.Random(seed)
        (tmp_path / "hurt").write_bytes(rng.choice(DAMAGES)(rng, rng.choice(CONTENTS)))
        assert "good" in [run.run_id for run in read_each(find_all([tmp_path]), None, lambda file, error: None)]
