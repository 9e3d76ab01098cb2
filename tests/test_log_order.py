"""Whose rows count, and in what order: resumes, second runs, several processes, event files of one folder."""

import pytest

import made_up_logs as logs
from lastiterate.logs import LogError, read
from made_up_logs import events, messages, only, save, table


def test_a_resume_supersedes_the_rows_of_the_abandoned_branch(tmp_path):
    rows = [[t, 0.1, 5 - t / 10] for t in range(1, 9)] + [[t, 0.1, 4.0] for t in (5, 6)]
    run = only(tmp_path, table("step,lr,loss", *rows))
    assert run.total_steps == 6 and run.series["train_loss"][1].tolist() == [4.9, 4.8, 4.7, 4.6, 4.0, 4.0]
    assert "the count falls from 8 to 5, as in a run resumed from a checkpoint: 4 earlier rows from step 5 on are left out" in messages(run)
    parquet = logs.parquet_bytes({"step": [r[0] for r in rows], "loss": [r[2] for r in rows]})
    assert only(tmp_path, parquet).total_steps == 6


def test_a_validation_row_of_the_abandoned_branch_goes_too(tmp_path):
    rows = [[t, 3.0, 2.0 if t == 8 else ""] for t in range(1, 10)] + [[t, 3.0, ""] for t in (5, 6, 7)]
    run = only(tmp_path, table("step,loss,val_loss", *rows, [7, 3.0, 2.5]))
    assert run.total_steps == 7 and run.series["val_loss"][1].tolist() == [2.5]


def test_rows_of_processes_that_write_at_once_are_taken_in_the_order_of_the_count(tmp_path):
    steps = [10, 10, 20, 20, 30, 40, 30, 50, 40, 60, 50, 60, 70, 70]
    run = only(tmp_path, table("step,loss", *[[t, 3.0] for t in steps]))
    assert run.series["train_loss"][0].tolist() == [10, 20, 30, 40, 50, 60, 70] and "several processes write at once" in messages(run)


def test_a_last_row_without_a_loss_counts_for_the_updates_made(tmp_path):
    rows = [{"current_steps": t, "total_steps": 13, "loss": 3.0, "lr": 0.1} for t in (5, 10)] + [{"current_steps": 13, "total_steps": 13}]
    assert only(tmp_path, logs.jsonl_bytes(rows)).total_steps == 13


def test_a_second_run_in_the_file_is_a_run_of_its_own(tmp_path):
    rows = [[t, loss] for loss in (3.0, 2.0) for t in (10, 20, 30, 40)]
    first, second = read(save(tmp_path, table("step,loss", *rows)))
    assert [first.run_id, second.run_id] == ["log/1", "log/2"] and second.series["train_loss"][1].tolist() == [2.0] * 4
    assert "taken for run 2 of 2" in messages(second)


def test_a_second_run_on_another_grid_is_no_resume(tmp_path):
    rows = [[t, 0.1, 5 - t / 100] for t in range(10, 101, 10)] + [[t, 0.2, 5 - t / 90] for t in range(20, 201, 20)]
    first, second = read(save(tmp_path, table("step,lr,loss", *rows)))
    assert (first.total_steps, second.total_steps) == (100, 200) and first.base_lr == 0.1 and second.base_lr == 0.2


def test_a_run_that_begins_one_row_later_is_no_resume(tmp_path):
    rows = [[t, 5 - t / 10] for t in range(20)] + [[t, 4 - t / 20] for t in range(1, 40)]
    first, second = read(save(tmp_path, table("step,loss", *rows)))
    assert (first.series["train_loss"][0].size, second.series["train_loss"][0].size) == (20, 39)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lr_min", "a setting of the schedule"), ("lr/peak", "a setting of the schedule"), ("max_lr", "a setting of the schedule"),
        ("lr/lr_max", "a factor of the learning rate"), ("relative_lr", "a factor of the learning rate"),
        ("lr (x1e-4)", "a unit of its own"),
    ],
)  # fmt: skip
def test_what_is_no_learning_rate_is_not_taken_for_one(tmp_path, name, said):
    run = only(tmp_path, table(f"step,{name},loss", *[[t, 1 - t / 20, 3.0] for t in range(1, 11)]))
    assert run.lr_from is None and said in messages(run)


def test_a_table_that_pandas_wrote_twice_is_read(tmp_path):
    assert only(tmp_path, table("Unnamed: 0,step,loss", [0, 10, 3.0], [1, 20, 2.9])).total_steps == 20


def test_a_decay_between_the_last_two_rows_is_no_constant_rate(tmp_path):
    rows = [[t, 1e-3 if t < 500 else 0.0, 3.0] for t in range(100, 501, 100)]
    run = only(tmp_path, table("step,lr,loss", *rows))
    assert run.lr_from is None and "falls from 0.001 at update 401 to 0 at 501, and nothing tells how" in messages(run)


def test_a_peak_of_1_is_doubted(tmp_path):
    run = only(tmp_path, table("step,lr,loss", *[[t, 1 - (t - 1) / 20, 3.0] for t in range(1, 11)]))
    assert "has a peak of 1, as a factor of the learning rate has" in messages(run)


def test_blocks_of_training_and_validation_rows_are_one_run(tmp_path):
    rows = [[t, 3.0, ""] for t in (10, 20, 30)] + [[t, "", 2.0] for t in (10, 20, 30)]
    run = only(tmp_path, table("step,loss,val_loss", *rows))
    assert len(run.series["train_loss"][0]) == len(run.series["val_loss"][0]) == 3


def test_falling_order_is_turned(tmp_path):
    run = only(tmp_path, table("step,loss", [30, 1.0], [20, 2.0], [10, 3.0]))
    assert run.series["train_loss"][1].tolist() == [3.0, 2.0, 1.0] and "falling order" in messages(run)


def test_event_files_of_one_folder_are_one_run(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    save(folder, events([(t, 5.0, 0.1) for t in range(10, 60, 10)], 1e9), "events.out.tfevents.2.host")  # named later, written first
    save(folder, events([(t, 4.0, 0.1) for t in range(40, 90, 10)], 2e9), "events.out.tfevents.1.host")
    (run,) = read(tmp_path)
    assert run.run_id == "run" and run.series["train_loss"][1].tolist() == [5.0] * 3 + [4.0] * 5
    assert "2 files of one folder" in messages(run) and "2 earlier" not in messages(run) and "4 earlier rows" in messages(run)


def test_two_writers_at_once_are_refused(tmp_path):
    slow = b"".join([events([(10, 5.0, 0.1)], 1e9), *(events([(t, 5.0, 0.1)], 1e9 + t)[: 10**6] for t in (20, 30))])
    save(tmp_path, slow, "events.out.tfevents.1.host")
    save(tmp_path, events([(10, 4.0, 0.1), (20, 3.0, 0.1)], 1e9 + 15), "events.out.tfevents.2.host")
    with pytest.raises(LogError, match="two runs at once; give each a folder of its own"):
        list(read(tmp_path))


# --- Hugging Face ---------------------------------------------------------------------------------------------------
