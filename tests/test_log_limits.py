"""Logs that would fill a machine, and rows that could get lost: each ends in a sentence that names the limit, or is counted."""

import gzip
import json
import time

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

import made_up_logs as logs
from lastiterate.cli import main
from lastiterate.logs import LogError, read
from lastiterate.logs.limits import Limits
from made_up_logs import jsonl_bytes, only, save


def refusal(tmp_path, content, **options):
    path = save(tmp_path, content)
    with pytest.raises(LogError) as error:
        list(read(path, **options))
    assert str(error.value).startswith(f"{path}: ")
    return str(error.value)


def test_a_parquet_file_that_holds_more_than_its_size_is_not_taken_into_memory(tmp_path):
    table = arrow.table({"step": arrow.array([0] * 1_000_000), "loss": arrow.array([1.0] * 1_000_000)})
    with parquet.ParquetWriter(tmp_path / "bomb.parquet", table.schema, compression="zstd") as writer:
        for _ in range(3):
            writer.write_table(table)
    assert (tmp_path / "bomb.parquet").stat().st_size < 100_000
    message = refusal(tmp_path, (tmp_path / "bomb.parquet").read_bytes(), limits=Limits(numbers=2_000_000))
    assert "holds more than 2000000 numbers in one run: if it is a log all the same, raise the limit with --limit numbers=N" in message


@pytest.mark.parametrize("write", [logs.csv_bytes, lambda names, rows: jsonl_bytes([dict(zip(names, row, strict=True)) for row in rows])])
def test_numbers_are_counted_by_run(tmp_path, write):
    rows = [[run, step, 3.0] for run in ("a", "b", "c") for step in range(1, 5001)]
    path = save(tmp_path, write(["run_id", "step", "loss"], rows))
    assert len(list(read(path, limits=Limits(numbers=10_000)))) == 3
    with pytest.raises(LogError, match="more than 7000 numbers in one run"):
        list(read(path, limits=Limits(numbers=7_000)))


def test_columns_are_bounded(tmp_path):
    header = ["step", "loss", *(f"c{i}" for i in range(10_000))]
    rows = [dict.fromkeys(header[i * 2000 :], 1.0) | {"step": 1, "loss": 2.0} for i in range(5)]
    for content in (logs.csv_bytes(header, [[1.0] * len(header)]), jsonl_bytes(rows), logs.parquet_bytes({name: [1.0] for name in header})):
        assert "has 10002 columns, more than 10000: if it is a log all the same, raise the limit with --limit columns=N" in refusal(
            tmp_path, content
        )


def test_a_text_log_is_bounded_as_well(tmp_path):
    content = b"".join(b"iter %d: loss 3.0, time 1ms\n" % i for i in range(100_000))
    assert "more than 1000 numbers" in refusal(tmp_path, content, limits=Limits(numbers=1000))


def test_a_document_that_has_to_be_in_memory_is_bounded(tmp_path):
    for content in (json.dumps([{"step": 1, "loss": 2.0}] * 100, indent=1).encode(), logs.trainer_state()):
        assert "raise the limit with --limit bytes=N" in refusal(tmp_path, content, limits=Limits(bytes=100))


def test_what_unpacks_to_too_much_is_not_unpacked(tmp_path):
    bomb = gzip.compress(b"step,loss\n" + b"1,2\n" * 1_000_000, mtime=0)
    assert "if it is a log all the same, raise the limit with --limit bytes=N" in refusal(tmp_path, bomb, limits=Limits(bytes=1000))


def test_reading_is_bounded_in_time_and_what_is_done_with_the_runs_is_not(tmp_path):
    rows = [[run, step, 3.0] for run in ("a", "b") for step in range(1, 20_001)]
    path = save(tmp_path, logs.csv_bytes(["run_id", "step", "loss"], rows))
    for _ in read(path, limits=Limits(seconds=0.5)):
        spent = time.thread_time()
        while time.thread_time() < spent + 0.6:
            pass
    with pytest.raises(LogError, match=r"takes more than 1e-06 seconds to read: .* --limit seconds=N"):
        list(read(path, limits=Limits(seconds=1e-6)))


def test_a_step_beyond_every_run_names_the_option_that_raises_the_limit(tmp_path, capsys):
    path = save(tmp_path, b"step,loss\n1,3.0\n30000000,2.0\n")
    assert main(["read", str(path)]) == 2
    assert "has a step 30000000, expected a count of updates (at most 20000000)" in (said := capsys.readouterr().err)
    assert "--limit updates=N" in said
    assert main(["read", str(path), "--limit", "updates=1e8"]) == 0
    with pytest.raises(SystemExit):
        main(["read", str(path), "--limit", "bite=3"])
    assert "is not NAME=N with NAME one of updates, columns, numbers, bytes, seconds" in capsys.readouterr().err


def test_a_first_row_of_any_length_is_recognised(tmp_path):
    rows = [{"_step": i, "train/loss": 3 - 0.01 * i} for i in range(20)]
    rows[0] |= {f"config/{i}": "x" * 50 for i in range(2000)}
    run = only(tmp_path, jsonl_bytes(rows))
    assert run.log_format == "Weights & Biases history" and len(run.series["train_loss"][0]) == 20


@pytest.mark.parametrize("gone", [{"step": 3, "loss": 1.0}, {"step": 3, "loss": 1.0, "run_id": None}])
def test_a_row_that_names_no_run_where_others_do_is_refused(tmp_path, gone):
    rows = [{"step": 1, "loss": 3.0, "run_id": "a"}, {"step": 2, "loss": 2.0, "run_id": "a"}, gone]
    assert "line 3: has no 'run_id', the rows before it do" in refusal(tmp_path, jsonl_bytes(rows))
    assert "column 'run_id': is empty in row 3" in refusal(tmp_path, b"run_id,step,loss\na,1,3.0\na,2,2.0\n,3,1.0\n")
    table = {"run_id": ["a", "a", None], "step": [1, 2, 3], "loss": [3.0, 2.0, 1.0]}
    assert "column 'run_id': is empty in row 3" in refusal(tmp_path, logs.parquet_bytes(table))


def test_a_key_that_stands_twice_in_any_row_is_refused(tmp_path):
    assert "holds 'loss' twice" in refusal(tmp_path, b'{"step": 1, "loss": 3.0}\n{"step": 2, "loss": 2.0, "loss": 1.0}\n')


def test_a_table_with_a_line_of_megabytes_says_so(tmp_path):
    content = b'step,loss,note\n1,2.0,"' + b"a" * 9_000_000 + b'"\n2,1.0,b\n'
    try:
        assert only(tmp_path, content).series["train_loss"][1].tolist() == [2.0, 1.0]
    except LogError as error:
        assert "has a line of more than 4194304 bytes" in str(error)


@pytest.mark.parametrize("name", ["\x1b[31mred\x1b]0;pwn\x07", "a\nb", "a\rb", "\u202etxt", "a\x00b", "\x9b31m"])
def test_what_a_terminal_would_obey_is_shown_escaped(tmp_path, capsys, name):
    content = "run_id,step,lr,loss\n" + "".join(f'"{name}",{step},0.1,{3 - step / 10}\n' for step in range(1, 9))
    rows = [{"run_id": name, "step": step, "lr": 0.1, "loss": 3 - step / 10} for step in range(1, 9)]
    for written in (content.encode(), jsonl_bytes(rows)):
        path = save(tmp_path, written)
        for words in (["read", str(path)], ["read", str(path), "--json"], ["plan", str(path), "--horizon", "100"]):
            main(words)
            printed = capsys.readouterr()
            assert not any(not character.isprintable() for character in (printed.out + printed.err).replace("\n", ""))
            assert len(printed.out.splitlines()) < 2 or "a\nb" not in printed.out
    (run,) = read(path)
    assert run.run_id.isprintable() and "\\" in run.run_id
