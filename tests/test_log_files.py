"""Files and folders of logs: read one by one, written a few at a time, by the command, and as a source of the workflow."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import made_up
import made_up_logs as logs
from lastiterate.cli import main
from lastiterate.logs import LogError, ingest, read
from lastiterate.logs.stream import write_issues, write_tables
from lastiterate.workflow.fetch import fetch_source
from lastiterate.workflow.sources import load_sources, source_digest
from lastiterate.workflow.step import StepError
from made_up_logs import LOSS, PLAIN, SCHEDULE, TOTAL, VAL, save


def test_a_folder_is_read_file_by_file(tmp_path):
    (tmp_path / "x").mkdir()
    for name in ("a.csv", "x/b.csv"):
        save(tmp_path, PLAIN, name)
    save(tmp_path, b"", ".hidden")
    assert [run.run_id for run in read(tmp_path)] == ["a", "x/b"]
    with pytest.raises(FileNotFoundError, match="holds no file"):
        read((tmp_path / "empty").mkdir() or tmp_path / "empty")
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "nowhere")


def test_runs_are_written_a_few_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr("lastiterate.logs.stream.BATCH_ROWS", 500)
    path = save(tmp_path, logs.jsonl_bytes([row for run in "abcdefg" for row in logs.table_rows(run)]))
    assert write_tables(read(path), "s", tmp_path / "runs.parquet", tmp_path / "history.parquet") == (7, 7 * TOTAL)
    runs, history = pd.read_parquet(tmp_path / "runs.parquet"), pd.read_parquet(tmp_path / "history.parquet")
    assert runs.run_id.tolist() == [f"log/{run}" for run in "abcdefg"]
    np.testing.assert_allclose(history[history.run_id == "log/g"].train_loss, LOSS, rtol=1e-12)
    again = list(read(tmp_path / "history.parquet"))  # the tables are logs too
    assert len(again) == 7
    np.testing.assert_array_equal(again[3].lr, SCHEDULE.lr)
    with pytest.raises(ValueError, match="there is no run to write"):
        write_tables([], "s", tmp_path / "r.parquet", tmp_path / "h.parquet")
    assert not (tmp_path / "h.parquet").exists() and not list(tmp_path.glob(".*part*"))


def test_the_command_says_what_it_took_the_log_for(tmp_path, capsys):
    path = save(tmp_path, logs.trainer_state(), "trainer_state.json")
    assert main(["read", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "trainer_state: Hugging Face trainer_state.json, 200 updates, LR recognised as a schedule" in printed
    assert "train_loss: loss (20 rows, last" in printed and "note: learning_rate: recognised as wsd with peak 0.001" in printed
    schedule = tmp_path / "schedule.json"
    schedule.write_text(SCHEDULE.to_json())
    assert main(["read", str(path), "--schedule", str(schedule), "--json"]) == 0
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert run["lr_from"] == "schedule" and run["taken"]["val_loss"] == "eval_loss" and run["last"]["val_loss"] == VAL[-1]


def test_the_command_reads_folders_and_leaves_out_what_is_no_log(tmp_path, capsys):
    folder = tmp_path / "logs"
    folder.mkdir()
    save(folder, PLAIN, "a.csv")
    save(folder, logs.llm_c(), "b.log")
    save(folder, b"\x00", "weights.bin")
    assert main(["read", str(folder), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr()
    assert "2 runs, 401 rows" in printed.out and "left out: " in printed.err and "weights.bin" in printed.err
    assert pd.read_parquet(tmp_path / "out/runs.parquet").run_id.tolist() == ["a", "b"]
    assert main(["read", str(folder / "weights.bin"), "--out", str(tmp_path / "none")]) == 2
    assert "which no format knows" in capsys.readouterr().err and not list((tmp_path / "none").glob("*"))
    for arguments in ([str(folder / "weights.bin")], [str(folder / "a.csv"), "--map", "loss"], [str(tmp_path / "nowhere")]):
        done = subprocess.run([sys.executable, "-m", "lastiterate.cli", "read", *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 2 and "Traceback" not in done.stderr and "error: " in done.stderr


def run_ingest(monkeypatch, folder, rows, source="mine"):
    made_up.write_sources(folder / "sources.csv", rows)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(
        "sys.argv", ["ingest", "--sources", "sources.csv", "--source", source, "--output", "r.parquet", "h.parquet", "i.csv"]
    )
    ingest.main()
    return pd.read_parquet("r.parquet"), pd.read_parquet("h.parquet"), pd.read_csv("i.csv")


LOCAL = {
    "source": "mine",
    "reader": "logs",
    "repository": "local",
    "commit": "",
    "path": "runs/*",
    "sha256": "",
    "bytes": "",
    "licence": "own",
}


def test_local_files_are_a_source(tmp_path, monkeypatch, capsys):
    (tmp_path / "runs").mkdir()
    save(tmp_path / "runs", PLAIN, "a.csv")
    save(tmp_path / "runs", logs.llm_c(), "b.log")
    save(tmp_path / "runs", b"prose", "README")
    runs, history, issues = run_ingest(monkeypatch, tmp_path, [LOCAL])
    assert runs.run_id.tolist() == ["a", "b"] and runs.lr_from.tolist() == ["recognised", "recognised"] and len(history) == 401
    assert issues[issues.left_out].file.tolist() == ["runs/README"]
    assert "mine: 2 runs, 401 rows; 1 runs left out" in capsys.readouterr().err
    files = load_sources("sources.csv")["mine"].files
    assert [file.key for file in files] == ["runs/README", "runs/a.csv", "runs/b.log"] and all(file.is_local for file in files)
    with pytest.raises(SystemExit):
        run_ingest(monkeypatch, tmp_path, [LOCAL | {"path": "runs/README"}])
    assert "none of its 1 runs can be used" in capsys.readouterr().err


def test_local_files_are_not_fetched(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = save(tmp_path, PLAIN, "a.csv")
    made_up.write_sources(tmp_path / "sources.csv", [LOCAL | {"path": str(path)}])
    source = load_sources("sources.csv")["mine"]
    assert fetch_source(source) == 0 and source.files[0].local == path
    before = source_digest(source, tmp_path / "cache.json")
    path.write_bytes(PLAIN + b"201,0.001,1.0,1.0\n")
    assert source_digest(source, tmp_path / "cache.json") != before
    path.unlink()
    with pytest.raises(StepError, match=r"a.csv: no such file on this machine\n  next: correct its row"):
        fetch_source(source)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"path": "nothing/*"}, "path='nothing/\\*' matches no file on this machine"), ({"commit": "0" * 40}, "commit='0+' does not match")],
)
def test_a_bad_local_row_is_named(tmp_path, monkeypatch, change, message):
    monkeypatch.chdir(tmp_path)
    made_up.write_sources(tmp_path / "sources.csv", [LOCAL | change])
    with pytest.raises(ValueError, match=f"line 2: {message}"):
        load_sources("sources.csv")


def test_the_notes_of_read_are_no_log(tmp_path):
    write_issues([], tmp_path / "issues.csv")
    with pytest.raises(LogError, match="the notes of lastiterate read"):
        list(read(tmp_path / "issues.csv"))
