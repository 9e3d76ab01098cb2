"""Plans, data and logs of training: what needs no torch."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lastiterate.schedules import constant, wsd
from lastiterate.train import corpus
from lastiterate.train.collect import thinned
from lastiterate.train.config import load_train_config
from lastiterate.train.data import Batches, load_dataset
from lastiterate.train.hours import hours_of, plan_summary
from lastiterate.train.plan import groups, make_plan, settings_digest, shared_updates
from lastiterate.train.prepare import prepare
from lastiterate.train.tokens import check_file, open_folder
from lastiterate.workflow.step import StepError

ROOT = Path(__file__).parents[1]
CONFIGS = sorted(path for path in (ROOT / "config/train").glob("*.yaml") if path.stem != "schema")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_plan_of_every_config_is_consistent(path):
    config = load_train_config(path)
    plan = make_plan(config)
    seen = set()
    for run in plan.values():
        assert set(run.needs) <= seen  # parents come first
        seen.add(run.run_id)
        if run.parent:
            parent = plan[run.parent]
            assert run.branch_step in parent.checkpoints and run.updates > 0
            np.testing.assert_array_equal(run.schedule.lr[: run.branch_step], parent.schedule.lr[: run.branch_step])
        assert hours_of(run, config) > 0
    assert "train_whole" in plan_summary(plan, config)


def test_a_branch_starts_at_the_last_shared_update():
    trunk = constant(1000, warmup_steps=100)
    branch = wsd(800, cooldown=0.25, warmup_steps=100)
    shared = shared_updates(trunk, branch)
    assert shared == 801 - 200 and branch.lr[shared - 1] == 1.0 > branch.lr[shared]


def smoke():
    return load_train_config(ROOT / "config/train/smoke.yaml")


def test_settings_decide_the_digest():
    config = smoke()
    run = next(iter(make_plan(config).values()))
    before = settings_digest(run, config)
    assert settings_digest(run, {**config, "checkpoint_every": 7}) == before
    assert settings_digest(run, {**config, "clip_norm": 0.5}) != before


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("batch_size: 4", "batch_sise: 4", "batch_sise is not a known key: did you mean batch_size?"),
        ("schedules: [wsd_200,", "schedules: [wsd_300,", "sweeps: schedule 'wsd_300' is not in the config: use one of wsd_200"),
        ("optimizer: adamw", "optimizer: adam", "sweeps: optimizer 'adam' is not in the config"),
        ("cooldown: 0.3, warmup_steps: 10,", "cooldown: 1.3, warmup_steps: 10,", "1.3 is greater than the maximum of 1"),
        ("family: linear, total_steps: 200", "family: linear, cooldown: 0.2, total_steps: 200", "unexpected keyword argument 'cooldown'"),
        ("batch_size: 4", "batch_size: 4\nmicro_batch: 3", "micro_batch=3 must divide batch_size=4"),
    ],
)
def test_a_bad_training_config_is_refused(tmp_path, old, new, message):
    text = (ROOT / "config/train/smoke.yaml").read_text()
    assert old in text
    (tmp_path / "bad.yaml").write_text(text.replace(old, new, 1))
    (tmp_path / "schema.yaml").write_bytes((ROOT / "config/train/schema.yaml").read_bytes())
    with pytest.raises(ValueError, match=re.escape(message)):
        make_plan(load_train_config(tmp_path / "bad.yaml"))


def test_an_unknown_training_config_lists_what_there_is():
    with pytest.raises(ValueError, match=r"there is no training config .*use one of embedded, .*smoke"):
        load_train_config(ROOT / "config/train/nothing.yaml")


def test_the_standard_library_is_split_by_path():
    train, validation = corpus.stdlib_bytes()
    assert 5e6 < train.size < 12e6 and 0.01 < validation.size / train.size < 0.1
    assert train.dtype == np.uint8 and train[-1] == validation[-1] == 0
    import argparse

    source = Path(argparse.__file__).read_bytes()
    assert (source in train.tobytes()) != (source in validation.tobytes())
    assert load_dataset({"kind": "stdlib"}).card["sha256"] == load_dataset({"kind": "stdlib"}).card["sha256"]


def test_batches_are_a_permutation_of_the_windows_and_a_function_of_seed_and_update():
    tokens = np.arange(1001, dtype=np.uint16)
    batches = Batches(tokens, context=10, batch_size=7, seed=3, repeat=True)
    windows = np.concatenate([batches.at(update) for update in range(1, 101)])
    assert windows.shape == (700, 11) and windows.dtype == np.int64
    starts = windows[:, 0]
    assert (windows == starts[:, None] + np.arange(11)).all() and (starts % 10 == 0).all()
    for epoch in range(7):
        assert sorted(starts[100 * epoch : 100 * (epoch + 1)] // 10) == list(range(100))
    again = Batches(tokens, context=10, batch_size=7, seed=3, repeat=True)
    np.testing.assert_array_equal(again.at(57), batches.at(57))  # straddles two epochs; asked for out of order
    np.testing.assert_array_equal(batches.at(15), windows[98:105])
    assert (Batches(tokens, 10, 7, seed=4, repeat=True).at(1) != batches.at(1)).any()


def test_a_single_pass_is_not_silently_repeated():
    batches = Batches(np.zeros(1001, np.uint16), context=10, batch_size=7, seed=0)
    batches.check_length(14)
    with pytest.raises(ValueError, match="15 updates of 7 windows need 105 windows, but the stream has 100: train for at most 14"):
        batches.check_length(15)
    with pytest.raises(ValueError, match="has 70 tokens, expected at least 71"):
        Batches(np.zeros(70, np.uint16), context=10, batch_size=7, seed=0)


def write_tokens(folder, train, val=(1, 2, 3)):
    folder.mkdir(exist_ok=True)
    for name, values in (("train", train), ("val", val)):
        (folder / f"{name}.bin").write_bytes(np.asarray(values, "<u2").tobytes())


def test_bad_token_files_are_refused_with_the_offset(tmp_path):
    path = tmp_path / "train.bin"
    path.write_bytes(b"\1\0\2\0\3")
    with pytest.raises(ValueError, match=r"has 5 bytes, expected a positive even number: at byte 4 half a token"):
        check_file(path, 10)
    path.write_bytes(np.asarray([1, 2, 11, 12], "<u2").tobytes())
    with pytest.raises(ValueError, match="token 11 at byte 4 is beyond the vocabulary of 10"):
        check_file(path, 10)
    with pytest.raises(ValueError, match=r"card.json is missing: write it with python -m lastiterate.train.tokens"):
        open_folder(tmp_path, 10)


def test_local_text_becomes_token_files(tmp_path):
    (tmp_path / "texts").mkdir()
    texts = [f"document {number} é\n" * 3 for number in range(60)]
    for number, text in enumerate(texts):
        (tmp_path / f"texts/{number:02d}.txt").write_text(text, encoding="utf-8")
    source = {"files": str(tmp_path / "texts/*.txt"), "tokenizer": "bytes", "validation": 0.2}
    entry = {"kind": "tokens", "folder": str(tmp_path / "tokens"), "vocab_size": 256, "prepare": source}
    card = prepare(entry)
    dataset = load_dataset(entry)
    parts = dataset.train.astype(np.uint8).tobytes().split(b"\0")[:-1]
    held_out = dataset.validation.astype(np.uint8).tobytes().split(b"\0")[:-1]
    assert [text for text in texts if text.encode() in parts] == [part.decode() for part in parts]
    assert sorted(parts + held_out) == sorted(text.encode() for text in texts) and 3 < len(held_out) < 25
    assert dataset.card["train_tokens"] == card["train"]["tokens"] and isinstance(dataset.train, np.memmap)
    with pytest.raises(ValueError, match=r"token \d+ at byte \d+ is beyond the vocabulary of 100"):
        load_dataset({**entry, "vocab_size": 100})
    with (tmp_path / "tokens/train.bin").open("ab") as file:
        file.write(b"\0\0")
    with pytest.raises(ValueError, match=r"train.bin has \d+ bytes, but .*card.json says \d+: remove the card"):
        load_dataset(entry)
    with pytest.raises(StepError, match="matches no file"):
        prepare({**entry, "prepare": {**source, "files": str(tmp_path / "nothing/*.txt")}})


@pytest.mark.slow
def test_a_hub_data_set_and_tokenizer_are_read_offline_from_the_hub_cache(tmp_path):
    """Folders in the form of the hub's cache, as `hf download` leaves them, and no network."""
    pytest.importorskip("datasets", reason="needs the extra `train`: make train-extra")
    tokenizers = pytest.importorskip("tokenizers", reason="needs the extra `train`: make train-extra")
    texts = [f"document {number}: é and {number**3} words\n" for number in range(40)]
    own = tokenizers.ByteLevelBPETokenizer()
    own.train_from_iterator(texts, vocab_size=300, special_tokens=["<|endoftext|>"], show_progress=False)
    revision = "0123456789abcdef0123456789abcdef01234567"
    for kind in ("models--org--tok", "datasets--org--texts"):
        (tmp_path / f"hub/{kind}/snapshots/{revision}/data").mkdir(parents=True)
        (tmp_path / f"hub/{kind}/refs").mkdir()
        (tmp_path / f"hub/{kind}/refs/main").write_text(revision)
    model = tmp_path / f"hub/models--org--tok/snapshots/{revision}"
    own.save(str(model / "tokenizer.json"))
    (model / "config.json").write_text('{"model_type": "gpt2"}')
    (model / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "GPT2Tokenizer", "eos_token": "<|endoftext|>"}))
    rows = "".join(json.dumps({"body": text}) + "\n" for text in texts)
    (tmp_path / f"hub/datasets--org--texts/snapshots/{revision}/data/train.jsonl").write_text(rows)
    source = {"hub": "org/texts", "column": "body", "tokenizer": "org/tok", "validation": 0.2}
    entry = {"kind": "tokens", "folder": str(tmp_path / "tokens"), "vocab_size": 300, "prepare": source}

    def run(**changes):
        command = [sys.executable, "-m", "lastiterate.train.prepare", "--dataset", json.dumps({**entry, "prepare": source | changes})]
        environment = os.environ | {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT / "src")}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    done = run()
    assert done.returncode == 0, done.stderr
    dataset = load_dataset(entry)
    decoded = "".join(own.decode(part.tolist(), skip_special_tokens=False) for part in (dataset.train, dataset.validation))
    assert sorted(decoded.split("<|endoftext|>")[:-1]) == sorted(texts)
    assert "org/texts has no column 'text', but body: name one as prepare.column" in run(column="text").stderr
    assert "the cache has no data set org/other: hf download --repo-type dataset org/other" in run(hub="org/other").stderr


def test_thinned_rows_are_means_since_the_row_before():
    step = np.arange(8, 33)
    val_loss = np.where(step == 25, 1.5, np.nan)
    values = {name: step * 1.0 for name in ("train_loss", "grad_norm", "grad_norm_l1", "weight_norm_sq", "relative_update")}
    table = thinned({"step": step, "val_loss": val_loss, **values}, every=10)
    assert table["step"].tolist() == [10, 20, 25, 30, 32]
    assert table["train_loss"].tolist() == [9.0, 15.5, 23.0, 28.0, 31.5]
    assert table["val_loss"][2] == 1.5 and np.isnan(table["val_loss"][0])
    empty = thinned({"step": step[:0], "val_loss": val_loss[:0], **{k: v[:0] for k, v in values.items()}}, every=10)
    assert empty["step"].size == 0


def test_sweeps_share_their_longest_trunk():
    config = smoke()
    (sweep,) = config["sweeps"]
    longer = {**sweep, "trunk": {**sweep["trunk"], "total_steps": 600}, "schedules": ["wsd_400"]}
    config["sweeps"].append(longer)
    trunk = make_plan(config)["tiny-adamw-lr0.003-seed0-trunk"]
    assert trunk.schedule.total_steps == 600 and trunk.checkpoints == (100, 160, 281)
    longer["trunk"] = {**sweep["trunk"], "warmup_steps": 20}
    with pytest.raises(ValueError, match=r"two different runs are called tiny-adamw-lr0\.003-seed0-trunk"):
        make_plan(config)


def test_groups_keep_the_order_and_every_run():
    config = load_train_config(ROOT / "config/train/embedded.yaml")
    plan = make_plan(config)
    together = groups(plan, config)
    assert sorted(run.run_id for group in together for run in group) == sorted(plan)
    assert max(map(len, together)) == 29 and {len(g) for g in together if g[0].optimizer == "sgd"} == {1}
    for group in together:
        assert len({(run.branch_step, run.schedule.total_steps, run.dataset) for run in group}) == 1


def test_a_refined_schedule_is_followed_through_its_knots(rng):
    """Any positive factors come back at the knots, after the warmup, and in between within their local change."""
    refined = pytest.importorskip("lastiterate.train.refined")
    factors = np.convolve(rng.uniform(0.1, 1, 1100), np.ones(101) / 101, "valid")
    like = constant(1000, warmup_steps=50)
    schedule = refined.with_knots(factors, like)
    np.testing.assert_array_equal(schedule.lr[:50], like.lr[:50])
    assert schedule.total_steps == 1000 and schedule.name == "refined"
    np.testing.assert_allclose(schedule.lr[50:], factors[50:] / schedule_peak(schedule, factors), atol=0.02)
    with pytest.raises(ValueError, match="1000 factors for a schedule of 900 updates"):
        refined.with_knots(factors, constant(900))


def schedule_peak(schedule, factors):
    return factors[-1] / schedule.lr[-1]
