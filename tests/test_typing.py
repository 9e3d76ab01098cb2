"""The types that the package states: strict on the rooms of the base, and right for who uses them."""

import subprocess
import sys

import pytest

from conftest import ROOT

USE = """
import numpy as np
from lastiterate.bound import omega, omega_gradient, omega_trajectory, optimise_schedule, tuned
from lastiterate.laws import Curve, Law, Path, Shape, fit, score
from lastiterate.qualify import exam
from lastiterate.refine import refine
from lastiterate.schedules import Schedule, cosine, find_family, wsd
from lastiterate.schedules.export import export
from lastiterate.schedules.recognise import recognise
from lastiterate.transfer import extend, transfer_base_lr
from lastiterate.worst_case import tuned_worst_case, worst_case, worst_instance

schedule = wsd(400, cooldown=0.2, peak_lr=1e-3)
reveal_type(schedule)  # Schedule
reveal_type(schedule.lr)  # ndarray
base_lr, value = tuned(schedule)
reveal_type(base_lr)  # float
reveal_type(tuned([0.1, 0.2], every_t=True).value)  # ndarray
reveal_type(tuned_worst_case(schedule).value)  # float
half: float = omega(schedule.lr, grad_norm=np.ones(400)) / 2 + worst_case(schedule) + worst_case([0.1, 0.1])
late: np.ndarray = omega_trajectory(schedule)[-3:] + omega_gradient(schedule)[-3:]
best: Schedule = extend(schedule, 800, how="second_stage").schedule
other: float = transfer_base_lr(schedule, cosine(800), base_lr=1e-3).base_lr
text: str = export(schedule, "hf").text
factors: np.ndarray = refine([3.0, 2.0, 1.0], total_steps=3).lr
verdict: str = exam(lambda x: 1 - x).verdict


def columns(path: Path, a: float) -> list[np.ndarray]:
    return [np.ones(len(path.at)), path.lr_sum[path.at] ** -a]


law = Law("mine", "Linf + A S^-a", "", ("Linf", "A"), (Shape("a", 0.1, 2.0, (0.4,)),), columns)
curve = Curve(schedule.lr, np.array([100, 200, 300, 400]), np.array([4.0, 3.5, 3.2, 3.0]))
loss: np.ndarray = fit(curve, law=law).predict(cosine(400), [400])
wsd(400, cooldwn=0.2)  # error: call-arg
tuned("wsd").value.nothing  # error: attr-defined
"""


@pytest.mark.slow
def test_the_rooms_of_the_base_are_clean():
    done = subprocess.run([sys.executable, "-m", "mypy"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:]


@pytest.mark.slow
def test_types_are_right_for_who_uses_the_package(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(USE)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--follow-imports", "silent", str(program)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    told = [line for line in done.stdout.splitlines() if ": error: " in line or "Revealed type" in line]
    said = {int(line.split("program.py:")[1].split(":")[0]): line for line in told}
    expected = {number: line.partition("# ")[2] for number, line in enumerate(USE.splitlines(), 1) if "  # " in line}
    assert said.keys() == expected.keys(), done.stdout
    for number, text in expected.items():
        assert text.removeprefix("error: ") in said[number], said[number]
