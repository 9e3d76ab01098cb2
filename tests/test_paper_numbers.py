"""The papers' figures and tables by number: all of them are listed, say how ours compare, and are targets."""

import re

import pytest
import yaml

import test_workflow
from conftest import ROOT
from lastiterate.workflow.families import declared_families, load_families
from lastiterate.workflow.figure_index import repository_families
from lastiterate.workflow.paper_numbers import load_numbers, number_table
from lastiterate.workflow.sources import load_sources

FAMILIES, DECLARED = repository_families(ROOT), declared_families()
NUMBERS = load_numbers(FAMILIES, DECLARED)
PUBLISHED = {"schaipp": {"Figure": 22}, "defazio": {"Figure": 7, "Table": 3}, "bu": {"Figure": 12, "Table": 2}}


def test_every_figure_and_table_of_the_papers_is_listed_once():
    for paper, kinds in PUBLISHED.items():
        listed = [number.number for number in NUMBERS if number.paper == paper]
        assert len(set(listed)) == len(listed)
        assert {f"{kind} {n}" for kind, count in kinds.items() for n in range(1, count + 1)} == {n for n in listed if n.split()[0] in kinds}


def test_every_panel_of_the_papers_families_has_a_number_or_is_beyond_the_paper():
    # what is ours beyond the papers: the page of each paper says what it adds
    numbered = {panel for number in NUMBERS for panel in number.panels}
    ours = {f"{name}/{panel}" for name, family in FAMILIES.items() if family.paper == "schaipp" for panel in family.captions}
    beyond = {
        "lower_bound": ("long_horizon", "optimised"),
        "cosine_cycle": ("horizons", "horizons_ablation"),
        "convex_example": ("loss_seeds",),
    }
    assert ours - numbered == {f"{name}/{panel}" for name, panels in beyond.items() for panel in panels}


def test_numbers_are_targets_that_build_their_panels_alone():
    targets = {number.target: number for number in NUMBERS if number.target}
    assert {"schaipp_fig5", "schaipp_theorem9", "bu_table2", "defazio_fig3"} <= set(targets)
    assert all(number.files or number.verdict == "cannot be had" for number in NUMBERS)
    assert targets["bu_table2"].files[0] == "results/bu/chinchilla/fits.csv"
    listed = test_workflow.snakemake(ROOT, "--list-target-rules", "--quiet")
    assert set(targets) <= {line.split()[0] for line in listed.splitlines() if line.strip()}


def test_captions_begin_with_the_number():
    assert FAMILIES["cooldown_length"].captions["lr_sweep"].startswith("Figure 5. Final bound")
    assert FAMILIES["cooldown_length"].shown["figures/schaipp/cooldown_length/lr_sweep.svg"].startswith("Figure 5. ")
    assert FAMILIES["any_iterate"].captions["r2"].startswith("Figure 2, Figure 3, Figure 4. 1 - R2")
    assert FAMILIES["own_l1_l2"].captions["schedules"].startswith("Refined schedules")  # ours stands in for a figure of another's


def test_an_optional_source_is_drawn_from_once_it_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sources = load_sources(ROOT / "config/sources.csv")
    config = {
        "figures": {"formats": ["svg"]},
        "defazio": {"real_norms": {"sources": ["defazio_norms"], "optional_sources": ["defazio_norms_large"]}},
    }
    assert load_families(config, DECLARED, sources)["real_norms"].sources == ("defazio_norms",)
    sources["defazio_norms_large"].receipt.parent.mkdir(parents=True)
    sources["defazio_norms_large"].receipt.write_text("path,sha256,bytes,licence\n")
    assert load_families(config, DECLARED, sources)["real_norms"].sources == ("defazio_norms", "defazio_norms_large")
    config["defazio"]["real_norms"]["optional_sources"] = ["nobody"]
    with pytest.raises(ValueError, match=r"names 'nobody', but config/sources\.csv"):
        load_families(config, DECLARED, sources)


def test_the_table_says_command_and_verdict_of_each():
    table = number_table(NUMBERS, "defazio").splitlines()
    assert len(table) == 2 + sum(max(len(number.panels), 1) for number in NUMBERS if number.paper == "defazio")
    (row,) = [line for line in table if line.startswith("| Table 2 ")]
    assert "| – | – | cannot be had: " in row
    first, second = [line for line in table if line.startswith("| Figure 2 ")]
    assert first.startswith("| Figure 2 `defazio_fig2` | Training curves on CIFAR-10")
    assert "| `curves` | `.venv/bin/snakemake figures/defazio/cifar_sweep/curves.svg` | our data: shifted digits" in first
    assert second == "| Figure 2 | | `final` | `.venv/bin/snakemake figures/defazio/cifar_sweep/final.svg` | our data |"
    assert all(
        number_table([number], number.paper).count("| `.venv/bin/snakemake ") == len(number.panels) for number in NUMBERS
    )  # every panel and table has its command
    assert sum(max(len(number.panels), 1) for number in NUMBERS) >= 68
    assert not re.search(r"`snakemake ", (ROOT / "figures/README.md").read_text())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"verdict": "alike"}, "Figure 1: verdict='alike' is not one of same, our problem"),
        ({"note": ""}, "Figure 1: a note is missing"),
        ({"panels": ["exam/nothing"]}, "Figure 1: exam has no panel or table nothing: it has figure1"),
        ({"panels": ["nobody/x"]}, "nobody/x is of no family"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path, change, message):
    entry = {"number": "Figure 1", "shows": "x", "panels": ["exam/figure1"], "verdict": "same", "note": "y"}
    (tmp_path / "bu").mkdir()
    (tmp_path / "bu/numbers.yaml").write_text(yaml.safe_dump([entry | change]))
    with pytest.raises(ValueError, match=re.escape(message)):
        load_numbers(FAMILIES, DECLARED, tmp_path)
    assert load_numbers({}, DECLARED, tmp_path)[0].files == () if message.startswith("Figure 1: exam") else True
