"""The figures and tables of the papers by their numbers: which panels and tables are theirs, and how ours compare.

`figures/PAPER/numbers.yaml` lists them. A number such as Figure 5 is a target, schaipp_fig5.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lastiterate.workflow.families import FIGURES, Family, read_yaml

VERDICTS = ("same", "our problem", "our data", "cannot be had")
_SHORT = {"Figure": "fig", "Table": "table", "Theorem": "theorem"}


@dataclass(frozen=True)
class Number:
    """A figure, table or theorem of a paper, or what only its public code draws."""

    paper: str
    number: str  # "Figure 5"
    shows: str
    panels: tuple[str, ...]  # FAMILY/PANEL, or FAMILY/TABLE.csv
    verdict: str
    note: str  # how far ours agree, or why they cannot
    files: tuple[str, ...]  # paths of the panels, in every format, and of the tables

    @property
    def target(self) -> str | None:
        """The rule that builds it; None for what has no number."""
        match = re.fullmatch(r"(\w+) (\d+)", self.number)
        return f"{self.paper}_{_SHORT[match[1]]}{match[2]}" if match else None


def load_numbers(families: Mapping[str, Family], declared: Mapping[str, dict], folder: Path = FIGURES) -> list[Number]:
    """Every entry of every numbers.yaml; files of families without an entry in the config are left out.

    ValueError for an unknown verdict, a missing note, or a panel or table that no family declares.
    """
    numbers = []
    for path in sorted(folder.glob("*/numbers.yaml")):
        paper = path.parent.name
        for entry in read_yaml(path):
            where = f"figures/{paper}/numbers.yaml: {entry['number']}"
            if entry["verdict"] not in VERDICTS:
                raise ValueError(f"{where}: verdict={entry['verdict']!r} is not one of {', '.join(VERDICTS)}")
            if not entry.get("note"):
                raise ValueError(f"{where}: a note is missing: say how far ours agree, or why not")
            panels = tuple(entry.get("panels", ()))
            files = tuple(file for panel in panels for file in _files(panel, families, declared, where))
            numbers.append(Number(paper, entry["number"], entry["shows"], panels, entry["verdict"], entry["note"], files))
    return numbers


def _files(panel: str, families: Mapping[str, Family], declared: Mapping[str, dict], where: str) -> list[str]:
    """Paths of a panel in every format, or of a table."""
    name, _, wanted = panel.partition("/")
    if name not in declared:
        raise ValueError(f"{where}: {panel} is of no family: name a folder of figures/")
    if name not in families:
        return []
    family = families[name]
    found = [path for path in family.tables if path.endswith(f"/{wanted}")]
    found += [path for path in family.figures if Path(path).stem == wanted]
    if not found and not any(re.fullmatch(_any_of(pattern), wanted) for pattern in declared[name].get("panels", ())):
        raise ValueError(
            f"{where}: {name} has no panel or table {wanted}: it has {', '.join([*family.captions, *map(_stem, family.tables)])}"
        )
    return found


def _any_of(pattern: str) -> str:
    """Regular expression of the panels that a config may make of one such as ``loss_curves_{models}``: its models may be others."""
    return ".+".join(map(re.escape, re.split(r"\{\w+\}", pattern)))


def _stem(path: str) -> str:
    return Path(path).name


def with_numbers(families: Mapping[str, Family], numbers: list[Number]) -> dict[str, Family]:
    """The families with the number in their paper before the captions of their panels: "Figure 5. Final bound ..."."""
    result = {}
    for name, family in families.items():
        prefix = {}
        for number in numbers:
            if number.target and number.paper == family.paper:
                for panel in number.panels:
                    owner, _, wanted = panel.partition("/")
                    if owner == name:
                        prefix[wanted] = f"{prefix[wanted]}, {number.number}" if wanted in prefix else number.number
        numbered = lambda wanted, caption, prefix=prefix: f"{prefix[wanted]}. {caption}" if wanted in prefix else caption
        result[name] = replace(
            family,
            captions={panel: numbered(panel, caption) for panel, caption in family.captions.items()},
            shown={path: numbered(Path(path).stem, caption) for path, caption in family.shown.items()},
        )
    return result


def number_table(numbers: list[Number], paper: str) -> str:
    """Markdown table of one paper: a row for each panel with its number, what that shows, command, and the verdict with its reason.

    The first row of a number has its target, which builds all of its panels.
    """
    lines = ["| number | shows | panel | command | verdict |", "|---|---|---|---|---|"]
    for number in numbers:
        if number.paper != paper:
            continue
        target = f" `{number.target}`" if number.target and number.files else ""
        first = f"| {number.number}{target} | {number.shows} "
        verdict = f"| {number.verdict}: {number.note} |"
        for panel in number.panels or ("",):
            wanted = panel.rpartition("/")[2]
            path = next((path for path in number.files if f"/{panel}." in path or path.endswith(f"/{panel}")), "")
            lines.append(f"{first}| {f'`{wanted}`' if wanted else '–'} | {f'`.venv/bin/snakemake {path}`' if path else '–'} {verdict}")
            first, verdict = f"| {number.number} | ", f"| {number.verdict} |"
    return "\n".join(lines)
