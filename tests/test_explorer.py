"""The schedule explorer: its numbers against the library's, its settings against the exporter's, its knees by mouse and keys."""

import json
import random

import numpy as np
import pytest

from lastiterate import schedules
from lastiterate.bound import omega_trajectory, tuned
from lastiterate.explorer import explorer_html
from lastiterate.explorer.templates import ROUNDED, kinds, numbers, settings_text, some_schedule, within
from lastiterate.schedules import Schedule
from lastiterate.schedules.export import TRAINERS
from lastiterate.transfer import extend
from lastiterate.worst_case import tuned_worst_case, worst_case_trajectory

PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>Explorer</title><style>:root {{ color-scheme: light dark }}</style><body><main><h1>Explorer</h1>{}</main></body></html>"
)
DEFAULTS = {"family": "wsd", "total": 400, "warmup": 0, "cooldown": 0.2, "shape": "linear", "final": 0, "switch": 100, "factor": 0.5}
SETTINGS = [
    {},
    {"warmup": 37, "cooldown": 0.35, "shape": "1-sqrt"},
    {"cooldown": 0.9, "shape": "cosine", "final": 0.1, "exponent": 0.5},
    {"family": "constant", "warmup": 20},
    {"family": "linear", "total": 1234, "warmup": 50, "exponent": -0.3},
    {"family": "one_minus_sqrt", "final": 0.05},
    {"family": "cosine", "total": 777, "warmup": 7, "final": 0.1},
    {"family": "inverse_sqrt", "cooldown": 0.25, "total": 501},
    {"family": "two_stage", "switch": 150, "factor": 0.4, "warmup": 10, "final": 0.02},
    {"family": "wsd", "cooldown": 0.0, "total": 300, "exponent": 1.0},
]


def of_library(state: dict) -> Schedule:
    arguments = {"total_steps": state["total"], "warmup_steps": state["warmup"], "initial_lr_ratio": 0.0}
    if state["family"] in ("wsd", "inverse_sqrt", "two_stage"):
        arguments |= {"cooldown": state["cooldown"], "decay_shape": state["shape"]}
    if state["family"] not in ("constant", "inverse_sqrt"):
        arguments["final_lr_ratio"] = float(state["final"])
    if state["family"] == "two_stage":
        arguments |= {"switch_step": state["switch"], "factor": state["factor"]}
    return getattr(schedules, state["family"])(**arguments)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("explorer") / "page.html"
    path.write_text(PAGE.format(explorer_html()), encoding="utf-8")
    return path


@pytest.fixture
def opened(browser, page):
    browser.requests.clear()
    browser.errors.clear()
    browser.open(page, 1440, 1300)
    yield browser
    assert browser.requests == [] and browser.errors == []


EXPLORER = "document.querySelector('[data-lastiterate-explorer]').explorer"


def show(browser, state: dict) -> None:
    browser.evaluate(f"Object.assign({EXPLORER}.state, {json.dumps(state)}); {EXPLORER}.update(); 0")


@pytest.mark.browser
@pytest.mark.parametrize("changes", SETTINGS, ids=lambda changes: " ".join(map(str, changes.values())) or "wsd")
def test_numbers_are_those_of_the_library(opened, changes):
    state = DEFAULTS | {"exponent": 0} | changes
    show(opened, state | {"longer": 3 * state["total"]})
    found = json.loads(
        opened.evaluate(
            f"(() => {{ const e = {EXPLORER}, f = e.found; return JSON.stringify({{"
            " lr: [...f.lr], times: e.times, bound: e.curves.bound, worst: e.curves.worst, omega: f.best, reference: f.reference.value,"
            " tunedWorst: f.worst, extension: f.extension && {...f.extension, phases: 0}, json: e.text.textContent,"
            " shown: Object.fromEntries([...e.values.querySelectorAll('dd')].map(d => [d.dataset.value, d.dataset.exact]))}); })()"
        )
    )
    schedule = of_library(state)
    steps = np.arange(1.0, 3 * state["total"] + 1)
    norms = steps ** -float(state["exponent"])
    own = norms[: state["total"]] if state["exponent"] else 1.0
    best, times = tuned(schedule, own), np.array(found["times"]) - 1
    np.testing.assert_allclose(found["lr"], schedule.lr, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(Schedule.from_json(found["json"]).lr, of_library(state).with_peak_lr(0.001).lr)
    np.testing.assert_allclose([found["omega"]["baseLr"], found["omega"]["value"]], best, rtol=1e-12)
    assert float(found["shown"]["omega"]) == found["omega"]["value"]
    moves = schedule.lr[times] > 0
    np.testing.assert_allclose(
        np.array(found["bound"], float)[moves], omega_trajectory(best.base_lr * schedule.lr, own)[times][moves], rtol=1e-11
    )
    linear = schedules.linear(state["total"], warmup_steps=state["warmup"], initial_lr_ratio=0.0)
    assert found["reference"] == pytest.approx(tuned(linear, own).value, rel=1e-12)
    if not state["exponent"]:
        np.testing.assert_allclose(found["worst"], worst_case_trajectory(best.base_lr * schedule.lr)[times], rtol=1e-11)
        np.testing.assert_allclose([found["tunedWorst"]["baseLr"], found["tunedWorst"]["value"]], tuned_worst_case(schedule), rtol=1e-12)
    if state["family"] == "two_stage":
        assert found["extension"] is None
    else:
        longer = extend(schedule, 3 * state["total"], how=found["extension"]["how"], grad_norm=norms if state["exponent"] else 1.0)
        assert [found["extension"][key] for key in ("factor", "bound", "unadapted", "linear")] == pytest.approx(
            [longer.parameter, longer.bound, longer.unadapted_bound, longer.linear_bound], rel=1e-8
        )


@pytest.mark.browser
def test_settings_are_the_exporters(opened):
    """Of every kind, filled in by the page for schedules that the texts were not learnt from."""
    rng = random.Random(7)
    asked, wanted = [], []
    for name, kind in kinds().items():
        schedule, values = some_schedule(kind, rng)
        asked.append((name, values))
        wanted.append({trainer: settings_text(schedule, trainer) for trainer in TRAINERS})
    shown = json.loads(
        opened.evaluate(
            f"(() => {{ const e = {EXPLORER}, asked = {json.dumps(asked)}; return JSON.stringify(asked.map(([kind, v]) => {{"
            " const [family, shape] = kind.split('/'), cooldown = v.N && family !== 'cosine' ? numerics.shortestFraction(v.N, v.T + 1) : 0;"
            " Object.assign(e.state, {family, shape: shape || 'linear', total: v.T, warmup: v.W, cooldown, final: v.final,"
            " switch: v.E || 1, factor: v.F || 0.5, peak: v.peak});"
            " return Object.fromEntries(Object.keys(e.data.trainers).map(trainer => {"
            " e.state.output = trainer; e.update(); return [trainer, e.text.textContent]; })); })); })()"
        )
    )
    filled = 0
    for (name, _), texts, right in zip(asked, shown, wanted, strict=True):
        for trainer, text in texts.items():
            if "lastiterate export --schedule schedule.json" in text:
                continue
            assert text == right[trainer], (name, trainer)
            filled += 1
    assert filled > 400


ODD = [
    {"warmup": 1},
    {"family": "constant", "warmup": 1},
    {"peak": 3e-5, "final": 0.1},
    {"peak": 1e-6, "final": 1e-6, "warmup": 2},
    {"total": 100, "warmup": 29, "cooldown": 0.57},
    {"total": 100, "warmup": 10, "cooldown": 0.9, "shape": "cosine"},
    {"total": 20, "warmup": 25},
    {"total": 1_000_000, "warmup": 1, "cooldown": 0.0},
    {"cooldown": 0.0},
    {"cooldown": 1.0},
    {"cooldown": 0.006, "warmup": 5},
    {"final": 1},
    {"family": "linear", "warmup": 399},
    {"family": "inverse_sqrt", "cooldown": 1.0},
    {"family": "two_stage", "warmup": 300, "switch": 100},
    {"family": "two_stage", "switch": 399, "cooldown": 0.9},
    {"family": "two_stage", "factor": 1},
    {"family": "two_stage", "factor": 0.1, "final": 0.5},
]


@pytest.mark.browser
@pytest.mark.parametrize("changes", ODD, ids=lambda changes: " ".join(map(str, changes.values())))
def test_settings_at_the_edge_are_the_exporters_or_none(opened, changes):
    """A warmup of one update, a peak below 1e-4 in YAML, fractions that truncate: each was a wrong text once."""
    show(opened, DEFAULTS | {"exponent": 0, "peak": 0.001} | changes)
    state, texts = json.loads(
        opened.evaluate(
            f"(() => {{ const e = {EXPLORER}; return JSON.stringify([e.found.s, Object.fromEntries(Object.keys(e.data.trainers)"
            ".map(trainer => { e.state.output = trainer; e.update(); return [trainer, e.text.textContent]; }))]); })()"
        )
    )
    schedule = of_library(state).with_peak_lr(state["peak"])
    for trainer, text in texts.items():
        if "lastiterate export --schedule schedule.json" not in text:
            assert text == settings_text(schedule, trainer), trainer


@pytest.mark.browser
def test_a_knee_follows_the_mouse_and_the_keys(opened):
    show(opened, DEFAULTS | {"exponent": 0})
    x, y = opened.evaluate(
        "(() => { const b = document.querySelector('[data-knee=cooldown] .li-dot').getBoundingClientRect();"
        " return [b.x + b.width / 2, b.y + b.height / 2]; })()"
    )
    width = opened.evaluate(f"{EXPLORER}.lrChart.getBoundingClientRect().width") * (640 - 46 - 14) / 640
    for kind, shift in (("mousePressed", 0), ("mouseMoved", -width / 8), ("mouseMoved", -width / 4), ("mouseReleased", -width / 4)):
        buttons = 0 if kind == "mouseReleased" else 1
        opened.call("Input.dispatchMouseEvent", type=kind, x=x + shift, y=y, button="left", buttons=buttons, clickCount=1)
    cooldown = opened.evaluate(f"{EXPLORER}.state.cooldown")
    assert cooldown == pytest.approx(0.45, abs=0.01)  # a quarter of the run earlier than .2
    shown = float(opened.evaluate(f"{EXPLORER}.values.querySelector('[data-value=omega]').dataset.exact"))
    assert shown == pytest.approx(tuned(schedules.wsd(400, cooldown=cooldown)).value, rel=1e-12)
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        for kind in ("keyDown", "keyUp"):
            opened.call("Input.dispatchKeyEvent", type=kind, key=key)
    assert opened.evaluate("document.activeElement.dataset.knee") == "cooldown"
    moved = opened.evaluate(f"{EXPLORER}.state.cooldown")
    assert int(moved * 401) == int(cooldown * 401) - 4  # one per cent of the run to the right
    opened.evaluate("document.querySelector('[data-knee=final]').focus()")
    opened.call("Input.dispatchKeyEvent", type="keyDown", key="ArrowUp")
    assert opened.evaluate(f"{EXPLORER}.state.final") == pytest.approx(0.01)
    assert opened.evaluate("document.querySelector('[data-knee=final]').getAttribute('aria-valuetext')") == "0.01 of the peak"


@pytest.mark.browser
def test_it_fits_a_phone(browser, page):
    browser.open(page, 390, 844)
    assert browser.evaluate("document.documentElement.scrollWidth") <= 390
    assert browser.evaluate("Math.min(...[...document.querySelectorAll('.li-hit')].map(h => h.getBoundingClientRect().width))") >= 24


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_is_accessible(browser, page, dark):
    browser.prefer_dark(dark)
    browser.open(page, 1280, 1300)
    assert browser.violations() == []
    browser.prefer_dark(False)


def test_texts_with_gaps_are_not_filled_in_at_the_edge_of_their_kind():
    kind, values = "wsd/linear/warmup/", numbers(schedules.wsd(1000, warmup_steps=100, peak_lr=1e-3), 0, 0.0, 0.0)
    assert within(kind, values)
    assert not any(within(kind, values | edge) for edge in ({"W": 1}, {"N": 1}, {"N": 0}, {"S": 101}, {"final": 1.0}))


def test_texts_with_gaps_hold_for_other_schedules_and_say_that_float32_rounds():
    rng = random.Random(3)
    schedule, values = some_schedule(kinds()["wsd/linear/warmup/"], rng)
    assert values == numbers(schedule, 0, 0.0, 0.0)
    assert ROUNDED in settings_text(schedule, "optax")
