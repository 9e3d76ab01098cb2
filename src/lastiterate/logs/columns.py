"""What a log's columns are: names that trainers really use, matched in order of preference; a mapping overrules them.

The names of a trainer that is known (`trainers`) come first, as it writes them; else names are compared in lower case with
every other character as "_": "train/loss", "Train Loss" and "train_loss" are one.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from lastiterate.logs.run_log import HISTORY_VALUES, LogError
from lastiterate.logs.trainers import Trainer, trainer_of

ROLES = ("run_id", "step", "lr", *HISTORY_VALUES)

_STEP = (
    "train_global_step", "trainer_global_step", "global_steps?", "current_steps", "iteration_step", "iters?", "iterations?", "n_iters?",
    "num_updates", "n_updates", "updates?", "optimi[sz]er_steps?", "update_steps?", "train(ing|er)?_steps?", "train_iter", "steps?",
    "_step",
)  # fmt: skip
_SETTING = "(min|max|peak|base|init|initial|start|final|end)"  # of a schedule
_NO_RATE = rf"momentum|weight_decay|factor|scale|mult|ratio|relative|frac|norm|(?<=_)lr_|(?<=_)({_SETTING}|x?1e_?\d+)$"
_LR = (
    "train_learning_rate", "learning_rate", "train_lr", "lr", "optim_learning_rate", "optim_lr", "optim_learning_rate_group0",
    rf"lr_(?!.*({_NO_RATE}))\w+", r"optim_learning_rate\w*",
)  # fmt: skip
_TRAIN = (
    "train_loss_step", "train_loss", "training_loss", "loss_train", "train_ce_loss", "train_crossentropyloss",
    "lm_loss", "train_lm_loss", "train_loss_epoch", "loss",
)  # fmt: skip
_VAL = (
    "val_loss", "eval_loss", "valid_loss", "validation_loss", "loss_val", "val_val_loss", "eval_ce_loss", "eval_lm_crossentropyloss",
    "lm_loss_validation", "val_loss_epoch",
)  # fmt: skip
_L1 = ("grad_norm_l1", "l1_grad_norm", "train_grad_norm_l1", "gradient_norm_l1", r"\w*(grad|gnorm)\w*l1\w*", r"\w*l1\w*(grad|gnorm)\w*")
_NORM = (
    "grad_norm", "train_grad_norm", "gradient_norm", "train_gradient_norm", "global_grad_norm", "optim_total_grad_norm", "gradnorm",
    "gnorm", "grad_norm_l2", "train_grad_norm_l2",
    r"(train_)?grad_norm_(before|pre)_clip(ping)?",
)  # fmt: skip
_RUN = ("run_id", "run_name", "run", "_run", "run_path")
PATTERNS = {
    "run_id": _RUN, "step": _STEP, "lr": _LR, "train_loss": _TRAIN, "val_loss": _VAL, "grad_norm": _NORM, "grad_norm_l1": _L1,
    "weight_norm_sq": ("weight_norm_sq",), "relative_update": ("relative_update",),
}  # fmt: skip
ONE_OF_SEVERAL = r"(eval|val|valid|validation)_(?!.*ema)\w+_(loss|ce_loss|crossentropyloss)"  # a set's name between: taken if alone
SETTINGS = {  # of a run, where a column or a configuration holds them
    "seed": ("seed", "config_seed", "random_seed"),
    "n_params": ("n_params", "num_params", "num_parameters", "n_parameters", "parameters", "model_num_parameters"),
    "tokens_per_step": ("batch_size_in_tokens", "tokens_per_step", "tokens_per_update", "global_batch_size_in_tokens", "batch_tokens"),
    "batch_size": ("batch_size", "global_batch_size", "train_batch_size", "total_batch_size", "effective_batch_size"),
    "weight_decay": ("weight_decay", "wd", "config_weight_decay", "optim_weight_decay"),
    "optimizer": ("optim", "optimizer", "opt"),
    "dataset": ("dataset", "dataset_name"),
    "model": ("model", "model_name", "model_type", "model_size"),
}
TEXTS = ("optimizer", "dataset", "model")
_LOOKS_USEFUL = re.compile(
    r"loss|learning_rate|(^|_)lrm?(_|$)|norm(_|$)|perplexity|(^|_)(ppl|bp[bc]|nll|ce|xent)(_|$)|cross_?entropy|(^|_)lm_loss"
)
_MAY_COUNT = re.compile(
    r"^$|^_?(unnamed.*|index|idx|i|t|n|x|id)$|step|iter|(^|_)updates?(_|$)|batch|epoch|token|sample|_idx|count|images|seen"
)
_TELLS_RUNS = re.compile(
    r"(^|_)(variant|experiment|exp|trial|config|method|name|model|optimi[sz]er|opt|scheduler?|label|job|arm|dataset|group|seed|split|subset|"
    r"mode|set|kind|type|phase|stage|part|partition|fold|section|loader)(_|$)"
)
_SHAPES = {
    "width",
    "depth",
    "d_model",
    "n_layer",
    "n_layers",
    "num_layers",
    "n_embd",
    "hidden_size",
    "hidden_dim",
    "n_heads",
    "n_head",
    "params",
}
_REMARKS = (
    (r"perplexity|(^|_)ppl(_|$)", "a perplexity: a loss is its logarithm"),
    (r"(^|_)bp[bc](_|$)", "in bits per byte or character: a loss is in nats per token"),
    (r"^train_train_loss$", "the mean over all of the run, with which Hugging Face's Trainer ends"),
    (r"^epoch_\w*(loss|lr|rate|accuracy)$", "logged once an epoch and counted in epochs, as Keras does"),
    (r"(^|_)(smooth(ed)?|running|moving)(_|$)", "a running mean of losses, which lags behind them"),
    (r"(^|_)ema(_|$)|swa(_|$)|averaged?_(weights|model)", "of an average of the weights (EMA), not of the last iterate"),
    (
        r"(^|_)lrm(_|$)|lr\w*_(factor|scale|mult\w*|ratio|relative|frac\w*)|(^|_)lr_(over_)?(max_|peak_|base_)?lr|"
        r"(factor|mult\w*|ratio|relative|normali[sz]ed)_(of_)?(lr|learning_rate)",
        "a factor of the learning rate: multiply it by the base LR",
    ),
    (
        rf"(^|_){_SETTING}_(lr|learning_rate)$|(^|_)(lr|learning_rate)_{_SETTING}$",
        "a setting of the schedule, not what an update executed",
    ),
    (r"(^|_)(lr|learning_rate)\w*_x?1e_?\d+$", "in a unit of its own"),
)


@lru_cache(maxsize=1 << 14)
def plain(name: str) -> str:
    """The name as it is compared: lower case, "_" for everything but letters and digits, one leading "_" kept."""
    text = re.sub(r"[^a-z0-9]+", "_", name.strip().lower())
    return ("_" if text.startswith("_") else "") + text.strip("_")


@lru_cache(maxsize=1 << 14)
def fits(role: str, name: str) -> bool:
    """Whether the name is one of the role's."""
    return any(re.fullmatch(pattern, plain(name)) for pattern in PATTERNS[role])


def may_be_val_loss(name: str) -> bool:
    """Whether the name is that of a loss on one of several sets."""
    return re.fullmatch(ONE_OF_SEVERAL, plain(name)) is not None


def recognise(names: Iterable[str], mapping: Mapping[str, str], file: str, trainer: Trainer | None = None) -> dict[str, str]:
    """Columns by role: those of `mapping`, then the trainer's (`trainer_of` the names by default), then the first that fits.

    Raises LogError if the mapping names an unknown role or a column that is not there.

    >>> recognise(["_step", "train/loss", "lr-AdamW", "lr-AdamW-momentum"], {}, "log.csv")
    {'step': '_step', 'lr': 'lr-AdamW', 'train_loss': 'train/loss'}
    """
    names = list(names)
    for role, name in mapping.items():
        if role not in ROLES:
            raise LogError(file, "--map", f"has {role!r}, expected one of {', '.join(ROLES)}")
        if name not in names:
            raise LogError(file, "columns", f"there is no column {name!r} for {role}, but {shortened(names)}: map {role} to one of them")
    trainer = trainer or trainer_of(names)
    found: dict[str, str] = {}
    for role in ROLES:
        free = [n for n in names if n not in mapping.values() and n not in found.values()]
        own = _of_trainer(role, trainer.columns[role], free) if trainer and role in trainer.columns else None
        name = mapping.get(role) or own or _best(role, free)
        if name:
            found[role] = name
    return found


def others(names: Iterable[str], taken: Mapping[str, str]) -> dict[str, list[str]]:
    """By role, the columns that would fit it as well as the one taken; of steps none, since trainers log several."""
    free = [name for name in names if name not in taken.values()]
    trainer = trainer_of(names)
    own = trainer.columns.get("lr", "(?!)") if trainer else "(?!)"
    found = {role: [name for name in free if fits(role, name)] for role in taken if role not in ("run_id", "step")}
    if "lr" in found:
        found["lr"] += [name for name in free if name not in found["lr"] and re.fullmatch(own, name)]
    return {role: fitting for role, fitting in found.items() if fitting}


def counters(names: Iterable[str], taken: Mapping[str, str]) -> list[str]:
    """Columns that would fit as the count of updates as well, but the logger's own `_step`."""
    return [name for name in names if name != taken.get("step") and plain(name) not in ("_step", "") and fits("step", name)]


def may_count(names: Iterable[str]) -> list[str]:
    """Columns that might count updates, by their names: to be shown, never to be taken."""
    return [name for name in names if _MAY_COUNT.search(plain(name)) and not _LOOKS_USEFUL.search(plain(name))]


def unused(names: Iterable[str], used: Iterable[str]) -> list[str]:
    """Columns that look like a loss, a learning rate or a norm and are not among the used ones, with a remark where one is due.

    >>> unused(["step", "loss", "train/ppl", "gpu/util"], ["step", "loss"])
    ['train/ppl (a perplexity: a loss is its logarithm)']
    """
    used = set(used)
    found = [name for name in dict.fromkeys(names) if name not in used and _LOOKS_USEFUL.search(plain(name))]
    found += [name for name in dict.fromkeys(names) if name not in used and name not in found and remark(name)]
    return [f"{name} ({why})" if (why := remark(name)) else name for name in found]


def tells_runs(name: str) -> bool:
    """Whether a column of words may tell rows of several runs, or of training and validation, apart."""
    return _TELLS_RUNS.search(plain(name)) is not None


def one_of_a_run(name: str) -> bool:
    """Whether a column of numbers holds what a run has once: its seed, the size of its model."""
    return any(plain(name) in SETTINGS[key] for key in ("seed", "n_params")) or plain(name) in _SHAPES


def remark(name: str) -> str | None:
    """What a name says against taking its column for what its role asks."""
    return next((text for pattern, text in _REMARKS if re.search(pattern, plain(name))), None)


def setting_columns(names: Iterable[str]) -> dict[str, str]:
    """Columns that hold settings of the run, by setting."""
    names = list(names)
    found = {key: next((n for pattern in patterns for n in names if plain(n) == pattern), None) for key, patterns in SETTINGS.items()}
    return {key: name for key, name in found.items() if name}


def shortened(names: Iterable[str]) -> str:
    """The names, at most twelve of them."""
    names = list(names)
    return (
        ", ".join(f"{name:.90}" for name in names[:12]) + (f", ... ({len(names)} in all)" if len(names) > 12 else "") if names else "none"
    )


def _of_trainer(role: str, patterns: str, names: list[str]) -> str | None:
    """The trainer's column: the first of its patterns ("|" between them) that fits; none of several validation sets."""
    found = [name for name in names if re.fullmatch(patterns, name)]
    if not found or (role == "val_loss" and len(found) > 1):
        return None
    order = patterns.split("|") if "(" not in patterns else [patterns]
    return next(name for pattern in order for name in found if re.fullmatch(pattern, name))


def _best(role: str, names: list[str]) -> str | None:
    for pattern in PATTERNS[role]:
        for name in names:
            if re.fullmatch(pattern, plain(name)):
                return name
    alone = [name for name in names if role == "val_loss" and may_be_val_loss(name)]
    return alone[0] if len(alone) == 1 else None
