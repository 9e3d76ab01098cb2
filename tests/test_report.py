"""The report: what the page holds, and that a browser shows all of it without the network."""

import csv
import json
import re
from pathlib import Path

import pytest
import yaml

from browser import Browser, find_browser
from lastiterate.workflow.families import declared_families, load_families, load_headings
from lastiterate.workflow.report import count_statuses, load_item, load_ledger, page, report_content, sort_key
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
    families = load_families(config, declared_families(), {**sources, **config["trained"]}).values()
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
        content = json.loads(json.dumps(report_content(config, families, sources, load_headings())))
        text = page(content, ledger, {"lastiterate": "1.2.3"})
    (folder / "report.html").write_text(text, encoding="utf-8")
    return folder / "report.html", families, ledger


def test_every_figure_has_its_caption_and_the_page_loads_nothing(built):
    text = built[0].read_text(encoding="utf-8")
    shown = {path: caption for family in built[1] for path, caption in family.shown.items()}
    assert len(shown) > 90
    assert text.count("<figure ") == len(shown)
    for path in shown:
        assert f'id="{path.split("/", 1)[1].rsplit(".", 1)[0]}"' in text
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


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    executable = find_browser()
    if not executable:
        pytest.skip("no Chromium: install the package chromium, or set CHROMIUM to one")
    browser = Browser(executable, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture
def opened(browser, built):
    browser.open(built[0])
    return browser


def column(browser, number: int) -> list[str]:
    return json.loads(browser.evaluate(f"JSON.stringify([...ledger.tBodies[0].rows].map(r => r.cells[{number}].dataset.key))"))


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390], ids=["desktop", "phone"])
def test_everything_is_visible_without_network_or_errors(browser, built, width):
    browser.requests.clear()
    browser.errors.clear()
    browser.open(built[0], width)
    images = browser.evaluate(
        "JSON.stringify([...document.querySelectorAll('figure img')].map(i => [i.naturalWidth, i.getBoundingClientRect().width]))"
    )
    figures = sum(not path.endswith(".csv") for family in built[1] for path in family.shown)
    assert len(json.loads(images)) == figures
    assert all(natural > 0 and seen > 0 for natural, seen in json.loads(images))
    assert browser.evaluate("document.documentElement.scrollWidth") <= width  # only tables and enlarged figures scroll sideways
    assert browser.requests == [] and browser.errors == []


@pytest.mark.browser
def test_the_ledger_sorts_both_ways_and_filters(opened):
    for number in (0, 4):  # status and published
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
def test_figures_regroup_by_question_and_enlarge(opened, built):
    headings = "JSON.stringify([...document.querySelectorAll('#figures h2')].map(h => h.textContent))"
    assert json.loads(opened.evaluate(headings))[0].startswith("Schaipp")
    opened.evaluate("document.querySelector('[value=question]').click()")
    assert json.loads(opened.evaluate(headings))[0] == "Which schedule is best?"
    assert opened.evaluate("document.querySelectorAll('#figures article').length") == len(built[1])
    opened.evaluate("document.querySelector('.enlarge').click()")
    assert opened.evaluate("large.open && large.querySelector('img').getBoundingClientRect().width") > 700


@pytest.mark.slow
def test_the_workflow_makes_both_reports(tmp_path):
    folder = make_copy(tmp_path / "clone")
    arguments = ("report", "--cores", "1", "--config", "public_logs=False")
    snakemake(folder, *arguments)
    snakemake(folder, "--report", "report-workflow.html", *arguments)
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert text.count("<img src=") == len(list((folder / "figures/schaipp").rglob("*.svg"))) > 10
    assert "not yet" in text and str(tmp_path) not in text  # claims of families that the copy leaves out; no path of this machine
    own = (folder / "report-workflow.html").read_text(encoding="utf-8")
    assert "Which schedule is best?" in own and "six schedules" in own
    assert "Nothing to be done" in snakemake(folder, *arguments)
