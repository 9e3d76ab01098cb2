"""What a log's columns are: names that trainers really use, matched in order of preference; a mapping overrules them.

Names are compared in lower case with every other character as "_": "train/loss", "Train Loss" and "train_loss" are one.
"""

import re
from collections.abc import Iterable, Mapping

from lastiterate.logs.run_log import HISTORY_VALUES, LogError

ROLES = ("run_id", "step", "lr", *HISTORY_VALUES)

_STEP = (
    "train_global_step", "trainer_global_step", "global_step", "iter", "iteration", "iterations", "num_updates", "update", "updates",
    "train_step", "step", "_step",
)  # fmt: skip
_LR = (
    "train_learning_rate", "learning_rate", "train_lr", "lr", "optim_learning_rate", "optim_lr", "optim_learning_rate_group0",
    r"lr_(?!.*(momentum|weight_decay))\w+", r"optim_learning_rate\w*",
)  # fmt: skip
_TRAIN = (
    "train_loss_step", "train_loss", "training_loss", "train_train_loss", "loss_train", "train_ce_loss", "train_crossentropyloss",
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
)  # fmt: skip
_RUN = ("run_id", "run_name", "run", "_run", "run_path")
PATTERNS = {
    "run_id": _RUN, "step": _STEP, "lr": _LR, "train_loss": _TRAIN, "val_loss": _VAL, "grad_norm": _NORM, "grad_norm_l1": _L1,
    "weight_norm_sq": ("weight_norm_sq",), "relative_update": ("relative_update",),
}  # fmt: skip


def plain(name: str) -> str:
    """The name as it is compared: lower case, "_" for everything but letters and digits, one leading "_" kept."""
    text = re.sub(r"[^a-z0-9]+", "_", name.lower())
    return ("_" if text.startswith("_") else "") + text.strip("_")


def recognise(names: Iterable[str], mapping: Mapping[str, str], file: str) -> dict[str, str]:
    """Columns by role: those of `mapping`, then the first that fits each role's names.

    Raises LogError if the mapping names an unknown role or a column that is not there.

    >>> recognise(["_step", "train/loss", "lr-AdamW", "lr-AdamW-momentum"], {}, "log.csv")
    {'step': '_step', 'lr': 'lr-AdamW', 'train_loss': 'train/loss'}
    """
    names = list(names)
    for role, name in mapping.items():
        if role not in ROLES:
            raise LogError(file, "mapping", f"has {role!r}, expected one of {', '.join(ROLES)}")
        if name not in names:
            raise LogError(file, "columns", f"there is no column {name!r} for {role}, but {shortened(names)}: map {role} to one of them")
    found: dict[str, str] = {}
    for role in ROLES:
        name = mapping.get(role) or _best(role, [n for n in names if n not in mapping.values() and n not in found.values()])
        if name is not None:
            found[role] = name
    return found


def others(names: Iterable[str], taken: Mapping[str, str]) -> dict[str, list[str]]:
    """By role, the columns that would fit it as well as the one taken; of steps none, since trainers log several."""
    free = [name for name in names if name not in taken.values()]
    fits = lambda role, name: any(re.fullmatch(pattern, plain(name)) for pattern in PATTERNS[role])
    found = {role: [name for name in free if fits(role, name)] for role in taken if role not in ("run_id", "step")}
    return {role: fitting for role, fitting in found.items() if fitting}


def shortened(names: Iterable[str]) -> str:
    """The names, at most twelve of them."""
    names = list(names)
    return (
        ", ".join(f"{name:.60}" for name in names[:12]) + (f", ... ({len(names)} in all)" if len(names) > 12 else "") if names else "none"
    )


def _best(role: str, names: list[str]) -> str | None:
    for pattern in PATTERNS[role]:
        for name in names:
            if re.fullmatch(pattern, plain(name)):
                return name
    return None
