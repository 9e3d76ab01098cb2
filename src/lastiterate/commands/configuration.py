"""The way back of `lastiterate export`: a trainer's configuration to the schedule that it will execute."""

import json
from argparse import Namespace
from pathlib import Path

import numpy as np

from lastiterate import _stdin
from lastiterate.commands.common import print_json
from lastiterate.schedules.configs import READERS, Config, ConfigError, read_named
from lastiterate.schedules.plot import SUFFIXES as PICTURES
from lastiterate.schedules.plot import save_plot
from lastiterate.workflow.files import write_csv, write_text

LONGEST = 20_000  # updates of a table that is printed as JSON


def load(trainer: str, name: str, steps: int | None) -> Config:
    """The configuration in a file, or on standard input (-); ConfigError that names it."""
    if trainer not in READERS:
        raise ConfigError(f"--from {trainer}: not read, but {', '.join(READERS)}")
    try:
        text = _stdin.read_text() if _stdin.is_stdin(name) else Path(name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError(
            f"{name}: is not text (training_args.bin is not: print it, or give the script, the YAML or the model card)"
        ) from None
    except OSError as error:
        raise ConfigError(f"--from {trainer} {name[:60]}: {error.strerror.lower()}") from None
    return read_named(text, trainer, name, steps)


def run(arguments: Namespace) -> None:
    """Read, write, print."""
    trainer, name = arguments.config
    config = load(trainer, name, arguments.steps)
    if arguments.csv:
        _save(config, arguments.csv, ".csv", name)
    if arguments.out:
        _save(config, arguments.out, arguments.out.suffix.lower(), name)
    if arguments.json:
        print_json(report(config) | {"lr": {"first": config.lr[0], "largest": config.lr.max(), "last": config.lr[-1]}})
        return
    print("\n".join(f"# {line}" for line in describe(config)))
    short = config.known or config.lr.size <= LONGEST
    print(config.schedule.to_json() if short else "# no JSON of so many learning rates is printed: write them with --out FILE.csv")


def _save(config: Config, path: Path, suffix: str, name: str) -> None:
    if suffix == ".csv":
        write_csv(path, {"step": np.arange(1, config.lr.size + 1), "lr": config.lr})
    elif suffix in PICTURES:
        save_plot(config.lr, path, f"{config.trainer}: {Path(name).name}")
    elif suffix == ".json":
        write_text(path, json.dumps(report(config)))
    else:
        raise ConfigError(f"--out {path}: expected .json, .csv, or a picture ({', '.join(PICTURES)})")


def report(config: Config) -> dict:
    """The schedule as --schedule takes it, and what it was read from."""
    schedule = json.loads(config.schedule.to_json())
    values = {key: list(value) if isinstance(value, tuple) else value for key, value in config.values.items()}
    return schedule | {"total_steps": int(config.lr.size), "trainer": config.trainer, "values": values, "notes": list(config.notes)}


def describe(config: Config) -> list[str]:
    """What is executed, in words, then the notes."""
    lr, peak = config.lr, float(config.lr.max())
    at_peak = np.flatnonzero(lr >= peak * (1 - 1e-15)) + 1
    first, last = int(at_peak[0]), int(at_peak[-1])
    lines = [f"{config.trainer}: {lr.size} updates, largest learning rate {peak:.6g}, first {lr[0]:.6g}, last {lr[-1]:.6g}"]
    if config.known is None and (lr.size > LONGEST or config.schedule.phases[0].shape == "table"):
        lines.append(f"no warmup, stable stretch and decay of plain shapes; the largest is executed from update {first} to {last}")
        return lines + list(config.notes)
    begin = 0
    for phase in config.schedule.phases:
        begin, from_ = begin + phase.steps, begin + 1
        ends = f"{lr[from_ - 1]:.6g}" if phase.shape == "constant" else f"{lr[from_ - 1]:.6g} to {lr[begin - 1]:.6g}"
        lines.append(f"updates {from_} to {begin}: {phase.kind}{'' if phase.shape == 'constant' else f' ({phase.shape})'}, {ends}")
    return lines + list(config.notes)
