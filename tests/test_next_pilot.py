"""The next pilot: worth what it decides, within its budget, below what diverged; advice that is followed lowers the regret."""

import json

import numpy as np
import pytest

import made_up_pilots as made
from lastiterate.cli import main
from lastiterate.plan import Pilot, make_plan
from lastiterate.plan.candidates import Candidate
from lastiterate.plan.next_pilot import next_pilot, trials, worth
from lastiterate.schedules import Schedule, linear, wsd

HORIZON = 4000


class Draws:
    """A set of laws whose draws are functions of the schedule."""

    def __init__(self, laws, weights, error):
        self.laws, self.weights = laws, np.array(weights)
        self.errors, self.noise = np.full(len(laws), error), 1e-3

    def losses(self, schedules):
        return np.array([[law(schedule) for schedule in schedules] for law in self.laws])

    def predicted(self, losses):
        return self.weights @ losses


def at(lr, steps=HORIZON):
    return Candidate(f"linear, {lr:g}", "linear", linear(steps, peak_lr=lr))


def valley(best):
    """A law: a parabola in the octaves of the peak learning rate, whatever the length."""
    return lambda schedule: 3 + 0.05 * np.log2(schedule.peak_lr / best) ** 2


PILOTS = [Pilot(f"{lr:g}", wsd(400, warmup_steps=20, peak_lr=lr).lr, {}) for lr in (5e-4, 1e-3, 2e-3)]
DECISIONS = [at(lr) for lr in (5e-4, 1e-3, 2e-3, 4e-3)]


def test_a_trial_that_tells_two_laws_apart_is_worth_the_regret_that_it_saves():
    """By hand: laws with optima at .0005 and .004, as likely; without a trial the bad case is the better of the compromises."""
    laws = Draws([valley(5e-4), valley(4e-3)], [0.5, 0.5], 1e-3)
    losses = laws.losses([one.schedule for one in DECISIONS])
    sure, blind = np.array([[3.0], [3.2]]), np.array([[3.0], [3.0]])
    found = worth(laws, losses, np.hstack([sure, blind]), np.full((2, 2), 1e-3), np.full(4, True), np.array([False, False]))
    before = (0.2 * 0.05 + 0.5 * 0.2) / 0.7  # .001 loses .05 or .2: the worse 70 % of the cases hold 2/7 of the first
    assert found.before == pytest.approx(before)
    assert found.after == pytest.approx([0.0, before], abs=1e-6)
    assert found.told == pytest.approx([1.0, 0.0], abs=1e-6)


def test_worth_agrees_with_a_simulation_of_what_may_happen():
    """Draws, their errors, weights after each loss, the choice: by Monte Carlo instead of Gauss-Hermite."""
    rng = np.random.default_rng(0)
    bests, weights = 1e-3 * 2.0 ** rng.normal(0, 1.2, 9), rng.dirichlet(np.ones(9))
    laws = Draws([valley(best) for best in bests], weights, 0.03)
    losses, seen = laws.losses([one.schedule for one in DECISIONS]), laws.losses([linear(200, peak_lr=4e-3)])
    found = worth(laws, losses, seen, np.full((9, 1), 0.03), np.full(4, True), np.array([False]))
    regret = losses - losses.min(axis=1, keepdims=True)
    bad = lambda w: min(_mean_above(np.minimum(column, 0.3), w, 0.3) for column in regret.T)
    total, n = 0.0, 2000
    for _ in range(n):
        truth = rng.choice(9, p=weights)
        y = seen[truth, 0] + 0.03 * rng.standard_normal()
        after = weights * np.exp(-0.5 * ((y - seen[:, 0]) / 0.03) ** 2)
        total += bad(after / after.sum())
    assert found.before == pytest.approx(bad(weights), rel=1e-3)
    assert found.after[0] == pytest.approx(total / n, abs=0.1 * found.before) and found.after[0] < found.before


def _mean_above(values, weights, level):
    """Mean of the quantiles above `level`, by a fine grid of them."""
    order = np.argsort(values, kind="stable")
    levels = level + (1 - level) * (np.arange(4000) + 0.5) / 4000
    return values[order][np.minimum(np.searchsorted(np.cumsum(weights[order]), levels), len(values) - 1)].mean()


def test_the_pilot_is_made_where_the_laws_part_and_says_what_it_decides():
    found = next_pilot(Draws([valley(1e-3), valley(8e-3)], [0.5, 0.5], 2e-3), DECISIONS, PILOTS, left=HORIZON, budget=0.1)
    assert found.decides and found.after < 0.2 * found.before
    assert {found.outcomes[0].choice, found.outcomes[-1].choice} == {"linear, 0.001", "linear, 0.004"}
    assert found.outcomes[0].low is None and found.outcomes[-1].high is None
    assert sum(outcome.probability for outcome in found.outcomes) == pytest.approx(1)
    assert found.outcomes[0].high == found.outcomes[1].low


def test_what_decides_nothing_is_said_so():
    found = next_pilot(Draws([valley(1e-3), valley(1.05e-3)], [0.5, 0.5], 2e-3), DECISIONS, PILOTS, left=HORIZON)
    assert not found.decides and [outcome.choice for outcome in found.outcomes] == ["linear, 0.001"]


@pytest.mark.parametrize("budget", [0.02, 0.05, 0.3, 1.0])
def test_trials_stay_within_the_budget(budget):
    found = trials(PILOTS, HORIZON, budget)
    assert found and max(one.schedule.total_steps for one in found) <= budget * HORIZON
    assert {one.family for one in trials(PILOTS, HORIZON, budget, "wsd")} == {"wsd"}
    assert next_pilot(Draws([valley(1e-3)], [1.0], 1e-3), DECISIONS, PILOTS, left=100, budget=0.05) is None


@pytest.mark.parametrize("limit", [5e-4, 2.2e-3, 4e-3])
def test_trials_stay_below_what_diverged(limit):
    dead = Pilot("dead", linear(400, peak_lr=limit).lr, {}, diverged=True)
    assert max(one.base_lr for one in trials([*PILOTS, dead], HORIZON)) < limit


def test_no_trial_repeats_a_pilot():
    made_already = lambda pilots: [one.label for one in trials(pilots, 8000) if one.schedule.total_steps == 400]
    one = wsd(400, 0.2, warmup_steps=20, peak_lr=1e-3)
    assert "wsd, linear cooldown 0.2, 0.001" in made_already(PILOTS[::2])
    assert "wsd, linear cooldown 0.2, 0.001" not in made_already([*PILOTS[::2], Pilot("a", one.lr, {})])


def test_a_checkpoint_that_would_do_is_named():
    """Whichever pilot is advised: the run that is named executed its learning rates until the update that is named."""
    longer = Pilot("trunk", wsd(4000, 0.2, warmup_steps=20, peak_lr=4e-3).lr, {})
    found = next_pilot(
        Draws([valley(1e-3), valley(8e-3)], [0.5, 0.5], 2e-3), DECISIONS, [*PILOTS, longer], left=HORIZON, budget=0.1, family="wsd"
    )
    name, step = found.branch
    (parent,) = [pilot for pilot in [*PILOTS, longer] if pilot.run_id == name]
    assert step < found.pilot.schedule.total_steps
    np.testing.assert_allclose(found.pilot.schedule.lr[20:step], parent.lr[20:step])
    assert next_pilot(Draws([valley(3e-4)], [1.0], 2e-3), DECISIONS, PILOTS, left=HORIZON, budget=0.1, family="linear").branch is None


def runs(*chosen):
    made_runs = [
        made.run_of(f"{family.__name__}-{total}-{lr:g}", family(total, warmup_steps=25, peak_lr=lr), i)
        for i, (family, total, lr) in enumerate(chosen)
    ]
    return [Pilot(run.name, run.lr, {"val_loss": (run.val_step, run.val)}, run.schedule) for run in made_runs]


def test_a_plan_of_one_peak_is_advised_another():
    pilots = runs((wsd, 600, 1e-3), (linear, 600, 1e-3), (wsd, 1200, 1e-3))
    plan = make_plan(pilots, HORIZON, budget=0.1)
    found = plan.next_pilot
    assert found.opens and found.before > plan.regret and found.pilot.base_lr != 1e-3
    assert plan.candidate.base_lr == 1e-3
    below = make_plan([*pilots, Pilot("dead", linear(600, peak_lr=1.3e-3).lr, {}, diverged=True)], HORIZON).next_pilot
    assert below.pilot.base_lr < 1.3e-3 and all(float(outcome.choice.rpartition(", ")[2]) < 1.3e-3 for outcome in below.outcomes)


def test_the_report_has_the_next_pilot_and_its_settings(tmp_path, capsys):
    for run in made.pilots():
        (tmp_path / f"{run.name}.csv").write_bytes(made.table_csv(run))
    out = tmp_path / "plan"
    options = ["--horizon", "4000", "--budget", "0.1", "--trainer", "pytorch", "--no-figures", "--out", str(out)]
    assert main(["plan", *map(str, tmp_path.glob("*.csv")), *options, "--json"]) == 0
    printed, kept = json.loads(capsys.readouterr().out), json.loads((out / "plan.json").read_text())
    found = kept["next_pilot"]
    assert printed["next_pilot"] == found and found["total_steps"] <= 400 and found["cost"] <= found["budget"] == 0.1
    assert Schedule.from_json(json.dumps(found["schedule"])).total_steps == found["total_steps"]
    assert found["regret_after"] <= found["regret_before"] and found["decides"]
    assert (out / "next_pilot_settings_pytorch.txt").read_text() != (out / "settings_pytorch.txt").read_text()
    assert kept["next_pilot_settings"]["executes_the_plan"]
