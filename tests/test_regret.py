"""What plans from hidden sweeps lose: the cases, the row of each, the summary, and public ladders and tables of final losses."""

import sys

import numpy as np
import pandas as pd
import pytest

from conftest import ROOT
from lastiterate.figures.plan.regret import compute, document, results, runs
from lastiterate.figures.plan.regret.cases import cases, horizons_of
from lastiterate.figures.plan.regret.judge import Told, ask, interval_score, row
from lastiterate.logs import ingest
from lastiterate.plan.pilots import Pilot
from lastiterate.schedules import constant, cosine, wsd

OLMO = {"runs": {"source": "olmo_ladder", "n_params": 190_000_000}, "by": "n_params", "init_std": 0.02, "weight_decay": 0.1}
STEPLAW = {"results": {"source": "steplaw_moe"}, "warmup_steps": 2000, "final_lr": 1e-5, "seq_len": 2048}


def test_cases_hide_what_is_chosen_among():
    rows = [
        (f"{t}-{c}-{lr:g}", t, "wsd", "linear", c, lr, 0.0, 3.0 + lr + c / 10 + 100 / t)
        for t in (100, 200)
        for c in (0.2, 0.4)
        for lr in (0.1, 0.2, 0.4)
    ]
    columns = ["run_id", "total_steps", "schedule_name", "decay_shape", "cooldown", "base_lr", "final_lr_ratio", "final_val_loss"]
    table = pd.DataFrame(rows, columns=columns)
    table["schedule"] = [wsd(t, c, peak_lr=lr).to_json() for t, c, lr in zip(table.total_steps, table.cooldown, table.base_lr, strict=True)]
    found = list(cases(table, ("cooldown", "longer", "base_lr", "hidden", "one_peak", "continue"), least=2))
    assert {task: sum(case.task == task for case in found) for task in ("cooldown", "longer", "base_lr", "hidden")} == {
        "cooldown": 4, "longer": 2, "base_lr": 4, "hidden": 2,
    }  # fmt: skip
    for case in found:
        if case.task == "longer":
            assert not set(case.pilots) & set(case.candidates)
        if case.task == "hidden":
            assert not {f"{case.label.split(':')[0]}-0.2-0.1"} & set(case.pilots)
    one_peak, goes_on = ([case for case in found if case.task == task] for task in ("one_peak", "continue"))
    assert [case.pilots for case in one_peak] == [(f"100-0.2-{lr}", f"100-0.4-{lr}") for lr in (0.1, 0.2, 0.4)]
    assert [case.candidates for case in goes_on] == [(f"200-0.2-{lr}", f"200-0.4-{lr}") for lr in (0.1, 0.2, 0.4)]
    assert all(len(case.pilots) == 6 for case in goes_on)


def ladder():
    """Runs of one learning rate at three horizons; the constant one of the longest only, wsd a little shorter than cosine."""
    rows, known = [], {}
    for total in (100, 200, 1000):
        made = [("cosine", cosine(total, peak_lr=0.1)), ("wsd", wsd(total - total // 100, 0.1, peak_lr=0.1))]
        for name, schedule in made + ([("constant", constant(total, peak_lr=0.1))] if total == 1000 else []):
            steps = np.arange(10, schedule.total_steps + 1, 10)
            losses = 2 + steps**-0.5 + (0.1 if name == "constant" else 0)
            run_id = f"{name}-{total}"
            known[run_id] = Pilot(run_id, schedule.lr, {"val_loss": (steps, losses)}, schedule)
            decay = None if name == "constant" else "linear"
            rows.append((run_id, schedule.total_steps, name, decay, 0.1, 0.1, 0.0, float(losses[-1]), schedule.to_json()))
    columns = [
        "run_id",
        "total_steps",
        "schedule_name",
        "decay_shape",
        "cooldown",
        "base_lr",
        "final_lr_ratio",
        "final_val_loss",
        "schedule",
    ]
    return pd.DataFrame(rows, columns=columns), known


def test_a_ladder_asks_for_the_schedule_at_multiples_of_the_horizon():
    table, known = ladder()
    assert horizons_of(table) == [100, 200, 1000]
    whole = runs.with_prefixes(table, known)
    short = whole.set_index("run_id").loc["constant-1000 until 200"]
    assert short.total_steps == 200 and short.final_val_loss == pytest.approx(2.1 + 200**-0.5)
    assert known["constant-1000 until 200"].losses["val_loss"][0].max() == 200 and known["constant-1000 until 200"].total_steps == 200
    found = list(cases(whole, ("schedule", "final_2x", "final_5x")))
    asked = {(case.task, case.label) for case in found}
    assert ("schedule", "200 to 1000: from all") in asked and ("schedule", "100 to 1000: from wsd") in asked
    assert ("schedule", "100 to 1000: from cosine") not in asked  # one pilot
    assert ("final_2x", "100 to 200: from all, wsd") in asked and ("final_5x", "200 to 1000: from cosine, constant") in asked
    for case in found:
        steps = whole.set_index("run_id").total_steps
        assert steps[list(case.pilots)].max() < steps[list(case.candidates)].min()


def test_the_row_of_a_case():
    losses = np.array([3.2, 3.0, 3.1])
    found = row(losses, Told(2, "law", 3.05, 3.0, 3.06), ["a", "b", "c"], 3.1, {"kept": 3.2, "rule": np.nan}, 0.9)
    assert found["chosen"] == "c" and found["best"] == "b" and found["right"] == 0 and found["refused"] == 0
    assert found["regret"] == pytest.approx(0.1) and found["kept"] == pytest.approx(0.2) and np.isnan(found["rule"])
    assert found["error"] == pytest.approx(-0.05) and found["inside"] == 0
    assert found["interval_score"] == pytest.approx(0.06 + 20 * 0.04)
    between = row(losses, Told(2, "transfer", 3.05, 3.0, 3.2, costs=3.04), ["a", "b", "c"], 3.04, {}, 0.9)
    assert between["regret"] == pytest.approx(0.04) and between["inside"] == 1
    refused = row(losses, None, ["a", "b", "c"], np.nan, {"kept": 3.2}, 0.9)
    assert refused["refused"] == 1 and np.isnan(refused["regret"]) and refused["kept"] == pytest.approx(0.2)
    assert ask(None, [], [], 0.9) is None


def test_the_interval_score_is_least_at_the_central_interval():
    values = np.random.default_rng(0).normal(size=4000)
    mean = lambda width: interval_score(values, -width, width, 0.9).mean()
    assert min((1.0, 1.3, 1.645, 2.0, 2.5), key=mean) == 1.645


def test_the_summary_counts_refusals_apart():
    numbers = dict.fromkeys(("right", "rule", "kept", "range", "low", "high", "loss", "interval_score"), 0.0)
    table = pd.DataFrame(
        {
            "sweep": "m", "group": "seed 0", "task": ["a", "a", "b"], "refused": [0, 1, 0], "regret": [0.001, np.nan, 0.003],
            "error": [0.01, np.nan, -0.03], "inside": [1.0, np.nan, 0.0], **numbers,
        }
    )  # fmt: skip
    found = pd.DataFrame(compute.summary(table).columns).set_index("task")
    assert found.cases.to_dict() == {"a": 1, "b": 1, "all": 2} and found.refused["all"] == 1
    assert found["median"]["all"] == pytest.approx(0.002) and found.absolute_error["all"] == pytest.approx(0.02)
    assert found.bias["all"] == pytest.approx(-0.01) and found.coverage["all"] == 0.5


def test_the_tables_of_the_docs_have_the_values_before_beside(tmp_path, monkeypatch):
    values = {"right": 0.5, "median": 0.001, "mean": 0.002, "p90": 0.003, "largest": 0.004, "kept": 0.005, "rule": np.nan}
    values |= {"range": 0.1, "absolute_error": 0.01, "bias": -0.01, "coverage": 0.9, "interval_score": 0.05}
    folder, doc = tmp_path / "results", tmp_path / "plan.md"
    folder.mkdir()
    now = {"sweep": ["m", "m"], "task": ["longer", "final_2x"], "cases": 7, "refused": 1, **values}
    pd.DataFrame(now).assign(mean=[0.002, np.nan]).to_csv(folder / "summary.csv", index=False)
    monkeypatch.setattr(document, "BEFORE", tmp_path / "before.csv")
    doc.write_text("a\n<!-- regret --><!-- end -->\nb\n<!-- intervals -->\nold\n<!-- end -->\nc\n")
    monkeypatch.setattr(sys, "argv", ["regret_doc", "--results", str(folder), "--keep", "abc1234"])
    document.main()
    assert (tmp_path / "before.csv").read_text().startswith("# commit abc1234\n")
    pd.DataFrame(now | {"mean": 0.001, "coverage": 0.8}).assign(mean=[0.001, np.nan]).to_csv(folder / "summary.csv", index=False)
    monkeypatch.setattr(sys, "argv", ["regret_doc", "--results", str(folder), "--output", str(doc)])
    document.main()
    text = doc.read_text()
    assert text.startswith("a\n<!-- regret -->") and text.endswith("<!-- end -->\nc\n") and "old" not in text
    assert "| 1.0 (2.0) |" in text and "| 0.80 (0.90) |" in text
    assert text.count("| m | longer |") == 2 and text.count("| m | final_2x |") == 1  # nothing is chosen for a final loss
    pd.DataFrame(now | {"sweep": "n"}).assign(mean=[0.001, np.nan]).to_csv(folder / "summary.csv", index=False)
    document.main()
    assert "| m | longer |  | (1) | (0.50) | (1.0) | (2.0) |" in doc.read_text() and "| n | longer | 7 | 1 | 0.50 |" in doc.read_text()


@pytest.fixture
def public(mirror, tmp_path, monkeypatch):
    """The tables of a public source, as its ingest writes them."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/raw").symlink_to(mirror)
    (tmp_path / "config").symlink_to(ROOT / "config")
    monkeypatch.chdir(tmp_path)

    def tables(source, *names):
        paths = [tmp_path / f"{name}.parquet" for name in names]
        output = [*map(str, paths), str(tmp_path / "issues.csv")]
        monkeypatch.setattr(sys, "argv", ["ingest", "--sources", "config/sources.csv", "--source", source, "--output", *output])
        ingest.main()
        return paths

    return tables


def test_final_losses_of_a_public_table_are_cases(public):
    """Step-law's mixtures: what `transfer` says of longer runs, and of batches left out, beats the published formula."""
    found = pd.DataFrame(results.judged(STEPLAW | {"tasks": ["transfer_longer", "transfer_batch"]}, public("steplaw_moe", "results"), 0.9))
    assert found.task.value_counts().to_dict() == {"transfer_batch": 80, "transfer_longer": 20} and not found.refused.any()
    assert (found[["regret", "kept", "rule"]] >= -1e-12).all(axis=None) and found.regret.mean() < found.rule.mean()
    assert (found.low < found.high).all() and found.error.abs().max() < 0.2
    assert found.right.mean() > 0.2


@pytest.mark.slow
def test_a_public_ladder_is_planned_at_five_times_its_horizon(public):
    """OLMo's 190M: the runs of wsd are the best of every horizon, and predictions are within a few hundredths."""
    found = pd.DataFrame(runs.judged(OLMO | {"tasks": ["schedule", "final_5x"]}, public("olmo_ladder", "runs", "history"), 0.9))
    choice = found[found.task == "schedule"]
    assert len(choice) == 11 and choice.best.str.startswith("peteish-moreeval-decay/").all() and (choice.range > 0.05).all()
    done = found[found.refused == 0]
    assert len(done) >= 20 and done.error.abs().median() < 0.05 and (done.interval_score >= done.high - done.low - 1e-12).all()
