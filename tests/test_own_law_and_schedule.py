"""Laws and schedule families of the user's own: found by object, entry point or import path, checked, and seen by the workflow."""

import re
import subprocess
import sys

import numpy as np
import pytest
import yaml

from lastiterate.cli import main
from lastiterate.figures.bound_tables import build_schedule
from lastiterate.laws import Curve, Law, Shape, fit, score
from lastiterate.schedules import FAMILIES, cosine, find_family, own, wsd
from lastiterate.schedules.stated import read_schedule
from lastiterate.workflow.own_schedules import own_families
from test_config import SCHEMA
from test_workflow import make_copy, would_run

STEP = np.arange(100, 1001, 100)
CURVES = [Curve(s.lr, STEP, 2 + 0.5 * np.cumsum(s.lr)[STEP - 1] ** -0.4 + 0.1 * s.lr[STEP - 1]) for s in (wsd(1000), cosine(1000))]


def columns(path, a):
    return [np.ones(len(path.at)), path.lr_sum[path.at] ** -a, path.lr[path.at]]


def law(**changes):
    values = {"name": "mine", "formula": "Linf + A S^-a + B eta", "source": "", "coefficients": ("Linf", "A", "B")}
    return Law(**{**values, "shapes": (Shape("a", 0.1, 2.0, (0.3, 0.9)),), "columns": columns, **changes})


def test_a_law_of_ones_own_is_fitted_predicts_and_is_scored():
    fitted = fit(CURVES, law())
    found = [fitted.parameters[name] for name in ("Linf", "A", "a")]
    np.testing.assert_allclose(found, [2.0, 0.5, 0.4], rtol=0.02)
    other = wsd(1000, 0.5)
    expected = 2 + 0.5 * np.cumsum(other.lr)[-1] ** -0.4
    assert fitted.predict(other, [1000]) == pytest.approx(expected, rel=2e-3)
    low, high = fitted.interval(other, [1000])
    assert low <= expected * 1.002 and high >= expected * 0.998
    assert max(score(fitted, CURVES)["PredE"]) < 2e-3


BAD_LAWS = [
    (lambda: fit(CURVES, law(columns=lambda path, a: columns(path, a)[:2])), "expected 3 of (20,): one for each of Linf, A, B"),
    (lambda: fit(CURVES, law(columns=lambda path, a: [path.lr_sum] * 3)), "take cells by path.at"),
    (lambda: law(coefficients=("a", "A", "B")), "each name once"),
    (lambda: Shape("a", 2.0, 1.0, (1.5,)), "expected low < high"),
    (lambda: Shape("a", 0.0, 1.0, (0.5,), log=True), "low > 0"),
    (lambda: fit(CURVES, "convex-powr"), "did you mean 'convex-power'"),
    (lambda: fit(CURVES, 3), "law=3 is not known"),
]


@pytest.mark.parametrize(("call", "message"), BAD_LAWS)
def test_a_law_that_is_not_what_it_says_is_refused(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


SOURCE = """
import numpy as np
from lastiterate.schedules import wsd

def warm_wsd(total_steps, cooldown=0.2, peak_lr=1.0):
    return wsd(total_steps, cooldown, peak_lr=peak_lr, warmup_steps=total_steps // 10)

def sawtooth(total_steps):
    return 1 - np.arange(total_steps) % 10 / 20

def broken(total_steps):
    return "no schedule"

text = "no function"
"""


@pytest.fixture
def module(tmp_path, monkeypatch, request):
    """A module beside the working folder, declared by an installed package as well; its name is new in each test."""
    name = re.sub(r"\W", "_", request.node.name)
    (tmp_path / f"{name}.py").write_text(SOURCE)
    declared = tmp_path / "site/declared-1.0.dist-info"
    declared.mkdir(parents=True)
    (declared / "METADATA").write_text("Metadata-Version: 2.1\nName: declared\nVersion: 1.0\n")
    (declared / "entry_points.txt").write_text(f"[{own.GROUP}]\nwarm_wsd = {name}:warm_wsd\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "site")
    own.installed_families.cache_clear()
    yield name
    own.installed_families.cache_clear()


def test_a_family_is_found_by_import_path_and_entry_point(module):
    expected = wsd(50, 0.4, warmup_steps=5).lr
    np.testing.assert_array_equal(build_schedule(50, f"{module}:warm_wsd", cooldown=0.4).lr, expected)
    np.testing.assert_array_equal(build_schedule(50, "warm_wsd", cooldown=0.4).lr, expected)
    np.testing.assert_allclose(build_schedule(50, f"{module}:sawtooth").lr, 1 - np.arange(50) % 10 / 20)
    assert all(find_family(name) is family for name, family in FAMILIES.items())
    assert "" not in sys.path[-1:] and str(own.Path.cwd()) != sys.path[-1]


def test_what_is_no_family_is_refused_in_a_sentence(module):
    refused = {
        f"{module}:warm_wds": "cannot be imported (module",
        "nowhere:f": "No module named 'nowhere'",
        f"{module}:text": "is str, expected a function",
        f"{module}:broken": "returned no Schedule",
        "warm_wds": "did you mean 'warm_wsd'",
    }
    for name, message in refused.items():
        with pytest.raises(ValueError, match=re.escape(message)):
            build_schedule(50, name)
    with pytest.raises(ValueError, match="cooldwn"):
        build_schedule(50, f"{module}:warm_wsd", cooldwn=0.4)


def test_the_command_line_takes_installed_families_and_runs_no_import_path(module, capsys):
    assert main(["export", "--schedule", "warm_wsd:total_steps=50,cooldown=0.4,peak_lr=0.1", "--trainer", "hf"]) == 0
    assert "warmup_steps=5" in capsys.readouterr().out
    assert read_schedule('{"family": "warm_wsd", "total_steps": 50, "peak_lr": 0.1}').warmup_steps == 5
    with pytest.raises(ValueError, match="is not known: use one of"):
        read_schedule(f'{{"family": "{module}:warm_wsd", "total_steps": 50, "peak_lr": 0.1}}')
    assert main(["export", "--schedule", "warm_wsd:total_stps=50,peak_lr=0.1", "--trainer", "hf"]) == 2
    assert "did you mean 'total_steps'?" in capsys.readouterr().err


def test_the_config_is_checked_and_the_code_of_a_family_counts(module):
    config = {"schedules": {"mine": {"family": f"{module}:warm_wsd"}, "other": {"family": "wsd"}}, "optimizer": {"family": "adamw"}}
    before = own_families(config, SCHEMA)
    assert before.keys() == {f"{module}:warm_wsd"} and own_families({"schedules": {"a": {"family": "wsd"}}}, SCHEMA) == {}
    with open(f"{module}.py", "a") as file:  # noqa: PTH123
        file.write("\n# more\n")
    assert own_families(config, SCHEMA) != before
    assert set(FAMILIES) == set(SCHEMA["$defs"]["known_schedule"]["properties"]["family"]["enum"])


@pytest.mark.slow
def test_a_figure_compares_a_family_of_ones_own_and_follows_its_code(tmp_path):
    folder = make_copy(tmp_path / "clone")
    (folder / "my_schedules.py").write_text(SOURCE)
    config = yaml.safe_load((folder / "config/config.yaml").read_text())
    config["schaipp"]["schedule_comparison"]["schedules"]["mine"] = {"family": "my_schedules:warm_wsd", "cooldown": 0.4}
    (folder / "config/config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    target = "figures/schaipp/schedule_comparison/convergence.svg"
    subprocess.run([sys.executable, "-m", "snakemake", "--quiet", "all", "--", target], cwd=folder, check=True, capture_output=True)
    assert ">mine<" in (folder / target).read_text() or "mine" in (folder / "results/schaipp/schedule_comparison/tuned.csv").read_text()
    assert would_run(folder, target) == set()
    (folder / "my_schedules.py").write_text(SOURCE.replace("// 10", "// 5"))
    assert would_run(folder, target) == {"simulate_schedule_comparison", "draw_schedule_comparison"}
