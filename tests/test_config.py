"""Config, registry and claims: errors that name the key, and the files that must stay in step."""

import math
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest
import yaml

from lastiterate.workflow.claims import COLUMNS, check_claim, load_claims
from lastiterate.workflow.config import check_config, whole_schema
from lastiterate.workflow.environment import direct_dependencies, environment, locked_versions
from lastiterate.workflow.families import declared_families, load_families, load_headings
from lastiterate.workflow.figure_index import figure_index
from lastiterate.workflow.sources import load_sources
from lastiterate.workflow.step import StepError

ROOT = Path(__file__).parents[1]
DECLARED = declared_families()
SCHEMA = whole_schema(ROOT / "config/schema.yaml", DECLARED)


@pytest.fixture
def config():
    return yaml.safe_load((ROOT / "config/config.yaml").read_text())


def test_the_config_of_the_repository_is_valid(config):
    assert "distance" not in config["schaipp"]["cooldown_length"]
    check_config(config, SCHEMA)
    assert config["schaipp"]["cooldown_length"]["distance"] == 1.0  # the schema's default


BAD = [
    ("schaipp.multiple_horizon.totl_steps", 5, "schaipp.multiple_horizon.totl_steps is not a known key: did you mean total_steps?"),
    ("shaipp", {}, "config: shaipp is not a known key: did you mean schaipp?"),
    ("schaipp.schedule_comparison.total_steps", "400", "schaipp.schedule_comparison.total_steps: '400' is not of type 'integer'"),
    ("schaipp.schedule_comparison.total_steps", 0, "schaipp.schedule_comparison.total_steps: 0 is less than the minimum of 1"),
    ("schaipp.multiple_horizon.schedules.wsd.cooldown", 1.2, "schedules.wsd.cooldown: 1.2 is greater than the maximum of 1"),
    ("schaipp.multiple_horizon.schedules.wsd.family", "wds", "schedules.wsd.family: family='wds' is not known: use one of"),
    ("schaipp.cooldown_length_logs.select.0.cooldown", 1.2, "cooldown_length_logs.select.0.cooldown"),
    ("schaipp.cooldown_length.distance", -1, "schaipp.cooldown_length.distance: -1 is less than or equal to the minimum of 0"),
    ("plans", {"a": {"runs": ["x"], "horizon": 9, "trainer": "../../evil"}}, "plans.a.trainer: '../../evil' must be 1 to 100 letters"),
    ("plans", {"a": {"runs": ["-x"], "horizon": 9}}, "plans.a.runs.0: '-x' must be a path of printable characters"),
    ("plans", {"a\n": {"runs": ["x"], "horizon": 9}}, "plans: 'a\\n' must be 1 to 100 letters"),
    ("train", "../smoke", "train: '../smoke' must be 1 to 100 letters"),
    ("train", "smoke\n", "train: 'smoke\\n' must be 1 to 100 letters"),
    ("trained", {"mine": "a\0b"}, "trained.mine: 'a\\x00b' must be a path"),
    ("figures.formats", ["gif"], "figures.formats.0: 'gif' is not one of ['svg', 'pdf', 'png']"),
]


@pytest.mark.parametrize(("key", "value", "message"), BAD, ids=[key for key, _, _ in BAD])
def test_a_bad_value_is_named_by_its_key(config, key, value, message):
    *path, last = key.split(".")
    place = config
    for part in path:
        place = place[int(part) if part.isdigit() else part]
    place[last] = value
    with pytest.raises(ValueError, match=re.escape(message)):
        check_config(config, SCHEMA)


def test_every_folder_of_figures_has_an_entry_and_every_entry_a_folder(config):
    papers = load_headings()["papers"]
    assert {(family["paper"], name) for name, family in DECLARED.items()} == {(p, name) for p in papers for name in config.get(p, {})}
    with pytest.raises(ValueError, match=r"config: own\.exam has no folder figures/own/exam"):
        load_families({"figures": config["figures"], "own": {"exam": config["bu"]["exam"]}}, DECLARED, {})


def test_a_family_that_says_too_little_or_too_much_is_named():
    for change, message in (({"titel": "x"}, "did you mean title"), ({"like": "laws"}, "valid under each of")):
        with pytest.raises(ValueError, match=f"bu/exam/family.yaml: .*{message}"):
            whole_schema(ROOT / "config/schema.yaml", DECLARED | {"exam": DECLARED["exam"] | change})


def described(schema):
    """Every property of the schema with its path."""
    for name, part in schema.get("properties", {}).items():
        yield name, part
        yield from described(part)
    for part in (schema.get("items"), schema.get("additionalProperties"), *schema.get("$defs", {}).values()):
        if isinstance(part, dict):
            yield from described(part)


def test_every_key_of_the_schema_is_described():
    properties = list(described(SCHEMA))
    assert len(properties) > 50
    assert [name for name, part in properties if "description" not in part and "$ref" not in part] == []


def test_environment_yml_pyproject_and_locks_are_in_step():
    assert (ROOT / "environment.yml").read_text() == environment(ROOT)
    assert (ROOT / "environment-train.yml").read_text() == environment(ROOT, "train")
    lock, test_lock = (locked_versions(ROOT / name) for name in ("requirements.lock", "requirements-test.lock"))
    assert set(direct_dependencies(ROOT / "pyproject.toml")) <= set(lock)
    assert {name: test_lock.get(name) for name in lock} == lock
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for name in ("test", "worst-case"):
        assert set(direct_dependencies(ROOT / "pyproject.toml", name)) <= set(test_lock)
    train_lock = locked_versions(ROOT / "requirements-train.lock")
    assert set(direct_dependencies(ROOT / "pyproject.toml", "train")) <= set(train_lock)
    assert f"torch=={train_lock['torch']}" in extras["train"]
    assert {name: train_lock.get(name) for name in lock} == lock
    for name in ("requirements.lock", "requirements-test.lock", "requirements-train.lock"):
        text = (ROOT / name).read_text()
        assert "://" not in text and "--index" not in text
        pinned = re.findall(r"^\S+==", text, re.MULTILINE)
        assert len(re.findall(r"^\S+==[^\n]*\\\n    --hash=sha256:", text, re.MULTILINE)) == len(pinned)


def test_the_figure_index_is_up_to_date():
    assert (ROOT / "figures/README.md").read_text() == figure_index(ROOT)


def test_the_registry_lists_every_public_log():
    sources = load_sources(ROOT / "config/sources.csv")
    assert sum(len(source.files) for source in sources.values()) == 302
    assert [name for name, source in sources.items() if source.optional] == ["defazio_norms_large"]  # pinned by the publisher's tree
    assert all(len(file.blob) == 40 and not file.sha256 for file in sources["defazio_norms_large"].files)
    licences = {source.name: {file.licence for file in source.files} for source in sources.values()}
    assert set().union(*licences.values()) == {"MIT", "Apache-2.0", "CC-BY-NC-4.0", "none stated"}
    not_stated = {name for name, found in licences.items() if "none stated" in found}
    assert not_stated == {"steplaw_dense", "steplaw_moe", "chinchilla"}  # never stored


ROW = {
    "source": "logs",
    "reader": "epfml",
    "repository": "a/b",
    "commit": "0" * 40,
    "path": "x.json",
    "sha256": "0" * 64,
    "bytes": "5",
    "licence": "MIT",
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sha256": "abc"}, "line 2: sha256='abc' does not match"),
        ({"bytes": "5.0"}, "line 2: bytes='5.0' does not match"),
        ({"commit": "main"}, "line 2: commit='main' does not match"),
        ({"licence": ""}, "line 2: licence='' does not match"),
        ({"path": "../x"}, "line 2: path='../x' must be relative"),
        ({"sha256": "", "blob": "abc"}, "line 2: blob='abc' does not match"),
        ({"optional": "no"}, "line 2: optional='no' does not match"),
    ],
)
def test_a_bad_row_of_the_registry_is_named(tmp_path, change, message):
    path = tmp_path / "sources.csv"
    row = {**ROW, **change}
    path.write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n")
    with pytest.raises(ValueError, match=re.escape(message)):
        load_sources(path)


def claim(**fields):
    empty = dict.fromkeys(COLUMNS, "")
    return {
        **empty,
        "id": "a",
        "table": "t",
        "select": "kind=x",
        "column": "value",
        "published": "2",
        "tolerance": "0.1",
        "comparison": "abs",
        **fields,
    }


@pytest.mark.parametrize(
    ("fields", "ours", "status"),
    [
        ({}, "2.05", "pass"),
        ({}, "2.2", "fail"),
        ({"comparison": "rel"}, "2.15", "pass"),
        ({"comparison": "rel"}, "2.25", "fail"),
        ({"comparison": "eq"}, "2.0", "pass"),
        ({"comparison": "eq"}, "2.0001", "fail"),
        ({"comparison": "eq", "published": "pass"}, "pass", "pass"),
        ({"comparison": "ge"}, "1.95", "pass"),
        ({"comparison": "ge"}, "1.5", "fail"),
        ({"comparison": "le"}, "2.05", "pass"),
        ({"comparison": "le"}, "2.5", "fail"),
        ({}, "nan", "fail"),
        ({}, "", "fail"),
    ],
)
def test_a_claim_is_decided_by_its_table(tmp_path, monkeypatch, fields, ours, status):
    monkeypatch.chdir(tmp_path)
    assert check_claim(claim(**fields))["status"] == "not yet"
    Path("results").mkdir()
    Path("results/t.csv").write_text(f"kind,value\nx,{ours}\ny,99\n")
    assert check_claim(claim(**fields))["status"] == status


@pytest.mark.parametrize("change", [{"tolerance": ""}, {"tolerance": "-1"}, {"tolerance": "nan"}, {"published": "many"}])
def test_a_claim_without_a_number_or_tolerance_is_an_error(tmp_path, change):
    path = tmp_path / "claims.csv"
    path.write_text(",".join(COLUMNS) + "\n" + ",".join(claim(**change).values()) + "\n")
    with pytest.raises(ValueError, match=r"claim a: published=.* and tolerance=.* must be numbers, tolerance >= 0"):
        load_claims(path)


def test_a_claim_that_names_no_row_or_column_is_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("results").mkdir()
    Path("results/t.csv").write_text("kind,value\nx,1\nx,2\n")
    with pytest.raises(StepError, match="matches 2 rows"):
        check_claim(claim())
    with pytest.raises(StepError, match="has no column size"):
        check_claim(claim(column="size"))


def test_the_claims_of_the_repository_name_tables_that_are_built(config):
    claims = load_claims(ROOT / "config/claims.csv")
    built = {f"{f['paper']}/{name}/{table}" for name, f in DECLARED.items() for table in f["tables"]}
    assert {c["table"] for c in claims} <= built
    per_paper = Counter(claim["paper"] for claim in claims)
    assert set(per_paper) == {"schaipp", "defazio", "bu", "peer"} and per_paper.total() >= 175
    assert all("arXiv" in claim["source"] for claim in claims if claim["paper"] != "peer")  # where the paper says it


# what a printed digit cannot decide: a solver's error, float32, a search's accuracy, an exponent measured on other data
WIDER = ("schaipp.pep.", "schaipp.convex_example.", "defazio.linear_optimal.", "bu.lr_transfer")


def test_tolerances_are_no_wider_than_the_printed_digits():
    for claim in load_claims(ROOT / "config/claims.csv"):
        if claim["comparison"] == "abs" and not claim["id"].startswith(WIDER):
            mantissa, _, exponent = claim["published"].lower().partition("e")
            unit = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
            if claim["column"] == "slope":  # three significant digits
                unit = 10.0 ** (math.floor(math.log10(float(claim["published"]))) - 2)
            if claim["id"].startswith("bu.table1.") and "e" not in claim["published"]:  # follows from 1.061, or a formula
                unit = max(unit, 1e-3 if "cosine" in claim["id"] else 2e-9)
            assert float(claim["tolerance"]) <= 0.5 * unit * (1 + 1e-9), claim["id"]
        assert claim["comparison"] != "rel", claim["id"]
