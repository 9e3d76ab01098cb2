"""What the world writes, and what must not come back wrong: counts, versions, writers, resumes, cut records, seeds, divergence."""

import json
from pathlib import Path

import numpy as np
import pytest

import made_up_logs as logs
from lastiterate.cli import main
from lastiterate.logs import LogError, read
from lastiterate.logs.trainers import TRAINERS
from lastiterate.plan import Pilot, TooThin, make_plan, pilot_curves
from lastiterate.schedules import linear, wsd
from made_up_logs import events, messages, only, save, table


def state(rows, total, planned=None, key=True):
    """trainer_state.json with rows (step, loss, lr); `key`: as transformers 4.50 and later."""
    history = [{"step": k, "loss": loss, "learning_rate": lr} for k, loss, lr in rows]
    found = {"best_global_step": None} if key else {}
    return json.dumps(found | {"global_step": total, "max_steps": planned or total, "log_history": history}).encode()


REFUSED = [  # tables that hold no count of updates, or one that cannot be: what the message names
    (table("epoch,train_loss,lr", [0, 3.0, 0.1], [1, 2.0, 0.1]), "no column counts updates, but epoch might"),
    (table("epoch,time,train/box_loss,val/box_loss,lr/pg0", [1, 2, 3, 4, 5]), "epoch counts epochs: multiply it by the updates of one"),
    (table("train_loss,valid_loss", [3.0, 2.9], [2.0, 1.9]), "there is train_loss, valid_loss: name the one that does with --map step="),
    (table("tokens,loss", [4096, 3.0], [8192, 2.0]), "but tokens might"),
    (table("x,y,Model Size,loss", [1, 2, 3, 4], [5, 6, 7, 8]), "no column counts updates"),
    (table("step,train_ppl", [1, 20.0], [2, 19.0]), "train_ppl is a perplexity: a loss is its logarithm"),
    (table("step,eval/a/loss,eval/b/loss", [1, 2, 3], [2, 3, 4]), "several validation losses, eval/a/loss, eval/b/loss: name the one"),
    (table("epoch,step,loss", *[[e, s, 3.0] for e in range(4) for s in (10, 20, 30)]), "falls back at each new epoch: it counts within"),
    (table("step,loss", *[[s, 3 - 0.3 * e - s / 100] for e in range(3) for s in (10, 20, 30)]), "but the loss goes on"),
    (
        table("step,variant,loss", *[[s, v, loss] for v, loss in (("a", 3.0), ("b", 2.0)) for s in (10, 20, 30)]),
        "falls where variant changes from a to b: rows of several runs; name them with --map run_id=variant",
    ),
    (
        table("step,split,loss", *[[s, split, 3.0] for s in (1, 2, 3) for split in ("train", "val")]),
        "column 'split': tells rows of train and val in one column of losses",
    ),
    (
        logs.jsonl_bytes([{"step": s, "seed": "s1" if s < 30 else "s2", "loss": 3.0} for s in (10, 20, 30, 20, 30)][:3] + [
            {"step": s, "seed": "s3", "loss": 3.0} for s in (20, 30)]),
        "falls where seed changes from s2 to s3",
    ),
    (table("step,epoch,loss", *[[e + 1, e, 3.0] for e in range(5)]), "column 'step': counts epochs, as epoch does"),
    (table("steps,n_params,loss", *[[1000 * k, 10**8 * k, 3.0] for k in (1, 2, 3)]), "'n_params': goes from 1e+08 to 3e+08"),
    (table("step,width,val_loss", *[[1000, k, 3.0] for k in (64, 128)]), "rows of several runs; name the column that tells them apart"),
    (table("step,phase,loss", *[[s, phase, 3.0] for s in (1, 2, 3) for phase in ("train", "val")]), "column 'phase': tells rows of train"),
    (table("step,loss,grad_norm", *[[s, 3.0, -0.5] for s in (1, 2, 3)]), "grad_norm is -0.5 at step 1: a norm is >= 0"),
    (table("step,loss", *[[s, 3.0] for s in (5, 2, 9, 1, 7, 3, 8, 4, 6)]), "in no order, or of several runs: sort the rows"),
    (table("step,lr,loss", *[[s, lr, 3.0] for s in range(1, 6) for lr in (0.1, 0.2)]), "they are of several runs; name the column"),
    (logs.jsonl_bytes([{"step": 1, "loss": 3}, {"step": 2, "loss": 2, "run": "b"}]), "names its run in 'run', the rows before it do not"),
    (b'{"step": 1, "loss": 3, "loss": 4}\n', "an object holds 'loss' twice"),
    (b"step,loss\n1,2.9", "table: has no rows; last line has no line end"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "message"), REFUSED, ids=range(len(REFUSED)))
def test_a_row_is_never_taken_for_an_update(tmp_path, content, message):
    with pytest.raises(LogError) as error:
        list(read(save(tmp_path, content)))
    assert message in str(error.value)


def test_the_count_that_is_named_is_taken(tmp_path):
    content = table("done,loss", [100, 3.0], [200, 2.0])
    assert only(tmp_path, content, {"step": "done"}).total_steps == 200
    run = only(tmp_path, table("iter,step,lr,loss", *[[i, (i + 3) // 4, 0.1, 3.0] for i in range(1, 17)]))
    assert run.taken["step"] == "iter" and "iter: taken for the count of updates; step would fit as well" in messages(run)


# --- a count that falls ---------------------------------------------------------------------------------------------


PEAK = 1e-3


def lambda_lr(k, total, warmup=0):
    """The factor that torch's LambdaLR executes in update k + 1."""
    return PEAK * (k / warmup if k < warmup else (total - k) / (total - warmup))


@pytest.mark.parametrize("key", [True, False])
@pytest.mark.parametrize("warmup", [0, 15])
@pytest.mark.parametrize("done", [25, 40])
def test_the_version_of_transformers_is_told_by_its_key_and_its_rates(tmp_path, key, warmup, done):
    for shift in (0, 1) if key else (1,):  # with the key: 4.51 and later, or 4.50
        rows = [(k, 3.0, lambda_lr(k - 1 + shift, 40, warmup)) for k in range(5, done + 1, 5)]
        run = only(tmp_path, state(rows, done, 40, key))
        assert run.total_steps == done and run.logged_lr[0][0] == 5 + shift


def test_a_cosine_tells_its_version(tmp_path):
    for shift in (0, 1):
        rows = [(k, 3.0, PEAK * 0.5 * (1 + np.cos(np.pi * (k - 1 + shift - 7) / 93))) for k in range(10, 71, 10)]
        run = only(tmp_path, state(rows, 70, 100))
        assert run.logged_lr[0][0] == 10 + shift and "a cosine from a warm-up of 7" in messages(run)


def test_rates_that_do_not_tell_are_said_to_be_the_rows_own(tmp_path):
    run = only(tmp_path, state([(10, 3.0, 1e-3), (20, 2.0, 1e-3)], 25, 100))
    assert run.total_steps == 25 and "then say --lr-shift 1" in messages(run) and "stopped at update 25 of 100" in messages(run)


def test_of_several_evaluation_sets_one_is_asked_for(tmp_path):
    history = [{"step": k, "loss": 3.0, "eval_c4_loss": 2.0, "eval_wiki_loss": 1.0} for k in (1, 2)]
    content = json.dumps({"global_step": 2, "max_steps": 2, "log_history": history}).encode()
    run = only(tmp_path, content)
    assert "val_loss" not in run.series and "several validation losses, eval_c4_loss, eval_wiki_loss" in messages(run)
    assert only(tmp_path, content, {"val_loss": "eval_wiki_loss"}).series["val_loss"][1].tolist() == [1.0, 1.0]
    one = content.replace(b', "eval_wiki_loss": 1.0', b"")
    assert only(tmp_path, one).taken["val_loss"] == "eval_c4_loss"
    with pytest.raises(LogError, match="there is no column 'eval_loss'"):
        only(tmp_path, content, {"val_loss": "eval_loss"})


def test_an_evaluation_set_beside_the_trainers_own_is_listed(tmp_path):
    history = [{"step": k, "loss": 3.0, "eval_loss": 3.1, "eval_wiki_loss": 3.2} for k in (5, 10)]
    run = only(tmp_path, json.dumps({"global_step": 10, "max_steps": 10, "log_history": history}).encode())
    assert run.taken["val_loss"] == "eval_loss" and "not used: eval_wiki_loss" in messages(run)


def test_a_loss_of_0_beside_a_norm_of_nan_is_a_diverged_run(tmp_path):
    history = [{"step": k, "loss": 3.0 if k < 3 else 0.0, "grad_norm": 1.0 if k < 3 else float("nan")} for k in range(1, 6)]
    run = only(tmp_path, json.dumps({"global_step": 5, "max_steps": 5, "log_history": history}).encode())
    assert run.diverged and run.invalid["train_loss"].tolist() == [3, 4, 5] and "exactly 0 beside a norm that is NaN" in messages(run)


# --- trainers and their names ---------------------------------------------------------------------------------------

WRITERS = {  # names as each trainer writes them, then: the update of the first row's loss and learning rate, if the first step is 10
    "torchtitan": (["_step", "loss_metrics/global_avg_loss", "lr"], 10, 10),
    "OLMo-core": (["_step", "train/CE loss", "optim/LR (group 0)"], 10, 10),
    "OLMo": (["_step", "train/CrossEntropyLoss", "optim/learning_rate_group0"], 10, 10),
    "Megatron-LM": (["_step", "lm loss", "learning-rate"], 10, 11),
    "NeMo": (["trainer/global_step", "reduced_train_loss", "lr"], 11, 11),
    "GPT-NeoX": (["_step", "train/lm_loss", "train/learning_rate"], 10, 11),
    "levanter": (["global_step", "train/loss", "optim/learning_rate"], 11, 11),
    "MaxText": (["_step", "learning/loss", "learning/current_learning_rate"], 11, 11),
    "nanotron": (["iteration_step", "lm_loss", "lr"], 10, 11),
    "Composer (LLM Foundry)": (["time/batch", "loss/train/total", "lr-DecoupledAdamW/group0"], 11, 11),
    "LLaMA-Factory": (["current_steps", "loss", "lr"], 10, 10),
    "Hugging Face": (["train/global_step", "train/loss", "train/learning_rate"], 10, 10),
    "nanoGPT": (["iter", "train/loss", "lr", "val/loss"], 10, 11),
    "Lightning": (["trainer/global_step", "train_loss", "lr-AdamW"], 11, 11),
    "mmengine": (["iter", "loss", "lr", "step", "time", "data_time"], 10, 10),
    "detectron2": (["iteration", "total_loss", "lr", "data_time"], 11, 11),
}


@pytest.mark.parametrize("trainer", WRITERS)
def test_the_names_of_todays_trainers_are_known_with_their_conventions(tmp_path, trainer):
    (step, loss, lr, *more), of_loss, of_lr = WRITERS[trainer]
    rows = [{step: k, loss: 4.0 - k / 100, lr: 1e-3} | dict.fromkeys(more, k) for k in range(10, 70, 10)]
    run = only(tmp_path, logs.jsonl_bytes(rows))
    assert (run.taken["step"], run.taken["train_loss"], run.taken["lr"]) == (step, loss, lr)
    assert (run.series["train_loss"][0][0], run.logged_lr[0][0]) == (of_loss, of_lr) and f"read as {trainer}'s" in messages(run)


def test_llama_factorys_older_key_dates_its_rates(tmp_path):
    rows = [{"current_steps": t, "loss": 3.0, "learning_rate": 0.1} for t in (10, 20, 30)]
    run = only(tmp_path, logs.jsonl_bytes(rows))
    assert run.logged_lr[0].tolist() == [11, 21] and "its LR that of update k + 1" in messages(run)


def test_every_trainer_of_the_table_is_tried():
    assert {trainer.name for trainer in TRAINERS} == {*WRITERS, "nanochat"} and all(trainer.source for trainer in TRAINERS)


def test_nanochat_logs_a_mean_and_a_factor(tmp_path):
    rows = [{"step": k, "train/loss": 3.0, "train/lrm": 1.0, "val/bpb": 1.0} for k in range(0, 600, 100)]
    run = only(tmp_path, logs.jsonl_bytes(rows))
    assert run.lr is None and run.series["train_loss"][0][0] == 1
    for said in ("train/lrm is a factor of the learning rate", "is an exponential mean", "val/bpb (in bits per byte"):
        assert said in messages(run)


def test_composers_validation_and_norm_are_after_one_update_less(tmp_path):
    rows = [{"_step": k, "loss/train/total": 3.0, "metrics/eval/LanguageCrossEntropy": 3.0, "l2_norm/grad/global": 1.0} for k in (10, 20)]
    run = only(tmp_path, logs.jsonl_bytes(rows))
    assert [run.series[name][0][0] for name in ("train_loss", "val_loss", "grad_norm")] == [11, 10, 10]


def test_columns_that_look_useful_and_are_not_used_are_listed(tmp_path):
    header = "step,loss,aux_loss,ema_val_loss,param_norm,gpu_util"
    run = only(tmp_path, table(header, [1, 3.0, 1.0, 1.0, 1.0, 0.5], [2, 2.0, 1.0, 1.0, 1.0, 0.5]))
    average = "ema_val_loss (of an average of the weights (EMA), not of the last iterate)"
    assert f"columns: not used: aux_loss, {average}, param_norm:" in messages(run)
    run = only(tmp_path, table(header, [1, 3.0, 1.0, 1.0, 1.0, 0.5], [2, 2.0, 1.0, 1.0, 1.0, 0.5]), {"val_loss": "ema_val_loss"})
    assert "it is taken as it stands, because it is mapped" in messages(run)


def test_learning_rates_of_groups_are_compared(tmp_path):
    rows = [[t, 3.0, 1e-3 / t, 1e-3 / t] for t in (1, 2, 3)]
    run = only(tmp_path, table("step,loss,lr/group0,lr/group1", *rows))
    assert run.taken["lr"] == "lr/group0" and "and hold the same rates: the first is taken" in messages(run)
    run = only(tmp_path, table("step,loss,lr/group0,lr/group1", *[[*row[:3], row[3] * 20] for row in rows]))
    assert "at 20 to 20 times its rate: the first is taken; say with --map lr=" in messages(run)


@pytest.mark.parametrize(
    ("rates", "first", "said"), [((0.0, 0.5, 1.0), 1, "a warm-up begins"), ((1.0, 0.5, 0.0), 2, "that of no update that was made")]
)
def test_a_rate_of_0_tells_whose_a_rows_rate_is(tmp_path, rates, first, said):
    run = only(tmp_path, table("step,lr,loss", *[[t, lr, 3.0] for t, lr in enumerate(rates, start=1)]))
    assert run.logged_lr[0][0] == first and said in messages(run)


def test_a_schedule_that_starts_again_is_noted(tmp_path):
    rates = [*np.linspace(1, 0.5, 20), *np.linspace(1, 0.5, 20)]
    run = only(tmp_path, table("step,lr,loss", *[[t, lr, 3.0] for t, lr in enumerate(rates, start=1)]))
    assert "jumps from 0.5 to 1 at update 21: a schedule started again" in messages(run)


# --- what a killed writer leaves ------------------------------------------------------------------------------------

WHOLE = {
    "csv": table("step,lr,loss", *[[t, 0.1, 3.25] for t in range(1, 9)]),
    "jsonl": logs.jsonl_bytes([{"step": t, "loss": 3.25} for t in range(1, 9)]),
    "events": events([(t, 3.25, 0.1) for t in range(1, 9)]),
}


@pytest.mark.parametrize("name", WHOLE)
def test_what_stands_before_a_cut_is_read(tmp_path, name):
    for cut in (1, 2, 3, 5, 8):
        run = only(tmp_path, WHOLE[name][:-cut])
        values = run.series["train_loss"][1]
        assert set(values) == {3.25} and values.size >= 7  # a JSON line that only lacks its end is whole
        assert values.size == 8 or "cut" in messages(run)


def test_a_csv_whose_lines_end_in_cr_is_read(tmp_path):
    assert only(tmp_path, b"step,loss\r1,3\r2,2\r").series["train_loss"][1].tolist() == [3, 2]


# --- settings, seeds, divergence ------------------------------------------------------------------------------------


def test_settings_are_read_where_columns_hold_them(tmp_path):
    header = "step,loss,batch_size_in_tokens,weight_decay,n_params,seed,optimizer,model"
    run = only(tmp_path, table(header, *[[t, 3.0, 4096, 0.1, 1000, 7, "adamw", "gpt"] for t in (1, 2, 3)]))
    settings = (run.tokens_per_step, run.weight_decay, run.n_params, run.seed, run.optimizer, run.model)
    assert settings == (4096, 0.1, 1000, 7, "adamw", "gpt")
    rows = [{"step": t, "loss": 3.0, "batch_size": 8 * t, "optimizer": "adamw", "consumed_tokens": 512 * t} for t in (1, 2, 3, 4)]
    run = only(tmp_path, logs.jsonl_bytes(rows))
    assert run.batch_size is None and run.optimizer == "adamw" and run.tokens_per_step == 512
    assert "batch_size: goes from 8 to 32 within the run, a ramp" in messages(run)


def losses_of(t):
    return 3 + 5 / np.sqrt(t)


def sweep_of(*offsets, step=lambda total: np.arange(20, total + 1, 20)):
    """Pilots of two schedules; of the first one for each offset of its losses."""
    t = step(400)
    same = [Pilot(f"same-{i}", wsd(400, peak_lr=PEAK).lr, {"val_loss": (t, losses_of(t) + d)}) for i, d in enumerate(offsets)]
    other = np.arange(20, 401, 20)
    return [*same, Pilot("other", linear(400, peak_lr=PEAK).lr, {"val_loss": (other, losses_of(other))})]


def test_runs_of_equal_rates_that_end_far_apart_are_no_seeds():
    with pytest.raises(TooThin, match=r"same-0 \(3\.25\) and same-2 \(3\.75\) executed the same learning rates, but their val_loss lies"):
        make_plan(sweep_of(0.0, 0.001, 0.5), 800)
    curves = pilot_curves(sweep_of(0.0, 0.002, 0.5), "val_loss")
    assert [curve.name for curve in curves] == ["same-0", "same-2", "other"]
    np.testing.assert_allclose(curves[0].loss, losses_of(curves[0].step) + 0.001, rtol=1e-12)


def test_a_seed_on_another_grid_does_not_vanish():
    first, other = sweep_of(0.0)
    coarse = np.arange(50, 401, 50)
    seed = Pilot("seed", first.lr, {"val_loss": (coarse, losses_of(coarse) + 0.01)})
    curve, _ = pilot_curves([first, seed, other], "val_loss")
    assert curve.step.tolist() == coarse.tolist()
    np.testing.assert_allclose(curve.loss, losses_of(coarse) + 0.005, atol=1e-2)


def test_a_schedule_that_starts_again_explains_a_loss_that_rises(tmp_path):
    t = np.arange(1, 81)
    lr = np.where(t <= 60, 1 - t / 61, 1.0)
    loss = np.where(t <= 60, 3 + 5 / np.sqrt(t), 4.5)
    for rates, diverged in ((lr, False), (np.ones(80), True)):
        assert only(tmp_path, table("step,lr,loss", *zip(t, rates, loss, strict=True))).diverged == diverged


@pytest.mark.parametrize("end", [6.5, 4.2])
def test_a_loss_that_leaves_its_past_for_good_diverged(tmp_path, end):
    rng = np.random.default_rng(0)
    t = np.arange(1, 101)
    fine = 3 + 5 / np.sqrt(t) + 0.02 * rng.standard_normal(100)
    gone = np.where(t > 70, end + 0.02 * rng.standard_normal(100), fine)
    spike = np.where((t > 50) & (t < 55), 6.0, fine)
    for loss, diverged in ((fine, False), (gone, True), (spike, False)):
        run = only(tmp_path, table("step,lr,loss", *[[k, PEAK, value] for k, value in zip(t, loss, strict=True)]))
        assert run.diverged == diverged and ("never comes back" in messages(run)) == diverged


def test_a_validation_loss_that_is_never_a_number_is_a_diverged_run(tmp_path):
    run = only(tmp_path, table("step,loss,val_loss", *[[t, 3.0, "nan" if t % 2 == 0 else ""] for t in range(1, 9)]))
    assert run.diverged and "val_loss: is not finite throughout" in messages(run)


def test_a_loss_that_is_empty_at_the_end_diverged(tmp_path):
    rows = [[t, 0.1, 5 - t / 10 if t < 20 else ""] for t in range(1, 25)]
    run = only(tmp_path, table("step,lr,loss", *rows))
    assert run.diverged and "is empty in the last 5 rows, where lr goes on" in messages(run)
    assert not only(tmp_path, table("step,lr,loss", *rows[:20])).diverged
    assert not only(tmp_path, table("step,lr,loss,val_loss", *[[*row, 3.0] for row in rows])).diverged


def test_calls_of_wandbs_logger_are_no_updates(tmp_path):
    rows = [{"_step": k, "val/loss": 3.1} if k % 11 == 10 else {"_step": k, "train/loss": 3.0} for k in range(110)]
    with pytest.raises(LogError, match="counts calls of the logger: each val/loss between rows of train/loss has a number of its own"):
        only(tmp_path, logs.jsonl_bytes(rows))
    rows = [{"_step": k, "train/loss": 3.0} | ({"val/loss": 3.1} if k % 10 == 9 else {}) for k in range(100)]
    assert only(tmp_path, logs.jsonl_bytes(rows)).total_steps == 100


def test_a_sampled_history_is_said_to_be_one(tmp_path):
    steps = [41, 265, 394, 414, 430, 497, 523, 776, 864, 911]
    run = only(tmp_path, logs.jsonl_bytes([{"_step": t, "loss": 3.0} for t in steps]))
    assert "irregular steps (41, 265, 394, 414, ...), as in a sampled export" in messages(run)


def test_the_command_speaks_its_own_words(tmp_path, capsys):
    l1 = tmp_path / "l1.csv"
    l1.write_bytes(table("step,loss,grad_norm_l1", *[[t, 3.0, 2.0] for t in range(1, 9)]))
    assert main(["refine", str(l1)]) == 2 and "refine them with --norm l1" in capsys.readouterr().err
    zero = tmp_path / "zero.csv"
    zero.write_bytes(table("step,loss,grad_norm", *[[t, 3.0, t - 1] for t in range(1, 9)]))
    assert main(["refine", str(zero)]) == 2 and "pass --drop-invalid to leave such norms out" in capsys.readouterr().err
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_bytes(table("step,lr,val_loss", *[[t, 5e-4, 3.0] for t in range(10, 101, 10)]))
    stated = 'a={"family": "wsd", "total_steps": 100, "peak_lr": 0.001}'
    assert main(["plan", str(tmp_path), "--horizon", "200", "--executed", stated]) == 2
    assert "run a: lr is 0.0005 at update 10, but the stated schedule has 0.001" in capsys.readouterr().err


def test_the_documentation_has_every_writer_with_its_conventions():
    from lastiterate.logs.conventions_table import BEGIN, END, table

    held = BEGIN + table() + END in (Path(__file__).parents[1] / "docs/logs.md").read_text()
    assert held, "run python -m lastiterate.logs.conventions_table"


def test_seeds_of_a_long_table_are_not_taken_for_resumes(tmp_path):
    content = table("step,seed,loss", *[[t, seed, 3.0] for seed in (1, 2) for t in (10, 20, 30)])
    with pytest.raises(LogError, match="falls where seed changes from 1 to 2: rows of several runs; name them with --map run_id=seed"):
        list(read(save(tmp_path, content)))
    assert [run.run_id for run in read(save(tmp_path, content), {"run_id": "seed"})] == ["log/1", "log/2"]


def test_a_number_of_thousands_of_digits_is_called_so(tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_text('{"step": 1, "loss": ' + "9" * 5000 + "}\n")
    with pytest.raises(LogError, match=r"holds a whole number of more than 4,300 digits: the file is damaged"):
        list(read(log))
