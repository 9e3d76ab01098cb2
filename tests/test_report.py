"""The report: what the page holds, and that a browser shows all of it without the network."""

import csv
import json
import re
from pathlib import Path

import pytest
import yaml

from lastiterate.workflow.families import declared_families, load_families, load_headings
from lastiterate.workflow.paper_numbers import load_numbers
from lastiterate.workflow.report import count_statuses, load_item, load_ledger, page, sort_key
from lastiterate.workflow.report_content import anchor, report_content
from lastiterate.workflow.sources import load_sources
from test_workflow import make_copy, snakemake

ROOT = Path(__file__).parents[1]
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="200"><rect width="{0}" height="200" fill="teal"/></svg>'
GIF = bytes.fromhex("47494638396101000100800000ff0000ffffff2c00000000010001000002024401003b")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Page of the repository's own config with made-up files, its folder, and the families it shows."""
    folder = tmp_path_factory.mktemp("report")
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    sources = load_sources(ROOT / "config/sources.csv")
    by_name = load_families(config, declared_families(), {**sources, **config["trained"]})
    families, numbers = by_name.values(), load_numbers(by_name, declared_families())
    for number, path in enumerate(path for family in families for path in family.shown):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".gif":
            file.write_bytes(GIF)
        else:
            file.write_text("name,value\na,10\nb,9\nc,1e-3\n" if file.suffix == ".csv" else SVG.format(200 + 5 * number))
    with (ROOT / "config/claims.csv").open() as claims, (folder / "results/claims.csv").open("w") as ledger:
        columns = ("id", "paper", "where", "quantity", "published", "ours", "difference", "tolerance", "comparison", "status", "note")
        rows = [{**row, "ours": row["published"], "difference": "0.0", "status": "pass"} for row in csv.DictReader(claims)]
        rows[3] |= {"status": "fail", "note": "<b>not bold</b>", "ours": "0.12345678901"}
        writer = csv.DictWriter(ledger, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        ledger = load_ledger(Path("results/claims.csv"), ROOT / "config/claims.csv")
        content = json.loads(json.dumps(report_content(config, families, sources, load_headings(), numbers)))
        text = page(content, ledger, {"lastiterate": "1.2.3"})
    (folder / "report.html").write_text(text, encoding="utf-8")
    return folder / "report.html", families, ledger


def test_every_figure_has_its_caption_and_the_page_loads_nothing(built):
    text = built[0].read_text(encoding="utf-8")
    shown = {path: caption for family in built[1] for path, caption in family.shown.items()}
    assert len(shown) > 90
    assert text.count("<figure ") == len(shown)
    assert text.count('<script type="text/plain" data-packed=') == sum(not path.endswith(".csv") for path in shown)
    for path in shown:
        assert f'id="{anchor(path)}"' in text
    assert set(re.findall(r'(?:src|href)="([a-z]+):', text)) == {"data"}
    assert not re.search(r"@import|url\(|https?://(?!www\.w3\.org)", text)


def test_the_ledger_is_escaped_rounded_and_counted(built):
    path, _, ledger = built
    text = path.read_text(encoding="utf-8")
    assert "&lt;b&gt;not bold" in text and "<b>not bold" not in text
    assert 'data-key="0.12345678901" title="0.12345678901">0.123457</td>' in text
    assert count_statuses(ledger) == {"pass": len(ledger) - 1, "fail": 1}
    assert count_statuses(ledger, ledger[3]["family"])["fail"] == 1
    assert {row["family"] for row in ledger} <= {f"{family.paper}/{family.name}" for family in built[1]}


def test_cells_sort_as_numbers_where_they_are_some():
    assert [sort_key(text) for text in ("1e-3", "10", "Pass", "", "inf", "-inf", "nan")] == [
        "0.001", "10.0", "pass", "", "Infinity", "-Infinity", "nan",
    ]  # fmt: skip


def test_a_figure_that_no_browser_shows_is_refused():
    with pytest.raises(ValueError, match=r"x\.pdf: a browser shows .*add svg or png to figures\.formats"):
        load_item("x.pdf", "a caption")


@pytest.fixture
def opened(browser, built):
    browser.open(built[0])
    return browser


def column(browser, number: int) -> list[str]:
    return json.loads(browser.evaluate(f"JSON.stringify([...ledger.tBodies[0].rows].map(r => r.cells[{number}].dataset.key))"))


def visit(browser, place: str) -> None:
    come = "addEventListener('hashchange', () => setTimeout(done, 50), {once: true})"
    browser.evaluate(f"new Promise(done => {{ {come}; location.hash = {place!r}; }})")


def drawn(browser) -> list[bool]:
    """Whether each image of the view is there, once those near the window had time to be unpacked."""
    shown = "[...document.querySelectorAll('.view:not([hidden]) img.plot')].filter(i => i.offsetHeight)"
    wait = f"Promise.all({shown}.slice(0, 2).map(i => i.complete && i.naturalWidth ? 0 : new Promise(d => i.addEventListener('load', d))))"
    browser.evaluate(f"{wait}.then(() => 0)")
    return json.loads(browser.evaluate(f"JSON.stringify({shown}.map(i => i.naturalWidth > 0))"))


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390], ids=["desktop", "phone"])
def test_every_view_fits_and_loads_nothing(browser, built, width):
    browser.requests.clear()
    browser.errors.clear()
    browser.open(built[0], width)
    assert drawn(browser)[0]
    for place in ("paper:schaipp", "question:bound", "number:schaipp_fig5", "explorer", "claims", "provenance", "schaipp/multiple_horizon"):
        visit(browser, place)
        assert browser.evaluate("document.documentElement.scrollWidth") <= width, place  # only tables and figures scroll sideways
    assert browser.requests == [] and browser.errors == []


@pytest.mark.browser
def test_a_view_has_the_figures_that_it_is_named_after(opened, built):
    visible = "JSON.stringify([...document.querySelectorAll('#figures figure')].filter(f => f.offsetHeight).map(f => f.id))"
    anchors = {family.name: [anchor(path) for path in family.shown] for family in built[1]}
    visit(opened, "paper:bu")
    assert json.loads(opened.evaluate(visible)) == [one for family in built[1] if family.paper == "bu" for one in anchors[family.name]]
    visit(opened, "question:cooldown")
    own = [family for family in built[1] if family.question == "cooldown"]
    assert json.loads(opened.evaluate(visible)) == [one for family in own for one in anchors[family.name]]
    visit(opened, "number:schaipp_fig5")
    assert json.loads(opened.evaluate(visible)) == ["schaipp/cooldown_length/lr_sweep", "schaipp/cooldown_length/cooldown_range"]
    assert "Ours: same" in opened.evaluate("document.getElementById('about').textContent")
    visit(opened, "schaipp/multiple_horizon/convergence")
    assert json.loads(opened.evaluate(visible)) == anchors["multiple_horizon"]
    opened.evaluate("search.value = 'cosine cycle'; search.dispatchEvent(new Event('input'))")
    found = json.loads(opened.evaluate(visible))
    assert found and {"schaipp/cosine_cycle"} <= {str(Path(one).parent) for one in found}
    opened.evaluate("search.value = 'no such word'; search.dispatchEvent(new Event('input'))")
    assert json.loads(opened.evaluate(visible)) == [] and opened.evaluate("document.getElementById('nothing').offsetHeight > 0")


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_view_has_a_violation_that_axe_finds(browser, built, dark):
    browser.prefer_dark(dark)
    browser.open(built[0])
    for place in ("", "paper:schaipp", "explorer", "claims", "provenance"):
        if place:
            visit(browser, place)
        assert browser.violations() == [], place
    browser.prefer_dark(False)


@pytest.mark.browser
def test_the_ledger_sorts_both_ways_and_filters(opened):
    visit(opened, "claims")
    for number in (0, 3):  # status and published
        before = column(opened, number)
        opened.evaluate(f"ledger.querySelectorAll('th button')[{number}].click()")
        up = column(opened, number)
        opened.evaluate(f"ledger.querySelectorAll('th button')[{number}].click()")
        down = column(opened, number)
        assert sorted(before) == sorted(up) == sorted(down)
        numbers = [float(cell) for cell in up if re.fullmatch(r"-?[\d.e-]+|-?Infinity", cell)]
        if number:
            assert len(numbers) > 100 and numbers == sorted(numbers)
        else:
            assert up[0] == "fail" and down[-1] == "fail"
    opened.evaluate("filter.value = 'FAIL  bold'; filter.dispatchEvent(new Event('input'))")
    assert opened.evaluate("[...ledger.tBodies[0].rows].filter(r => r.offsetHeight > 0).length") == 1


@pytest.mark.browser
def test_a_figure_is_enlarged_and_comes_with_its_command(opened, built):
    visit(opened, "schaipp/multiple_horizon")
    opened.evaluate("document.querySelector('article:not([hidden]) .enlarge').click()")
    large = "new Promise(d => setTimeout(() => d(large.open && large.querySelector('img').getBoundingClientRect().width), 300))"
    assert opened.evaluate(large) > 700
    command = opened.evaluate("document.querySelector('article:not([hidden]) .how code').textContent")
    assert command == ".venv/bin/snakemake figures/schaipp/multiple_horizon/lr_sweep.svg"


@pytest.mark.slow
def test_the_workflow_makes_both_reports(tmp_path):
    folder = make_copy(tmp_path / "clone")
    arguments = ("report", "--cores", "1", "--config", "public_logs=False")
    snakemake(folder, *arguments)
    snakemake(folder, "--report", "report-workflow.html", *arguments)
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert text.count('<script type="text/plain" data-packed=') == len(list((folder / "figures/schaipp").rglob("*.svg"))) > 10
    assert "not yet" in text and str(tmp_path) not in text  # claims of families that the copy leaves out; no path of this machine
    own = (folder / "report-workflow.html").read_text(encoding="utf-8")
    assert "Which schedule is best?" in own and "six schedules" in own
    assert "Nothing to be done" in snakemake(folder, *arguments)
