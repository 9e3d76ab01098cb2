"""Settings of every trainer as texts with gaps, so that a page can fill them in for a schedule that is bent by hand.

For each kind of schedule and each trainer the exporter writes its settings for a few random schedules; where their texts agree is the
text, and each number that changes is the one `VALUES` entry that gives it every time. A text is kept if it also gives the exporter's own
for further schedules; otherwise, where the trainer cannot execute the schedule exactly, and for schedules at the edge of their kind
(`within`), the page names the command that says more.
"""

import random
import re
from functools import cache

from lastiterate import schedules
from lastiterate.schedules import Schedule
from lastiterate.schedules.export import EXACT, TRAINERS, nearest
from lastiterate.schedules.export.form import read
from lastiterate.schedules.export.text import fraction, number

NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\d.])")
SHAPES = ("linear", "1-sqrt", "cosine")
ROUNDED = "computed in float32, which moves learning rates a little: lastiterate export says by how much"
PROBE = 3e-05  # a peak that YAML needs written as 3.0e-05, and Python writes as 3e-05
LEARNT, CHECKED = 3, 3  # random schedules that a text is learnt from, and those that it is checked with

# Numbers that settings are made of, by names that numerics of the page know too: T updates, W of warmup, S before the decay and N of it, as
# the exporter counts them; E, the updates at which a second stage begins, and F its factor. "least a/b" is the smallest double f with
# int(b f) = a. A name with a point after it is written as YAML reads floats.
VALUES = {
    "T": lambda v: v["T"],
    "W": lambda v: v["W"],
    "S": lambda v: v["S"],
    "N": lambda v: v["N"],
    "E": lambda v: v["E"],
    "T-1": lambda v: v["T"] - 1,
    "T+1": lambda v: v["T"] + 1,
    "S+1": lambda v: v["S"] + 1,
    "S-1": lambda v: v["S"] - 1,
    "N-1": lambda v: v["N"] - 1,
    "E+1": lambda v: v["E"] + 1,
    "E-1": lambda v: v["E"] - 1,
    "T-W": lambda v: v["T"] - v["W"],
    "T-W-1": lambda v: v["T"] - v["W"] - 1,
    "S-W": lambda v: v["S"] - v["W"],
    "S-E": lambda v: v["S"] - v["E"],
    "E-W": lambda v: v["E"] - v["W"],
    "S-W+1": lambda v: v["S"] - v["W"] + 1,
    "W-1": lambda v: v["W"] - 1,
    "W+1": lambda v: v["W"] + 1,
    "N+1": lambda v: v["N"] + 1,
    "peak": lambda v: v["peak"],
    "final": lambda v: v["final"],
    "F": lambda v: v["F"],
    "peak*final": lambda v: v["peak"] * v["final"],
    "peak*F": lambda v: v["peak"] * v["F"],
    "F-final": lambda v: v["F"] - v["final"],
    "1-final": lambda v: 1 - v["final"],
    "least W/T": lambda v: fraction(v["W"], v["T"], int),
    "least N/T": lambda v: fraction(v["N"], v["T"], int),
    "W/T": lambda v: v["W"] / v["T"],
    "N/T": lambda v: v["N"] / v["T"],
    "S/T": lambda v: v["S"] / v["T"],
    "W/(T+1)": lambda v: v["W"] / (v["T"] + 1),
    "N/(T+1)": lambda v: v["N"] / (v["T"] + 1),
    "(N+1)/(T+1)": lambda v: (v["N"] + 1) / (v["T"] + 1),
    "peak*(1-1/N)": lambda v: v["peak"] * (1 - 1 / max(v["N"], 1)),
}


def kinds() -> dict[str, dict]:
    """What a schedule has, by the key under which the page looks up its settings: family, shape, warmup or not, ends above 0 or not."""
    found = {}
    for family, shapes in {
        "constant": ("",), "wsd": SHAPES, "linear": ("",), "one_minus_sqrt": ("",), "cosine": ("",), "inverse_sqrt": ("",),
        "two_stage": ("linear",),
    }.items():  # fmt: skip
        for shape in shapes:
            for warmup in (False, True):
                for ends in (False, True) if family not in ("constant", "inverse_sqrt") else (False,):
                    found[key(family, shape, warmup, ends)] = {"family": family, "shape": shape, "warmup": warmup, "ends": ends}
    return found


def key(family: str, shape: str, warmup: bool, ends: bool) -> str:
    """Key of a kind."""
    return "/".join((family, shape, "warmup" if warmup else "", "ends" if ends else ""))


def some_schedule(kind: dict, rng: random.Random, begins: float = 0.0) -> tuple[Schedule, dict]:
    """A random schedule of a kind, whose warmup begins at a factor of the peak, and the numbers its settings may be made of."""
    total = rng.randrange(2000, 3000)
    warmup = _telling(rng, 101, 191, total) if kind["warmup"] else 0
    final = round(rng.uniform(0.011, 0.089), 4) if kind["ends"] else 0.0
    peak = round(rng.uniform(0.00011, 0.0089), 7)
    arguments = {"total_steps": total, "warmup_steps": warmup, "peak_lr": peak, "initial_lr_ratio": begins}
    if kind["family"] not in ("constant", "inverse_sqrt"):
        arguments["final_lr_ratio"] = final
    if kind["shape"]:
        arguments |= {"cooldown": round((_telling(rng, 191, 901, total) + 0.5) / (total + 1), 6), "decay_shape": kind["shape"]}
    switch, factor = 0, 0.0
    if kind["family"] == "two_stage":
        switch, factor = rng.randrange(300, 900), round(rng.uniform(0.3, 0.6), 4)
        arguments |= {"switch_step": switch, "factor": factor}
    schedule = getattr(schedules, kind["family"])(**arguments)
    return schedule, numbers(schedule, switch, factor, final)


def _telling(rng: random.Random, low: int, high: int, total: int) -> int:
    """A count whose fraction of the total, as an exporter writes it for a trainer that truncates, is not plain division."""
    for _ in range(100):
        count = rng.randrange(low, high)
        if fraction(count, total, int) != count / total:
            break
    return count


def numbers(schedule: Schedule, switch: int, factor: float, final: float) -> dict:
    """The numbers of a schedule that `VALUES` takes."""
    form, decay = read(schedule), schedule.decay_steps
    begin = form.decay_begin if decay else schedule.total_steps
    if decay and schedule.name == "two_stage":
        begin = schedule.total_steps - decay - 1
    return {
        "T": schedule.total_steps, "W": schedule.warmup_steps, "S": begin, "N": schedule.total_steps - begin, "E": switch, "F": factor,
        "peak": schedule.peak_lr, "final": final,
    }  # fmt: skip


def within(kind: str, values: dict) -> bool:
    """Whether the texts of a kind (its key) hold for these numbers.

    At the edge, where a phase has one update or none, or ends where it begins, trainers take other settings: a `warmup` of 1 is the
    whole run for Levanter.
    """
    family = kind.split("/")[0]
    v, begins = values, max(values["W"], values["E"])
    return (
        v["W"] != 1
        and (v["N"] > 2 or (v["N"] == 0 and family in ("constant", "inverse_sqrt")))
        and v["final"] < 1
        and (family not in ("wsd", "inverse_sqrt", "two_stage") or v["S"] - begins > 1)
        and (family != "two_stage" or (v["E"] - v["W"] > 1 and v["final"] < v["F"] < 1))
    )


def learn(texts: list[str], values: list[dict], point: str = "") -> list | None:
    """Text pieces and names of `VALUES`, with `point` after them, in turn that give each of the texts from its values; None if none do."""
    pieces = [NUMBER.split(text) for text in texts]
    found = [NUMBER.findall(text) for text in texts]
    if any(other != pieces[0] for other in pieces[1:]):
        return None
    template = [pieces[0][0]]
    for place, piece in zip(zip(*found, strict=True), pieces[0][1:], strict=True):
        names = (name + point for name in VALUES)
        name = next((name for name in names if all(value_text(name, v) == text for v, text in zip(values, place, strict=True))), None)
        if len(set(place)) == 1:
            template[-1] += place[0] + piece
        elif name is None:
            return None
        else:
            template += [name, piece]
    return template


def value_text(name: str, values: dict) -> str:
    """A number as the settings have it."""
    return number(VALUES[name[:-1]](values)) if name.endswith(".") else repr(VALUES[name](values))


def fill(template: list, values: dict) -> str:
    """The text of a template."""
    return "".join(piece if i % 2 == 0 else value_text(piece, values) for i, piece in enumerate(template))


def settings_text(schedule: Schedule, trainer: str) -> str | None:
    """The exporter's settings under its notes; None where the trainer cannot execute the schedule exactly."""
    found = nearest(schedule, trainer, search=False)
    notes = [ROUNDED if note.startswith("computed in float32, which moves") else note for note in found.notes]
    return None if found.deviation > EXACT else "\n".join([*(f"# {note}" for note in notes), found.text])


def template(kind: dict, trainer: str, begins: float = 0.0) -> list | None:
    """The template of a kind for a trainer, or None: it cannot, or its settings hold more than `VALUES` has."""
    rng = random.Random(f"{kind} {trainer}")
    some = [some_schedule(kind, rng, begins) for _ in range(LEARNT + CHECKED)]
    texts = [settings_text(some[0][0], trainer)]
    if texts[0] is None:
        return None
    texts += [settings_text(schedule, trainer) for schedule, _ in some[1:]]
    if None in texts:
        return None
    point = "." if number(PROBE) in (settings_text(some[0][0].with_peak_lr(PROBE), trainer) or "") else ""
    found = learn(texts[:LEARNT], [values for _, values in some[:LEARNT]], point)
    right = found and all(fill(found, values) == text for text, (_, values) in zip(texts[LEARNT:], some[LEARNT:], strict=True))
    return found if right else None


@cache
def settings() -> dict:
    """Templates of every kind and trainer.

    ``{"trainers": {name: title}, "texts": [...], "kinds": {key: {trainer: index of its text}}}``
    """
    texts: list = []
    found: dict[str, dict[str, int]] = {}
    for name, kind in kinds().items():
        found[name] = {}
        for trainer in TRAINERS:
            one = template(kind, trainer)
            if one is not None:
                if one not in texts:
                    texts.append(one)
                found[name][trainer] = texts.index(one)
    return {"trainers": {name: module.TITLE for name, module in TRAINERS.items()}, "texts": texts, "kinds": found}
