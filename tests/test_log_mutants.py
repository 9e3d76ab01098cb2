"""Some of the campaign's damaged logs, with every run of the suite: the rest is in tests/campaign."""

import random

import made_up_logs as logs
from campaign.damage import CONTENTS, DAMAGES
from campaign.test_readers import survive
from lastiterate.logs.reading import find_all, read_each


def test_a_damaged_log_of_any_format_loses_nothing_silently(tmp_path):
    whole = {}
    for seed in range(60):
        survive(tmp_path / "log", seed, whole)


def test_a_damaged_log_never_costs_the_others_of_its_folder(tmp_path):
    (tmp_path / "good.csv").write_bytes(logs.PLAIN)
    for seed in range(5000, 5020):
        rng = random.Random(seed)
        (tmp_path / "hurt").write_bytes(rng.choice(DAMAGES)(rng, rng.choice(CONTENTS)))
        assert "good" in [run.run_id for run in read_each(find_all([tmp_path]), None, lambda file, error: None)]
