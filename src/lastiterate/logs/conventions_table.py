"""The table of writers in docs/logs.md, from what the readers go by; ``python -m lastiterate.logs.conventions_table`` writes it there."""

from pathlib import Path

from lastiterate.logs.formats.text_writers import WRITERS, Writer
from lastiterate.logs.trainers import TRAINERS, Trainer

BEGIN, END = "<!-- table of writers: written by lastiterate.logs.conventions_table -->\n", "<!-- end of the table of writers -->\n"
HEAD = ("writer", "file", "loss of row k is after update", "validation", "LR of row k is that of update", "read in")
FIXED = (  # formats that have a module of their own
    ("Hugging Face", "trainer_state.json", "k", "k", "k; k + 1 before 4.51", "huggingface/transformers 4.49.0 to 4.51.0: trainer.py"),
    (
        "Hugging Face",
        "printed rows",
        "k, by the progress bar",
        "k",
        "by version",
        "huggingface/transformers: trainer_callback.py (ProgressCallback)",
    ),
    ("Lightning", "metrics.csv", "k + 1", "k + 1", "k + 1", "Lightning-AI/pytorch-lightning 7f0c343: training_epoch_loop.py, lr_monitor"),
    ("epfml", "JSON", "k", "k", "k + 1", "checked against the schedule in the file"),
    ("unknown", "table, W&B, event file: steps from 0", "k + 1", "k + 1", "k + 1", "a rule of ours, said in a note"),
    ("unknown", "the same with an epoch: steps 49, 99, ...", "k + 1", "k + 1", "k + 1", "Lightning's"),
    ("unknown", "the same, else", "k", "k", "k, or as its zeros tell", "a rule of ours"),
)


def table() -> str:
    """The table in Markdown."""
    rows = [*FIXED[:4], *_trainers(), *map(_text, sorted(WRITERS, key=lambda writer: writer.name.lower())), *FIXED[4:]]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in (HEAD, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(HEAD), *lines[1:]]) + "\n"


def _update(shift: int | None) -> str:
    return "by version" if shift is None else "k" if shift == 0 else f"k + {shift}"


def _trainers() -> list[tuple[str, ...]]:
    found: dict[tuple[str, ...], None] = {}
    for trainer in TRAINERS:
        found.setdefault(_of_trainer(trainer))
    return list(found)


def _of_trainer(trainer: Trainer) -> tuple[str, ...]:
    shift = lambda role: _update(trainer.shifts.get(role, trainer.step_shift))
    lr = "none logged, a factor" if trainer.says and "lr" not in trainer.columns else _update(trainer.lr_shift)
    return trainer.name, "W&B, event file, table", shift("train_loss"), shift("val_loss"), lr, trainer.source


def _text(writer: Writer) -> tuple[str, ...]:
    of = lambda *roles: sorted({line.lag for line in writer.lines for role in line.keys.values() if role in roles})
    shown = lambda lags: " or ".join(map(_update, lags)) or "none logged"
    has_lr = any("lr" in line.keys.values() for line in writer.lines)
    lr = _update(writer.lr_lag) if has_lr else "none logged"
    return writer.name, "text", shown(of("train_loss")), ("k" if of("last_val_loss") else shown(of("val_loss"))), lr, writer.source


def main() -> None:
    """Write the table into docs/logs.md."""
    path = Path("docs/logs.md")
    before, _, rest = path.read_text().partition(BEGIN)
    path.write_text(before + BEGIN + table() + END + rest.partition(END)[2])


if __name__ == "__main__":
    main()
