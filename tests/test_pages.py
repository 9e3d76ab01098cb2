"""plan.html and the page of a log in a browser: what is taken there is what plan.json has, and nothing leaves the machine."""

import json

import numpy as np
import pytest

from lastiterate.explorer.templates import settings_text
from lastiterate.logs import read
from lastiterate.pages import log_page, plan_page
from lastiterate.plan import Pilot, make_plan
from lastiterate.plan.write import tables, write
from lastiterate.schedules import cosine, wsd
from lastiterate.schedules.stated import read_schedule

pytest.importorskip("plotly", reason="needs the extra html")

CHOOSE = "(() => {{ const s = document.querySelector('{}'); s.value = '{}'; s.dispatchEvent(new Event('change')); }})()"


def pilots() -> list[Pilot]:
    """Six made-up runs whose losses follow a power of the sum of learning rates and its noise."""
    found, noise = [], np.random.default_rng(4)
    for family in (wsd, cosine):
        for steps, lr in ((600, 1e-3), (600, 2e-3), (1200, 1e-3), (1200, 4e-3)):
            schedule = family(steps, warmup_steps=20, peak_lr=lr)
            at = np.arange(20, steps + 1, 20)
            total = np.cumsum(1000 * schedule.lr)[at - 1]
            loss = (2 + 2.5 * total**-0.4 + 60 * schedule.lr[at - 1]) * (1 + 1e-3 * noise.standard_normal(at.size))
            found.append(Pilot(f"{schedule.name}-{steps}-{lr:g}", schedule.lr, {"val_loss": (at, loss)}, schedule))
    return found


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plan")
    write(make_plan(pilots(), 4000), folder)
    return folder


@pytest.fixture
def opened(browser, written):
    browser.requests.clear()
    browser.errors.clear()
    browser.open(written / "plan.html", 1440, 1800)
    assert browser.evaluate("document.body.dataset.ready") == "1"
    yield browser
    assert browser.requests == [] and browser.errors == []


@pytest.mark.browser
def test_what_is_taken_at_first_is_what_the_plan_says(opened, written):
    plan = json.loads((written / "plan.json").read_text())
    taken = json.loads(opened.evaluate("JSON.stringify({...plan.taken, text: document.getElementById('text').textContent})"))
    assert taken["label"] == plan["recommended"]["label"] and taken["loses"] == 0
    assert taken["loss"] == pytest.approx(plan["prediction"]["final"], rel=1e-12)
    assert taken["curve"]["loss"][-1] == pytest.approx(plan["prediction"]["final"], rel=1e-4)
    np.testing.assert_array_equal(read_schedule(taken["text"]).lr, read_schedule(json.dumps(plan["recommended"]["schedule"])).lr)
    text = opened.evaluate("document.querySelector('main').textContent")
    assert f"{plan['prediction']['final']:.4f}" in text and f"{plan['next_pilot']['total_steps']} updates" in text
    for outcome in plan["next_pilot"]["decides"]:
        assert outcome["choice"] in text


@pytest.mark.browser
def test_a_click_takes_a_candidate_with_its_curve_and_settings(opened):
    label = opened.evaluate("document.querySelector('#rows tr[aria-selected=false] button').textContent")
    opened.evaluate("document.querySelector('#rows tr[aria-selected=false] button').click()")
    taken = json.loads(opened.evaluate("JSON.stringify(plan.taken)"))
    assert taken["label"] == label and label in opened.evaluate("document.getElementById('taken').textContent")
    assert taken["curve"]["loss"][-1] == pytest.approx(taken["loss"], rel=1e-5)
    verdict = opened.evaluate("document.getElementById('verdict').textContent")
    assert ("not told apart" in verdict) == (taken["low"] <= 0 <= taken["high"])
    names = json.loads(opened.evaluate("JSON.stringify(document.querySelector('#curves .plot').data.map(trace => trace.name))"))
    assert "taken, predicted" in names
    schedule = read_schedule(json.dumps(taken["json"]))
    for trainer in ("hf", "megatron", "pytorch"):
        opened.evaluate(CHOOSE.format("#as", trainer))
        shown = opened.evaluate("document.getElementById('text').textContent")
        right = settings_text(schedule, trainer)
        assert shown == right or "--nearest" in shown
    # the surface itself: a click on a cell
    opened.evaluate("document.getElementById('surface').emit('plotly_click', {points: [{x: 0, y: 0}]})")
    assert opened.evaluate("plan.taken.label") != label


@pytest.mark.browser
def test_curves_over_tokens_and_sums_and_the_last_hundredth(opened):
    opened.evaluate(CHOOSE.format("#curves select", "sum"))
    dots = "document.querySelector('#curves .plot').data.filter(t => t.mode === 'markers')"
    ends = json.loads(opened.evaluate(f"JSON.stringify({dots}.map(t => t.x.at(-1)))"))
    np.testing.assert_allclose(sorted(ends), sorted(float(pilot.lr.sum()) for pilot in pilots()), rtol=1e-5)
    opened.evaluate("[...document.querySelectorAll('#curves input')].at(-1).click()")
    low, high = json.loads(opened.evaluate("JSON.stringify(document.querySelector('#curves .plot').layout.yaxis.range)"))
    assert high - low == pytest.approx(0.012)


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_is_accessible_and_fits_a_phone(browser, written, dark):
    browser.prefer_dark(dark)
    for width in (1280, 390):
        browser.open(written / "plan.html", width)
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.violations() == []
    browser.prefer_dark(False)


@pytest.mark.browser
def test_logs_are_shown_with_their_losses_and_learning_rates(browser, tmp_path):
    schedule, at = wsd(500, 0.2, peak_lr=1e-3), np.arange(10, 501, 10)
    rows = [f"{step},{3 / step:.6f},{schedule.lr[step - 1]:.10g}" for step in at]
    (tmp_path / "a<b>&.csv").write_text("\n".join(["step,loss,lr", *rows]) + "\n")
    runs = list(read(tmp_path))
    (tmp_path / "log.html").write_text(log_page(runs, "<i>a</i>"), encoding="utf-8")
    browser.errors.clear()
    browser.open(tmp_path / "log.html", 1280)
    shown = json.loads(browser.evaluate("JSON.stringify(document.querySelector('#curves .plot').data.map(t => [t.x, t.y]))"))
    assert shown[0][0] == at.tolist() and shown[0][1] == pytest.approx(runs[0].series["train_loss"][1].tolist(), rel=1e-5)
    rates = json.loads(browser.evaluate("JSON.stringify(document.getElementById('rates').data[0].y)"))
    assert rates[-1] == pytest.approx(schedule.lr[-1])
    assert browser.evaluate("document.querySelector('h1').textContent") == "<i>a</i>"
    assert browser.errors == [] and browser.requests == []


@pytest.mark.browser
def test_a_plan_that_goes_on_sends_to_the_settings_of_what_is_left(browser, tmp_path):
    plan = make_plan(pilots(), 4000, from_step=900, run_id="wsd-1200-0.001")
    (tmp_path / "plan.html").write_text(plan_page(plan, tables(plan)), encoding="utf-8")
    browser.open(tmp_path / "plan.html")
    browser.evaluate(CHOOSE.format("#as", "hf"))
    assert "--trainer hf --from-step 900" in browser.evaluate("document.getElementById('text').textContent")
    assert "checkpoint after update 900" in browser.evaluate("document.querySelector('main').textContent")
