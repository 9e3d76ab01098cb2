"""What trainers print, in the form in which they print it: which update a line belongs to, and what is no record."""

import numpy as np
import pytest

import made_up_logs as logs
from lastiterate.logs import LogError, read
from lastiterate.logs.formats.text_writers import WRITERS
from made_up_logs import messages, only, save

TOTAL = 40
LOSS = 3 + 6 / np.arange(1, TOTAL + 2)  # at index t - 1, the loss of update t
LR = 1e-3 * np.minimum(np.arange(1, TOTAL + 2) / 10, 1)  # of update t; the last is never executed
NORM = 1 + 1 / np.arange(1, TOTAL + 2)
VAL = {0: 9.5, 20: 3.6, 40: 3.3}  # after update


def megatron(t):
    end = (
        f"validation loss at iteration {t} on validation set | lm loss value: {VAL[t]:.6E} | lm loss PPL: 3.6E+01 | " if t in VAL else None
    )
    return [
        f" [2026-01-01 10:00:{t:02}.123456] iteration {t:8d}/{TOTAL:8d} | consumed samples: {t * 8:12d} |"
        f" elapsed time per iteration (ms): 900.0 | learning rate: {LR[t]:.6E} |"
        f" global batch size:     8 | lm loss: {LOSS[t - 1]:.6E} | loss scale: 1.0 |"
        f" grad norm: {NORM[t - 1]:.3f} | number of skipped iterations:   0 | number of nan iterations:   0 |",
        *(["-" * 90, " " + end, "-" * 90] if end else []),
    ]


def neox(t):
    line = (
        f" samples/sec: 37.5 | iteration {t:8d}/{TOTAL:8d} | elapsed time per iteration (ms): 900.0 | learning rate: {LR[t]:.3E} |"
        f" approx flops per GPU: 1.2E+14 | lm_loss: {LOSS[t - 1]:.6E} | number of skipped iterations:   0 |"
    )
    results = f" validation results at iteration {t} | lm_loss value: {VAL.get(t, 0):.6E} | lm_loss_ppl value: 2.7E+01 | "
    return [line, *([results] if t in VAL else [])]


def torchtitan(t):
    head = "[rank0]:[titan] 2026-01-01 10:00:00,000 - root - INFO - " if t % 2 else "[2026-01-01 10:00:00][I][components/metrics:526:log] "
    validate = (
        f"{head}\x1b[33mvalidate step: {t:2}  \x1b[32mloss: {VAL.get(t, 0):7.4f}  \x1b[36mmemory:  1.00GiB(2.00%)  tps: 1,000\x1b[39m"
    )
    return [
        f"{head}\x1b[31mstep: {t:2}  \x1b[32mloss: {LOSS[t - 1]:8.5f}  \x1b[38;2;180;60;0mgrad_norm: {NORM[t - 1]:7.4f}  "
        f"\x1b[36mmemory:  1.00GiB(2.00%)  \x1b[34mtps: 10,000  \x1b[36mtflops: 1,120.10  \x1b[35mmfu: 35.00%\x1b[39m",
        *([validate] if t in VAL else []),
    ]


def olmo(t, train="train/CrossEntropyLoss", norm="optim/total_grad_norm", lr=()):
    head = f"2026-01-01 10:00:00.123\thost:0\tolmo.train:967\tINFO\t[step={t}/{TOTAL},epoch=0]"
    return [head, f"    {norm}={NORM[t - 1]:.4f}", f"    {train}={LOSS[t - 1]:.4g}", *lr, "    throughput/total_tokens=1,048,576"]


def olmo_core(t):
    lr = (f"    optim/LR (group 0)={LR[t - 1]:.4g}",)
    return olmo(t, "train/CE loss", "optim/total grad norm", lr)


def nanotron(t):
    return [
        f"01/01/2026 10:00:00 [INFO|DP=0|PP=0|TP=0|node1]: iteration: {t} / {TOTAL} | consumed_tokens: {t * 1.05:.3g}M |"
        f" time_per_iteration_ms: 1.2K | tokens_per_sec: 50.2K | global_batch_size: 1.02K | grad_norm: {NORM[t - 1]:.3g} |"
        f" lm_loss: {LOSS[t - 1]:.3g} | lr: {LR[t]:.3g} | model_tflops_per_gpu: 12.1 | eta: 0:00:10"
    ]


def maxtext(t):
    head = "I0101 10:00:00.579063 125344476638336 metric_logger.py:181] "
    val = f"{head}eval metrics after step: {t - 1}, loss={VAL.get(t, 0):.3f}, total_weights=4096"
    return [
        f"{head}completed step: {t - 1}, seconds: 0.435, TFLOP/s/device: 236.448, Tokens/s/device: 9423.869, total_weights: 4096, "
        f"loss: {LOSS[t - 1]:.3f}",
        *([val] if t in VAL else []),
    ]


def levanter(t):
    return [f"2026-01-01T10:00:00 - 0 - tqdm_loggable.tqdm_logging - tqdm_logging.py:145 - INFO :: Progress on:train {t}.0it/{TOTAL}.0it "
            f"rate:1.2it/s remaining:00:10 elapsed:00:{t:02} postfix:loss={LOSS[t - 1]:.4g}"]  # fmt: skip


def nemo(t):
    done = max((at for at in VAL if at < t and at), default=None)
    val = f" | val_loss: {VAL[done]:.4}" if done else ""
    return [
        f"[2026-01-01T10:00:00+00:00] pretraining/0 Training epoch {t // 20}, iteration {(t - 1) % 20}/19 | lr: {LR[t - 1]:.4} |"
        f" global_batch_size: 8 | global_step: {t - 1} | reduced_train_loss: {LOSS[t - 1]:.4} | train_step_timing in s: 2.5{val}"
    ]


def nanochat(t):
    bpb = [f"Step {t:05d} | Validation bpb: 0.9"] if t in VAL else []
    return [
        f"step {t - 1:05d}/{TOTAL:05d} ({100 * (t - 1) / TOTAL:.2f}%) | loss: {LOSS[t - 1]:.6f} | lrm: 1.00 | dt: 700.00ms"
        " | tok/sec: 740,000 | bf16_mfu: 40.00 | epoch: 1 pq: 0 rg: 3 | total time: 0.10m",
        *bpb,
    ]


def build_nanogpt(t):
    val = [f"validation loss: {VAL[t - 1]:.4f}"] if t - 1 in VAL else []
    return [
        *val,
        f"step {t - 1:5d} | loss: {LOSS[t - 1]:.6f} | lr {LR[t - 1]:.4e} | norm: {NORM[t - 1]:.4f} | dt: 70.10ms | tok/sec: 74.10",
    ]


def build_nanogpt_file(t):
    val = [f"{t - 1} val {VAL[t - 1]:.4f}", f"{t - 1} hella 0.2487"] if t - 1 in VAL else []
    return [*val, f"{t - 1} train {LOSS[t - 1]:.6f}"]


def llm_c_stdout(t):
    val = [f"val loss {VAL[t - 1]:f}"] if t - 1 in VAL else []
    line = f"step {t:4d}/{TOTAL} | loss {LOSS[t - 1]:7.6f} (+nanz)| norm {NORM[t - 1]:6.4f} (+0.12z)| lr {LR[t - 1]:.2e}"
    return [*val, line + " | 310.10 ms | 48.1% bf16 MFU | 169 tok/s", *([f"val loss {VAL[t]:f}"] if t == TOTAL else [])]


def mmengine(t, head="Iter(train)"):
    return [f"2026/01/01 10:00:00 - mmengine - INFO - {head} [{t:5d}/{TOTAL}]  lr: {LR[t - 1]:.4e}  eta: 0:00:10  time: 0.4000  "
            f"data_time: 0.0100  memory: 1200  grad_norm: {NORM[t - 1]:.4f}  loss: {LOSS[t - 1]:.4f}  loss_cls: 1.2000"]  # fmt: skip


def mmengine_epochs(t):
    return [mmengine(t)[0].replace(f"Iter(train) [{t:5d}/{TOTAL}]", f"Epoch(train)  [{(t - 1) // 8 + 1}][{(t - 1) % 8 + 1}/8]")]


def xtuner(t):
    return [f"[XTuner][RANK 0][2026-01-01 10:00:00][INFO] Epoch 1 Step {t}/{TOTAL} data_time: 0.0100 lr: {LR[t - 1]:.6e} time: 1.0000"
            f" text_tokens: 4096 reduced_llm_loss: {LOSS[t - 1]:.8f}, local_loss: 9.90000000"
            f" grad_norm: {NORM[t - 1]:.8f} max_memory: 1.00 GB"]  # fmt: skip


def fairseq(t):
    head = "2026-01-01 10:00:00 | INFO | "
    val = f'{head}valid | {{"epoch": 1, "valid_loss": "{VAL.get(t, 0):.3f}", "valid_ppl": "9", "valid_num_updates": "{t}"}}'
    return [
        f'{head}train_inner | {{"epoch": 1, "update": {t / 10}, "loss": "{LOSS[t - 1]:.3f}", "ppl": "9", "wps": "1000",'
        f' "num_updates": "{t}", "lr": "{LR[t]:.6g}", "gnorm": "{NORM[t - 1]:.3f}", "wall": "{t}"}}',
        *([val] if t in VAL else []),
    ]


def fairseq_simple(t):
    return [f"2026-01-01 10:00:00 | INFO | train_inner | epoch 001: {t:5d} / 100 loss={LOSS[t - 1]:.3f}, ppl=9, wps=1000, ups=3,"
            f" num_updates={t}, lr={LR[t]:.6g}, gnorm={NORM[t - 1]:.3f}, train_wall=1, wall={t}"]  # fmt: skip


def detectron2(t):
    return [f"[01/01 10:00:00 d2.utils.events]:  eta: 0:00:10  iter: {t - 1}  total_loss: {LOSS[t - 1]:.4g}  loss_cls: 0.5  "
            f"loss_box_reg: 0.2  time: 0.4000  last_time: 0.4  data_time: 0.0100  last_data_time: 0.01 "
            f"  lr: {LR[t - 1]:.5g}  max_mem: 1200M"]  # fmt: skip


def nanogpt_with_lr(t):
    val = [f"step {t - 1}: train loss 9.0000, val loss {VAL[t - 1]:.4f}"] if t - 1 in VAL else []
    return [*val, f"iter {t - 1}: loss {LOSS[t - 1]:.4f}, time 120.00ms, mfu 30.00%, lr {LR[t - 1]:.6f}"]


# writer's name, its lines after update t, what it logs besides the loss, and the updates whose validation it logs
PRINTED = [
    ("Megatron-LM", megatron, "lr next, norm", (20, 40)),
    ("Megatron-LM", neox, "lr next", (20, 40)),
    ("torchtitan", torchtitan, "norm", (20, 40)),
    ("OLMo", olmo, "norm", ()),
    ("OLMo", olmo_core, "lr own, norm", ()),
    ("nanotron", nanotron, "lr next, norm", ()),
    ("MaxText", maxtext, "", (20, 40)),
    ("levanter", levanter, "", ()),
    ("NeMo", nemo, "lr own", (20,)),
    ("nanochat", nanochat, "", ()),
    ("build-nanogpt", build_nanogpt, "lr own, norm", (0, 20)),
    ("build-nanogpt log.txt", build_nanogpt_file, "", (0, 20)),
    ("llm.c stdout", llm_c_stdout, "lr own, norm", (0, 20, 40)),
    ("mmengine", mmengine, "lr own, norm", ()),
    ("mmengine", mmengine_epochs, "lr own, norm", ()),
    ("xtuner", xtuner, "lr own, norm", ()),
    ("fairseq", fairseq, "lr next, norm", (20, 40)),
    ("fairseq", fairseq_simple, "lr next, norm", ()),
    ("detectron2", detectron2, "lr own", ()),
    ("nanoGPT", nanogpt_with_lr, "lr own", (0, 20)),
]
IDS = [write.__name__ for _, write, _, _ in PRINTED]


def text(write, updates=range(1, TOTAL + 1), before=("starting", "a line, with a comma: 3")):
    return ("\n".join([*before, *(line for t in updates for line in write(t))]) + "\n").encode()


@pytest.mark.parametrize(("writer", "write", "has", "validated"), PRINTED, ids=IDS)
def test_every_line_is_of_its_update(tmp_path, writer, write, has, validated):
    run = only(tmp_path, text(write))
    assert run.log_format.removesuffix(" text log") == writer and run.total_steps == TOTAL
    updates, losses = run.series["train_loss"]
    assert updates.tolist() == list(range(1, TOTAL + 1))
    np.testing.assert_allclose(losses, LOSS[:TOTAL], rtol=5e-3)
    steps, values = run.series.get("val_loss", (np.array([]), np.array([])))
    assert dict(zip(steps.tolist(), values.tolist(), strict=True)) == pytest.approx({t: VAL[t] for t in validated}, rel=1e-3)
    assert ("grad_norm" in run.series) == ("norm" in has)
    if "norm" in has:
        np.testing.assert_allclose(run.series["grad_norm"][1], NORM[:TOTAL], rtol=5e-3)
    assert (run.logged_lr is not None) == ("lr" in has)
    if "lr" in has:
        of, rates = run.logged_lr
        assert of.tolist() == (list(range(2, TOTAL + 1)) if "next" in has else list(range(1, TOTAL + 1)))
        np.testing.assert_allclose(rates, LR[of - 1], rtol=5e-3)


def test_every_writer_says_where_it_was_read():
    printed = {writer for writer, *_ in PRINTED} | {"modded-nanogpt", "llm.c"}  # in test_log_formats
    assert printed == {writer.name for writer in WRITERS}
    assert all("/" in writer.source for writer in WRITERS)


@pytest.mark.parametrize(
    "prefix", ["", "[10:00:01] ", "0: ", "2026-01-01 10:00:00,123 INFO root: ", "[1,0]<stdout>:", "\x1b[32m", "    | "]
)
@pytest.mark.parametrize("write", [build_nanogpt, nanogpt_with_lr, maxtext, megatron], ids=lambda write: write.__name__)
def test_what_stands_before_a_record_does_not_hide_it(tmp_path, prefix, write):
    lines = [line for t in range(1, TOTAL + 1) for line in write(t) if "validation loss: " not in line]
    content = "".join(f"{prefix if i % 2 else ''}{line}\x1b[0m\n" for i, line in enumerate(lines)).encode()
    assert only(tmp_path, content).series["train_loss"][0].size == TOTAL


def test_lines_end_as_on_any_system_or_progress_bar(tmp_path):
    plain = text(nanogpt_with_lr)
    for content in (plain.replace(b"\n", b"\r\n"), plain.replace(b"\n", b"\r"), plain.replace(b"iter", b"\rstep 3%| | 1/3\riter")):
        np.testing.assert_array_equal(only(tmp_path, content).series["train_loss"][1], only(tmp_path, plain).series["train_loss"][1])


def test_ranks(tmp_path):
    same = b"".join(text(maxtext, [t], ()) * 4 for t in range(1, TOTAL + 1))
    run = only(tmp_path, same)
    assert run.series["train_loss"][0].size == TOTAL and "are equal to an earlier one of their run" in messages(run)
    lines = text(build_nanogpt, before=()).decode().replace("validation loss", "step 0 val").splitlines()
    ranks = "".join(f"[rank{rank}]: {line.replace('loss: ', f'loss: {rank}')}\n" for line in lines for rank in (0, 1)).encode()
    run = only(tmp_path, ranks)
    np.testing.assert_allclose(run.series["train_loss"][1], LOSS[:TOTAL], atol=1e-6)
    assert "2 ranks write records: those of rank 0 are taken" in messages(run)


def test_lines_that_only_begin_like_a_record_are_counted(tmp_path):
    content = text(nanogpt_with_lr) + b"iter 50: loss 3.1 BPC, time 1ms\niter 51: loss\niter 52: lositer 53: loss 3.0, time 1ms\n"
    run = only(tmp_path, content)
    assert run.series["train_loss"][0].size == TOTAL and "lines: 3 begin like a record and are not one" in messages(run)
    assert "the first is 'iter 50: loss 3.1 BPC, time 1ms'" in messages(run)
    modded = b"step:0/9 val_loss:9.5\nstep:1/x train_loss:3\nstep:1/9 train_loss:x\nstep:2/9 train_loss:4.0\n"
    assert "lines: 2 begin like a record" in messages(only(tmp_path, modded))
    with pytest.raises(LogError, match="holds no whole record of nanoGPT: 1 begin like a record"):
        only(tmp_path, b"iter 0: loss 3.1 BPC, time 1ms\n")
    cut = only(tmp_path, text(megatron)[:-20])
    assert cut.series["train_loss"][0].size == TOTAL
    cut = only(tmp_path, text(nanotron)[:-20])
    assert cut.series["train_loss"][0].size == TOTAL - 1 and "has no line end" in messages(cut)


@pytest.mark.parametrize("mark", [",", "_"])
def test_thousands_may_be_set_apart(tmp_path, mark):
    counts = [f"{t:,}".replace(",", mark) for t in range(500, 5000, 500)]
    for lines in ([f"step {t} | loss 3.0" for t in counts], [f"step:{t}/5{mark}000 train_loss:3.0 train_time:1ms" for t in counts]):
        run = only(tmp_path, "\n".join([*lines, ""]).encode())
        assert run.series["train_loss"][0].tolist() == list(range(500, 5000, 500))


def test_a_console_line_with_commas_is_no_header(tmp_path):
    run = only(tmp_path, "".join(f"step {t}, loss {LOSS[t]:.3f}, lr 0.001\n" for t in range(1, 9)).encode())
    assert run.log_format == "console log" and run.total_steps == 8


def test_lines_of_an_unknown_writer_that_hold_no_record_are_counted(tmp_path):
    lines = [f"step {t} | loss {LOSS[t]:.3f}" for t in range(1, 9)] + ["step 9k | loss 2.0"]
    assert "lines: 1 begin like a record and are not one" in messages(only(tmp_path, "\n".join([*lines, ""]).encode()))


def test_a_ramp_and_skipped_iterations_of_megatron_are_said(tmp_path):
    content = text(megatron).replace(b"skipped iterations:   0", b"skipped iterations:   1", 2)
    run = only(tmp_path, content)
    assert run.batch_size == 8 and "number of skipped iterations: 2 in all: they are counted and made no update" in messages(run)
    run = only(tmp_path, content.replace(b"global batch size:     8", b"global batch size:     4", 9))
    assert run.batch_size is None and "global batch size: goes from 4 to 8 within the run, a ramp" in messages(run)


def test_runs_and_resumes(tmp_path):
    first, second = text(build_nanogpt, before=()), text(build_nanogpt, before=()).replace(b"loss: ", b"loss: 1")
    a, b = read(save(tmp_path, first + b"again\n" + second))
    assert (a.run_id, b.run_id) == ("log/1", "log/2") and b.series["train_loss"][1][0] == 10 + LOSS[0]
    assert "run 2 of 2" in messages(b)
    abandoned = text(megatron, range(1, 31)).replace(b"lm loss: ", b"lm loss: 9") + text(megatron, range(21, TOTAL + 1))
    run = only(tmp_path, abandoned)
    assert run.series["train_loss"][0].tolist() == list(range(1, TOTAL + 1))
    assert (run.series["train_loss"][1][:20] > 90).all() and (run.series["train_loss"][1][20:] < 4).all()
    assert "resumed from a checkpoint: 10 earlier rows from step 21 on are left out" in messages(run)
    summary = text(maxtext) + text(maxtext, [38, 39, 40])  # a summary repeats the last lines
    np.testing.assert_array_equal(only(tmp_path, summary).series["train_loss"][1], only(tmp_path, text(maxtext)).series["train_loss"][1])


def test_a_map_and_a_stated_shift(tmp_path):
    run = only(tmp_path, text(nanochat), {"lr": "lrm"})
    assert run.taken["lr"] == "lrm" and run.logged_lr[0].tolist() == list(range(1, TOTAL + 1))
    assert "Validation bpb (in bits per byte" in messages(only(tmp_path, text(nanochat)))
    run = only(tmp_path, text(maxtext), step_shift=0)
    assert run.series["train_loss"][0].tolist() == list(range(TOTAL))
    with pytest.raises(LogError, match=r"there is no 'x', but .*loss"):
        only(tmp_path, text(megatron), {"train_loss": "x"})
    run = only(tmp_path, text(mmengine), {"train_loss": "loss_cls"})
    assert set(run.series["train_loss"][1]) == {1.2}


def test_what_a_person_should_know(tmp_path):
    assert "is in bits (to base 2)" in messages(only(tmp_path, text(fairseq)))
    assert "the log ends at update 10 of 40" in messages(only(tmp_path, text(megatron, range(1, 11))))
    every = text(nemo, range(1, TOTAL + 1, 5))
    assert "LR not known: the log holds its mean over each interval" in messages(only(tmp_path, every))
    rounded = b"".join(b"Progress on:train %.2fkit/9.00kit rate:1it/s postfix:loss=3.0\n" % (1 + i / 100) for i in range(5))
    run = only(tmp_path, rounded)
    assert run.series["train_loss"][0].tolist() == [1000, 1010, 1020, 1030, 1040] and "printed with three digits" in messages(run)


def test_a_layout_finds_what_a_search_finds(tmp_path):
    """Blocks of many lines are read by the layout of their first; a line of another layout among them is found as well."""
    lines = [f"s:{i} trl:{3 + i % 7 / 10:.4f} lr:{1e-3:.6f} norm:1.00" for i in range(3000)]
    lines[1500] = "[10:00] s:1500 trl:9.0000 lr:0.001000 norm:2.00, late"
    lines[1501] = "s:1501 trl:x lr:0.001000 norm:1.00"
    run = only(tmp_path, ("\n".join(lines) + "\n").encode())
    steps, losses = run.series["train_loss"]
    assert steps.size == 2999 and losses[steps == 1501] == 9.0 and "lines: 1 begin like a record" in messages(run)


def test_one_long_line_takes_no_longer(tmp_path):
    run = only(tmp_path, b"s:0 trl:3.0 lr:0.1\n" + b"s:1 trl:3.0 " + b"a" * 3_000_000 + b"\ns:1 trl:2.0 lr:0.1\n")
    assert run.series["train_loss"][1].tolist() == [3.0, 2.0]


def test_nanogpts_configuration_may_be_nonsense(tmp_path):
    config = b"max_iters = 7777777777\nlearning_rate = 1e-3\nwarmup_iters = 1\nlr_decay_iters = 777\nmin_lr = 0\n"
    assert "describes no schedule (7777777778 updates" in messages(only(tmp_path, b"iter 0: loss 3.0, t\n" + config))
    assert "describes no schedule" in messages(only(tmp_path, logs.nanogpt().replace(b"min_lr = 1e-4", b"min_lr = x")))


def test_a_record_whose_count_is_damaged_is_counted(tmp_path):
    content = text(levanter).replace(b"train 19.0it/", b"train 1\xd3\x03\xf9it/")
    run = only(tmp_path, content)
    assert len(run.series["train_loss"][0]) == 39
    assert "1 begin like a record and are not one: left out" in messages(run)
