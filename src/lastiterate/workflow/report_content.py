"""What the report shows beside the figures, as the workflow knows it before a step runs."""

from collections.abc import Iterable
from pathlib import Path

from lastiterate.workflow.families import Family
from lastiterate.workflow.paper_numbers import Number
from lastiterate.workflow.sources import Source


def report_content(
    config: dict, families: Iterable[Family], sources: dict[str, Source], headings: dict, numbers: Iterable[Number] = ()
) -> dict:
    """What the page shows beside the figures, from the workflow: papers, questions, numbers, families, config, provenance of data."""
    shown = ("paper", "question", "name", "title", "shown", "figures", "tables")
    return {
        **headings,
        "families": [
            {key: getattr(family, key) for key in shown}
            | {"code": [f"src/{family.module.replace('.', '/')}/{name}.py" for name in ("compute", "draw")]}
            for family in families
        ],
        "numbers": [
            {"key": number.target or f"{number.paper} {number.number}", "anchors": sorted({anchor(path) for path in number.files})}
            | {key: getattr(number, key) for key in ("paper", "number", "shows", "verdict", "note")}
            for number in numbers
        ],
        "config": config,
        "sources": sorted(_source_row(source) for source in sources.values()),
    }


def anchor(path: str) -> str:
    """PAPER/FAMILY/PANEL of a figure, PAPER/FAMILY/TABLE.csv of a table."""
    place = Path(path) if path.endswith(".csv") else Path(path).with_suffix("")
    return str(Path(*place.parts[1:]))


def _source_row(source: Source) -> tuple[str, ...]:
    licences = sorted({file.licence for file in source.files})
    places = sorted({(file.repository, file.commit[:12]) for file in source.files})
    repositories, commits = (", ".join(dict.fromkeys(parts)) for parts in zip(*places, strict=True))
    sizes = [file.size for file in source.files]
    size = "not stated" if None in sizes else f"{sum(sizes) / 1e6:.1f}"
    return source.name, repositories, commits, str(len(source.files)), size, ", ".join(licences)
