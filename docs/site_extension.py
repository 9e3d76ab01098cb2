"""What the site adds to Sphinx: formulas as MathML, figures and what is known of them, rooms of the package, help of its commands."""

import csv
import importlib
import inspect
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import yaml
from docutils import nodes
from docutils.utils.math import latex2mathml
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

from lastiterate.explorer import explorer_html
from lastiterate.workflow.captions import filled
from lastiterate.workflow.families import Family, declared_families, load_headings
from lastiterate.workflow.figure_index import repository_families
from lastiterate.workflow.paper_numbers import load_numbers, number_table

ROOT = Path(__file__).parents[1]
PAGES = {"schaipp": "schaipp", "defazio": "defazio", "bu": "bu", "own": "own_runs"}  # where the figures of a paper are, all of them
log = logging.getLogger(__name__)


@cache
def families() -> dict[str, Family]:
    """The figure families, by name."""
    return repository_families(ROOT)


class Figures(SphinxDirective):
    """``figures:: NAME``: with captions, the panels of a family, one of them (NAME/PANEL), or every family of a paper, in sections."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Figures that the workflow has built; a line names the others."""
        name, _, panel = self.arguments[0].partition("/")
        known = families()
        of_paper = [family for family in known.values() if family.paper == name]
        if of_paper:
            return [self.section(family) for family in of_paper]
        shown = known[name].shown if name in known else {}
        shown = {path: caption for path, caption in shown.items() if panel in ("", Path(path).stem)}
        if not shown:
            raise self.error(f"{self.arguments[0]} is no paper, family or panel (FAMILY/PANEL) of src/lastiterate/figures")
        return self.panels(shown)

    def section(self, family: Family) -> nodes.section:
        """A family under its title."""
        title = nodes.title(family.title, family.title)
        return nodes.section("", title, *self.panels(family.shown), ids=[nodes.make_id(family.name)], names=[family.name])

    def panels(self, shown: dict[str, str]) -> list[nodes.Node]:
        """The panels that are built, and a line for those that are not, which is no error: their data may not be at hand."""
        paths = [path for path in shown if not path.endswith(".csv")]
        missing = [Path(path).stem for path in paths if not (ROOT / path).exists()]
        built = [self.figure(path, shown[path]) for path in paths if (ROOT / path).exists()]
        text = f"Not built when this page was made (make paper): {', '.join(missing)}."
        return [*built, nodes.paragraph(text, text)] if missing else built

    def figure(self, path: str, caption: str) -> nodes.figure:
        """An image, read from the build, with its caption."""
        caption = filled(caption, ROOT / "results" / Path(path).parent.relative_to("figures"))
        figure = nodes.figure("", nodes.image(uri=f"/../{path}", alt=caption), nodes.caption(caption, caption))
        self.set_source_info(figure)
        return figure


class Room(SphinxDirective):
    """``room:: NAME``: what a package has, a line each; the heads of its modules, which hold the formulas; its functions and classes."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Everything in the package's ``__all__`` that has a docstring of its own, functions first."""
        room = importlib.import_module(f"lastiterate.{self.arguments[0]}")
        public = {name: getattr(room, name) for name in room.__all__}
        public = {name: value for name, value in public.items() if inspect.isfunction(value) or inspect.isclass(value)}
        ordered = sorted(public.items(), key=lambda item: inspect.isclass(item[1]))
        lines = [f".. automodule:: {room.__name__}", "", ".. list-table::", "   :widths: auto", "   :class: room", ""]
        for name, value in ordered:
            kind = "class" if inspect.isclass(value) else "func"
            lines += [f"   * - :py:{kind}:`~{room.__name__}.{name}`", f"     - {_linked(first_sentence(value))}"]
        for module in sorted({value.__module__ for value in public.values()}):
            lines += ["", f".. rubric:: {module}", "", f".. automodule:: {module}", "   :no-index:", ""]
        for name, value in ordered:
            kind, options = ("class", ["   :members:"]) if inspect.isclass(value) else ("function", [])
            lines += [f".. auto{kind}:: {room.__name__}.{name}", *options, ""]
        return self.parse_text_to_nodes("\n".join(lines))


def first_sentence(value) -> str:
    """The first line of a docstring."""
    return (inspect.getdoc(value) or "").split("\n", 1)[0]


class Gallery(SphinxDirective):
    """``gallery::``: for each question the families that ask it, one figure each, with links to all of theirs."""

    def run(self) -> list[nodes.Node]:
        """Sections in the report's order; families of which nothing is built are named without a figure."""
        return [self.section(question, title) for question, title in load_headings()["questions"].items()]

    def section(self, question: str, title: str) -> nodes.section:
        """A question, its families as a grid."""
        own = [family for family in families().values() if family.question == question and family.paper in PAGES]
        grid = nodes.container(classes=["gallery"])
        for family in own:
            page, images = PAGES[family.paper], [path for path in family.shown if not path.endswith(".csv") and (ROOT / path).exists()]
            link = nodes.reference("", "", internal=False, refuri=f"{page}.html#{nodes.make_id(family.name)}")
            if images:
                link += nodes.image(uri=f"/../{images[0]}", alt=f"{family.title}: {family.shown[images[0]]}")
            link += nodes.inline("", f"{family.title} ({len(family.shown)})")
            grid += nodes.paragraph("", "", link)
        return nodes.section("", nodes.title(title, title), grid, ids=[nodes.make_id(question)], names=[question])


class Bibtex(SphinxDirective):
    """``bibtex::``: CITATION.cff, the software and what it refers to, as BibTeX."""

    def run(self) -> list[nodes.Node]:
        """One block of code with every entry."""
        cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
        text = "\n\n".join(_bibtex(work) for work in (cited | cited.get("preferred-citation", {}), *cited["references"]))
        return [nodes.literal_block(text, text, language="bibtex")]


def _bibtex(work: dict) -> str:
    """An entry of CITATION.cff as BibTeX."""
    kind = {"software": "software", "conference-paper": "inproceedings"}.get(work["type"], "article")
    people = [
        ", ".join(filter(None, (person.get("family-names"), person.get("given-names")))) or f"{{{person['name']}}}"
        for person in work["authors"]
    ]
    where = ", ".join(entry["value"] for entry in work.get("identifiers", ()))
    year = work.get("year") or str(work.get("date-released", ""))[:4]
    fields = {
        "title": f"{{{work['title']}}}", "author": " and ".join(people), "booktitle": work.get("collection-title"), "year": year,
        "version": work.get("version"), "url": work.get("url") or work.get("repository-code"), "note": where,
    }  # fmt: skip
    key = re.sub(r"\W", "", people[0].split(",")[0].split()[-1]).lower() + str(year)
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return f"@{kind}{{{key},\n" + ",\n".join(lines) + "\n}"


class Table(SphinxDirective):
    """``table:: FAMILY/TABLE``: a table of results/ as the workflow built it; `columns` names those shown, `where` keeps rows (column=value).

    Numbers have three significant digits.
    """

    required_arguments = 1
    option_spec = {"columns": str.split, "where": str.split}

    def run(self) -> list[nodes.Node]:
        """The table, or a line that says that it is not built."""
        name, _, table = self.arguments[0].partition("/")
        path = ROOT / "results" / families()[name].paper / name / f"{table}.csv"
        if not path.is_file():
            text = f"Not built when this page was made: {path.relative_to(ROOT)}."
            return [nodes.paragraph(text, text)]
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        for column, _, value in (part.partition("=") for part in self.options.get("where", [])):
            rows = [row for row in rows if row[column] == value]
        columns = self.options.get("columns", list(rows[0]))
        lines = [columns, ["---"] * len(columns), *([_short(row[column]) for column in columns] for row in rows)]
        return self.parse_text_to_nodes("\n".join("| " + " | ".join(line) + " |" for line in lines))


class Value(SphinxRole):
    """``{value}`FAMILY/TABLE.COLUMN[key=value]:.2f` ``: a number of a table of results/, as fields of captions have it."""

    def run(self):
        """The number, or that it is not built."""
        name, _, field = self.text.partition("/")
        folder = ROOT / "results" / families()[name].paper / name
        text = filled("{" + field + "}", folder) or "(not built)"
        return [nodes.Text(text)], []


class Numbers(SphinxDirective):
    """``numbers:: PAPER``: every figure and table of a paper by its number, our panels, the command, and how ours compare."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The table."""
        return self.parse_text_to_nodes(number_table(load_numbers(families(), declared_families()), self.arguments[0]))


class Claims(SphinxDirective):
    """``claims:: PAPER``: how many of a paper's rows in the ledger pass, and the rows that fail."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """A sentence and a table, from results/claims.csv, or a line that says that it is not built."""
        path = ROOT / "results/claims.csv"
        if not path.is_file():
            text = "The ledger, results/claims.csv, was not built when this page was made (make paper)."
            return [nodes.paragraph(text, text)]
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["paper"] == self.arguments[0]]
        of = {status: [row for row in rows if row["status"] == status] for status in ("pass", "fail", "not yet")}
        lines = [
            f"Of its {len(rows)} published numbers and statements in the ledger {len(of['pass'])} come out and {len(of['fail'])} do not"
        ]
        lines[0] += f"; {len(of['not yet'])} wait for tables that are not built." if of["not yet"] else "."
        if of["fail"]:
            lines += ["", "| claim | where | what | published | ours |", "|---|---|---|---|---|"]
            columns = ("id", "where", "quantity", "published", "ours")
            lines += ["| " + " | ".join(_short(row[column]) for column in columns) + " |" for row in of["fail"]]
        return self.parse_text_to_nodes("\n".join(lines))


def _short(text: str) -> str:
    """A number with three significant digits (integers whole); other texts as they are."""
    try:
        return text if text.lstrip("-").isdigit() else f"{float(text):.3g}"
    except ValueError:
        return text


class Explorer(SphinxDirective):
    """``explorer::``: the schedule explorer, a part of the page."""

    def run(self) -> list[nodes.Node]:
        """The same HTML as in the report."""
        return [nodes.raw("", explorer_html(), format="html")]


class Help(SphinxDirective):
    """``help:: NAME``: what `lastiterate NAME --help` prints; without a name, `lastiterate --help`."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The help as the command itself prints it."""
        command = [sys.executable, "-m", "lastiterate.cli", *self.arguments, "--help"]
        environment = os.environ | {"COLUMNS": "88", "PYTHONPATH": str(ROOT / "src")}
        text = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        return [nodes.literal_block(text, text)]


def adapt_docstring(app, what, name, value, options, lines) -> None:
    """Turn the house style into what napoleon reads.

    Indented formulas are shown as they stand; a source and examples after the last section get sections of their own; the
    fields of a record are explained in its source by trailing comments.
    """
    text = re.sub(r"(?m)^(\S.*\n)\n(?=    +\S)", r"\1\n::\n\n", "\n".join(lines))
    if re.search(r"(?m)^-----", text):
        text = re.sub(r"\n\n(?=Source: )", "\n\nNotes\n-----\n", text)
        text = re.sub(r"\n\n(?=>>> )", "\n\nExamples\n--------\n", text, count=1)
    if what == "class":
        fields = re.findall(r"(?m)^    (\w+): .*  # (.+)$", inspect.getsource(value))
        text += "\n".join(["", *(f":ivar {field}: {comment.replace('*', chr(92) + '*')}" for field, comment in fields)]) + "\n"
    lines[:] = _linked(text).split("\n")


def _linked(text: str) -> str:
    """A page that is named as a file of the source tree, docs/plan.md, as a link to it."""
    return re.sub(r"(?<![\w/`])docs/(\w+)\.md", r":doc:`/\1`", text)


def link_pages(app, document, source) -> None:
    """The same in the pages themselves, which are Markdown."""
    source[0] = re.sub(r"(?<![\w/`(\[])(\(?)docs/(\w+)\.md", r"\1{doc}`/\2`", source[0])


def skip_fields(app, what, name, value, skip, options) -> bool | None:
    """Leave out the fields of named tuples, which `adapt_docstring` lists."""
    return True if type(value).__name__ == "_tuplegetter" else None


def trim_code(app, document) -> None:
    """Leave out the empty line with which a doctest in a Markdown page ends; what is not its own source is not highlighted."""
    for block in document.findall(nodes.literal_block):
        block.rawsource = block.astext().rstrip()
        block[:] = [nodes.Text(block.rawsource)]


def mathml(node, as_block: bool) -> str:
    """MathML of a formula node; one that is not understood is a warning with its place."""
    try:
        return latex2mathml.tex2mathml(node.astext(), as_block=as_block)
    except latex2mathml.MathError as error:
        log.warning("formula not understood: %s", error, location=node)
        return ""


def visit_math(self, node) -> None:
    """Inline formula."""
    self.body.append(mathml(node, as_block=False))
    raise nodes.SkipNode


def visit_math_block(self, node) -> None:
    """Displayed formula."""
    self.body.append(f'<div class="math">{mathml(node, as_block=True)}</div>\n')
    raise nodes.SkipNode


def setup(app) -> dict:
    """Register with Sphinx."""
    app.add_directive("figures", Figures)
    app.add_directive("room", Room)
    app.add_directive("help", Help)
    app.add_directive("explorer", Explorer)
    app.add_directive("table", Table)
    app.add_role("value", Value())
    app.add_directive("gallery", Gallery)
    app.add_directive("bibtex", Bibtex)
    app.add_directive("numbers", Numbers)
    app.add_directive("claims", Claims)
    app.connect("autodoc-process-docstring", adapt_docstring, priority=100)  # before numpydoc sections are taken apart
    app.connect("autodoc-skip-member", skip_fields)
    app.connect("doctree-read", trim_code)
    app.connect("source-read", link_pages)
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
