"""What each trainer prints: one entry for a writer of text logs, with the place in its code that was read.

A row whose line says the number k was written after update ``k + lag``, and the learning rate in it is that of update
``k + lr_lag``. `LINES` of a new writer need no code elsewhere: a line's `head` tells it, `keys` say what follows. In a
head (a regular expression of RE2, matched anywhere after what ends a prefix: a timestamp, a rank, a logger's name)
``{step}`` stands for the number, ``{total}`` for the planned number of updates.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

PLAIN = r"[-+]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|(?i:nan|inf|infinity))"
HUMAN = PLAIN + "[KMB]?"  # 2.05K
THOUSANDS = r"[-+]?\d{1,3}(?:,\d{3})+|" + PLAIN  # 1,024
END = r"(?:[,|;)}\]'\"(%]|\s*$|\s*[,|;(}]|\s+[A-Za-z_'\"][^\s:=]*['\"]?\s*[:=]|\s+[A-Za-z_]\w*\s+[-+.\d]|  )"
PAIR = (
    r"(?:^|[\s,|;{(\[-])['\"]?{key}['\"]?\s*[:=]?\s*['\"]?(?P<value>{number})" + END
)  # `key: value`, `key=value`, `key value`, `'key': value`


@dataclass(frozen=True)
class Line:
    """A kind of line.

    `literal` is text that each of them has; it is looked for first. `keys` maps the log's own names to roles; the first
    of them makes the line a record. `at`: a line without a number takes that of the "next" or the "last" numbered line;
    `begins`, where given, is a looser head: lines that fit it and are no record are counted; by default the head with anything in
    the place of its numbers; None counts none.
    """

    literal: str
    head: str
    keys: Mapping[str, str] = field(default_factory=dict)
    lag: int = 0
    at: str | None = None
    begins: str | None = ""


@dataclass(frozen=True)
class Writer:
    """A trainer: its kinds of line, how it counts, what its numbers are, and where that was read."""

    name: str
    lines: tuple[Line, ...]
    source: str
    lr_lag: int = 0
    number: str = PLAIN
    pair: str = PAIR
    joined: bool = False  # a record goes on in indented lines
    prefixed: bool = True  # something may stand before a head
    says: tuple[tuple[str, str], ...] = ()  # (role or "step", what a person should know), said where the role is there
    doubts: tuple[tuple[str, str], ...] = ()  # the same, of losses that are not what a loss is taken for
    lr_digits: float = 0.0  # how far rounding may put a printed LR from the executed one
    lr_is_mean: bool = False  # over the rows of an interval


_STEP_LOSS = {"loss": "train_loss", "lr": "lr", "norm": "grad_norm", "grad_norm": "grad_norm", "val_loss": "val_loss"}
_MODDED = {"train_loss": "train_loss", "lr": "lr", "grad_norm": "grad_norm"}
_MEGATRON = {
    "lm loss": "train_loss", "lm_loss": "train_loss", "loss": "train_loss", "learning rate": "lr", "grad norm": "grad_norm",
    "global batch size": "batch_size", "number of skipped iterations": "skipped",
}  # fmt: skip
_MM = {"loss": "train_loss", "lr": "lr", "grad_norm": "grad_norm"}
_FAIRSEQ = {"loss": "train_loss", "lr": "lr", "gnorm": "grad_norm"}
_BITS = "is in bits (to base 2), as fairseq logs it: log(2) times it is in nats"

WRITERS = (
    Writer(
        "nanoGPT",
        (
            Line("iter ", "iter {step}: ", {"loss": "train_loss", "lr": "lr"}, lag=1, begins=r"iter \d"),
            Line("train loss ", "step {step}: train loss ", {"train loss": "mean_loss", "val loss": "val_loss", "lr": "lr"}),
        ),
        "karpathy/nanoGPT 3adf61e train.py: evaluation before update iter_num + 1, whose LR is set already; `iter` after it",
        lr_lag=1,
    ),
    Writer(
        "modded-nanogpt",
        (
            Line(" train_loss:", r"step:{step}(?:/{total})? train_loss:", _MODDED, begins=r"step:\d+(?:/\S*)? train_loss:"),
            Line(" val_loss:", r"step:{step}(?:/{total})? val_loss:", {"val_loss": "val_loss"}, begins=r"step:\d+(?:/\S*)? val_loss:"),
        ),
        "KellerJordan/modded-nanogpt f411b3d train_gpt.py: prints step + 1 for training; validation comes before the update",
    ),
    Writer(
        "llm.c",
        (
            Line(" trl:", "s:{step} trl:", {"trl": "train_loss", "lr": "lr", "norm": "grad_norm"}, lag=1),
            Line(" tel:", "s:{step} tel:", {"tel": "val_loss"}),
        ),
        "karpathy/llm.c f1e2ace llmc/logger.h, train_gpt2.cu; the first modded-nanogpt wrote the same",
        lr_lag=1,
        lr_digits=5.1e-7,
    ),
    Writer(
        "llm.c stdout",
        (
            Line("| loss ", r"step +{step}/{total} \| loss ", {"loss": "train_loss", "lr": "lr", "norm": "grad_norm"}),
            Line("train loss ", r"step +{step}/{total} \| train loss ", {"train loss": "train_loss", "lr": "lr", "norm": "grad_norm"}),
            Line("val loss ", "^val loss ", {"val loss": "val_loss"}, at="last", begins=None),
        ),
        "karpathy/llm.c f1e2ace train_gpt2.cu and train_gpt2.py: print step + 1; the validation loss comes before the update",
        says=(("lr", "is printed with three digits"),),
    ),
    Writer(
        "build-nanogpt log.txt",
        (
            Line(" train ", rf"{{step}} train {PLAIN}\s*$", {"train": "train_loss"}, lag=1, begins=r"\d+ train \S+\s*$"),
            Line(" val ", rf"{{step}} val {PLAIN}\s*$", {"val": "val_loss"}, begins=r"\d+ val \S+\s*$"),
        ),
        "karpathy/build-nanogpt 01be6b3 train_gpt2.py: validation before update step + 1, training after it",
        prefixed=False,
    ),
    Writer(
        "build-nanogpt",
        (
            Line("| loss: ", r"step +{step} \| loss: ", {"loss": "train_loss", "lr": "lr", "norm": "grad_norm"}, lag=1),
            Line("validation loss: ", "^validation loss: ", {"validation loss": "val_loss"}, at="next", begins=None),
        ),
        "karpathy/build-nanogpt 01be6b3 train_gpt2.py: a validation loss is printed before update step + 1 and has no number",
        lr_lag=1,
    ),
    Writer(
        "nanochat",
        (
            Line("| loss: ", r"step {step}(?:/{total})? \([\d.]+%\) +\| loss: ", {"loss": "train_loss"}, lag=1, begins=r"step \d"),
            Line("Validation bpb: ", r"Step {step} \| Validation bpb: ", {}, begins=None),
        ),
        "karpathy/nanochat 92d63d4 scripts/base_train.py: `step` is the count before the update",
        lr_lag=1,
        doubts=(("train_loss", "is a running mean of the losses (0.9 of the one before)"),),
    ),
    Writer(
        "NeMo",
        (
            Line(
                "Training epoch ",
                r"Training epoch \d+, iteration \d+/\d+ \| .*global_step: {step}(?:\s|$)",
                {"reduced_train_loss": "train_loss", "lr": "lr", "grad_norm": "grad_norm", "val_loss": "last_val_loss"},
                lag=1,
            ),
        ),
        "NVIDIA/NeMo 01f7dbc nemo/lightning/pytorch/callbacks/progress_printer.py (means over log_interval), optim/base.py "
        "(the LR is read before the batch); iteration counts within an epoch; val_loss stands in every line until the next",
        lr_lag=1,
        lr_is_mean=True,
    ),
    Writer(
        "Megatron-LM",
        (
            Line("iteration ", r"iteration +{step}/ *{total} \|", _MEGATRON),
            Line(
                "validation loss at ",
                r"validation loss at iteration {step}(?: on [\w ]+)? +\|",
                {"lm loss value": "val_loss", "lm_loss value": "val_loss", "loss value": "val_loss"},
                begins=None,
            ),
            Line(
                "validation results at ",
                r"validation results at iteration {step} +\|",
                {"lm_loss value": "val_loss", "lm_loss/lm_loss value": "val_loss"},
                begins=None,
            ),
        ),
        "NVIDIA/Megatron-LM d98e8a6 megatron/training/training.py: train_step calls opt_param_scheduler.step before the LR is read; "
        "EleutherAI/gpt-neox and Megatron-DeepSpeed do the same",
        lr_lag=1,
        says=(("train_loss", "is the mean since the line before"),),
    ),
    Writer(
        "torchtitan",
        (
            Line(
                "step: ",
                r"step: +{step}  loss: +\S+  (?:grad_norm|memory: +\S+  wps)",
                {"loss": "train_loss", "grad_norm": "grad_norm", "lr": "lr"},
            ),
            Line("validate step: ", "validate step: +{step}  loss: ", {"loss": "val_loss"}),
        ),
        "pytorch/torchtitan b5bcd76 torchtitan/components/metrics.py, trainer.py: step counts from 1; validation after the update",
    ),
    Writer(
        "OLMo",
        (
            Line(
                "[step=",
                r"\[step={step}(?:/(?:{total}|\?+))?(?:,epoch=[^\]\s]*)?\]\s",
                {
                    "train/CrossEntropyLoss": "train_loss",
                    "train/CE loss": "train_loss",
                    "optim/total_grad_norm": "grad_norm",
                    "optim/total grad norm": "grad_norm",
                    r"optim/LR \(group 0\)": "lr",
                    "optim/LR": "lr",
                    "optim/learning_rate_group0": "lr",
                },
                begins=None,
            ),
        ),
        "allenai/OLMo 59a53e3 olmo/train.py, allenai/OLMo-core fa6c501 train/callbacks/console_logger.py: after the update, with its LR",
        number=THOUSANDS,
        pair=r"\s{key}=(?P<value>{number})(?:\s|$)",
        joined=True,
    ),
    Writer(
        "nanotron",
        (Line("iteration: ", r"iteration: {step} / {total} \| ", {"lm_loss": "train_loss", "lr": "lr", "grad_norm": "grad_norm"}),),
        "huggingface/nanotron 2411b02 src/nanotron/trainer.py: lr_scheduler.step comes before train_step_logs",
        lr_lag=1,
        number=HUMAN,
        says=(("train_loss", "is printed with three digits"), ("lr", "is printed with three digits")),
    ),
    Writer(
        "MaxText",
        (
            Line("completed step: ", "completed step: {step}, ", {"loss": "train_loss"}, lag=1),
            Line("completed profiler ", "completed profiler activation/deactivation step: {step}, ", {"loss": "train_loss"}, lag=1),
            Line("eval metrics after step: ", "eval metrics after step: {step}, ", {"loss": "val_loss"}, lag=1),
            Line("eval after train step ", "Completed eval after train step {step}, ", {"loss": "val_loss"}, lag=1),
        ),
        "AI-Hypercomputer/maxtext e591f30 src/maxtext/common/metric_logger.py: step counts from 0; the loss is the whole objective",
        lr_lag=1,
    ),
    Writer(
        "levanter",
        (Line("Progress on:train ", r"Progress on:train (?P<step>\d+(?:\.\d+)?)(?P<scale>[kMG]?)it/", {"postfix:loss": "train_loss"}),),
        "stanford-crfm/levanter 9263f81 callbacks/_metrics.py; tqdm_loggable's tqdm_logging.py rounds the count to three digits",
    ),
    Writer(
        "mmengine",
        (
            Line("Iter(train) ", r"Iter\(train\) +\[ *{step}/{total}\]", _MM),
            Line("Epoch(train) ", r"Epoch\(train\) +\[ *{epoch}\]\[ *{step}/{per_epoch}\]", _MM),
            Line("Iter [", r"Iter \[{step}/{total}\]", _MM),
            Line("Epoch [", r"Epoch \[ *{epoch}\]\[ *{step}/{per_epoch}\]", _MM),
        ),
        "open-mmlab/mmengine 2543429 runner/log_processor.py, hooks/runtime_info_hook.py (the LR is read before the update), mmcv 1 alike",
        says=(("train_loss", "is a mean over the last updates (10, unless configured)"),),
    ),
    Writer(
        "xtuner",
        (
            Line(
                "Step ",
                r"(?:Epoch \d+ )?Step {step}/{total} data_time: ",
                {
                    "reduced_llm_loss": "train_loss",
                    "local_loss": "train_loss",
                    "loss": "train_loss",
                    "total_loss": "train_loss",
                    "lr": "lr",
                    "grad_norm": "grad_norm",
                },
            ),
        ),
        "InternLM/xtuner b934f46 xtuner/v1/train/trainer.py: logged after the update, before the LR scheduler's step",
    ),
    Writer(
        "fairseq",
        (
            Line('"num_updates"', r'\{.*"update": [\d.]+, .*"num_updates": "?{step}"?', _FAIRSEQ, begins=None),
            Line(" num_updates=", r"epoch +\d+: +\d+ */ *\d+ .*num_updates={step}", _FAIRSEQ, begins=None),
            Line('"valid_num_updates"', r'\{.*"valid_loss".*"valid_num_updates": "?{step}"?', {"valid_loss": "val_loss"}, begins=None),
            Line("valid on", r"valid on '[^']*' subset \| .*num_updates {step}", {"loss": "val_loss"}, begins=None),
        ),
        "facebookresearch/fairseq 3d262bb trainer.py (lr_step_update after num_updates grew), logging/progress_bar.py, criterions",
        lr_lag=1,
        doubts=(("train_loss", _BITS), ("val_loss", _BITS)),
    ),
    Writer(
        "detectron2",
        (Line("iter: ", "iter: {step}  ", {"total_loss": "train_loss", "lr": "lr", "validation_loss": "val_loss"}, lag=1),),
        "facebookresearch/detectron2 02b5c4e utils/events.py, engine/hooks.py: iter counts from 0, the LR is the one just executed",
        lr_lag=1,
        says=(("train_loss", "is a median over 20 updates"),),
    ),
)
