"""Rows of the ledger decided by what is computed here and now: published digits come out, statements known to be wrong fail."""

import json
from pathlib import Path

import pytest

from conftest import ROOT
from lastiterate.figures.bu.exam import compute as exam
from lastiterate.figures.schaipp.convex_example import compute as convex_example
from lastiterate.figures.schaipp.wsd_detail import compute as wsd_detail
from lastiterate.workflow.claims import check_claim, load_claims
from lastiterate.workflow.figure_index import repository_families
from lastiterate.workflow.files import write_csv

CLAIMS = load_claims(ROOT / "config/claims.csv")
FAMILIES = repository_families(ROOT)


@pytest.fixture
def decide(tmp_path, monkeypatch):
    """Status by id of the claims that a table decides, which is written to a working directory of its own."""
    monkeypatch.chdir(tmp_path)

    def statuses(name: str, rows) -> dict[str, str]:
        path = Path(f"results/{name}.csv")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_csv(path, rows.columns)
        return {claim["id"]: check_claim(claim)["status"] for claim in CLAIMS if claim["table"] == name}

    return statuses


def test_table_1_of_bu_fails_where_it_is_wrong_only(decide):
    found = decide("bu/exam/table1", exam.table1(json.loads(FAMILIES["exam"].parameters)["constant_fractions"]))
    wrong = {f"bu.table1.inverse_sqrt.{column}" for column in ("log", "base_lr", "bound")}
    assert {name for name, status in found.items() if status == "fail"} == wrong
    assert len(found) == 27 and set(found.values()) == {"pass", "fail"}


def test_the_published_convex_problem_ends_where_the_published_script_does(decide):
    parameters = json.loads(FAMILIES["convex_example"].parameters) | {"seeds": 1}
    found = decide("schaipp/convex_example/final", convex_example.compute(parameters)["final"])
    assert found == dict.fromkeys((f"schaipp.convex_example.{name}" for name in ("wsd", "constant", "cosine")), "pass")


def test_the_theorem_is_the_published_one(decide):
    rows = wsd_detail.theorem_rows(range(*json.loads(FAMILIES["wsd_detail"].parameters)["theorem_total_steps"]), 0.2, 1.0, 1.0)
    found = decide("schaipp/wsd_detail/theorem", rows)
    assert found == {"schaipp.theorem9.500": "pass", "schaipp.theorem9.4900": "pass"}
    assert min(rows.columns["ratio"]) > 1.2
