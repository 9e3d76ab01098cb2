"""figures/README.md from the config: the papers' figures by number, then every figure, what it shows, and the command that builds it."""

import argparse
from pathlib import Path

from lastiterate.workflow.captions import filled
from lastiterate.workflow.families import Family, declared_families, load_families, load_headings, read_yaml
from lastiterate.workflow.files import replacing
from lastiterate.workflow.paper_numbers import load_numbers, number_table, with_numbers
from lastiterate.workflow.sources import load_sources


def repository_families(root: Path) -> dict[str, Family]:
    """The figure families of a clone, by name, with the papers' numbers in their captions."""
    config = read_yaml(root / "config/config.yaml")
    declared = declared_families()
    families = load_families(config, declared, {**load_sources(root / "config/sources.csv"), **config["trained"]})
    return with_numbers(families, load_numbers(families, declared))


def figure_index(root: Path) -> str:
    """Text of figures/README.md."""
    lines = [
        "# Figures",
        "",
        "Generated from config/ and src/lastiterate/figures/ by `python -m lastiterate.workflow.figure_index`; do not edit. The files",
        "themselves are built by the workflow and not kept in the repository. Any of them can be built alone, by its name.",
        "",
        "The commands are run in the repository's folder once `make` has made `.venv`; where Snakemake and the package are installed",
        "otherwise (conda, a module of your own), leave out `.venv/bin/`. Verdicts: *same* is the paper's own problem and data, *our",
        "problem* and *our data* are stand-ins, and what *cannot be had* says what it would take. A target such as `schaipp_fig5` builds",
        "every panel of its figure: `.venv/bin/snakemake schaipp_fig5`.",
    ]
    families, papers = repository_families(root), load_headings()["papers"]
    numbers = load_numbers(families, declared_families())
    for paper in dict.fromkeys(number.paper for number in sorted(numbers, key=lambda number: list(papers).index(number.paper))):
        lines += ["", f"## {papers[paper]}, by number", "", number_table(numbers, paper)]
    trained = read_yaml(root / "config/config.yaml")["trained"]
    for name, family in families.items():
        kept = [trained[source] for source in family.sources if source in trained]
        data = ("the public logs" if len(kept) < len(family.sources) else " and ".join(kept)) if family.sources else "config.yaml alone"
        place = f"{family.paper}/{name}"
        lines += ["", f"## {place}: {family.title}", "", f"Rules `{family.step}_{name}`, `draw_{name}`; from {data}.", ""]
        for path, caption in family.shown.items():
            if path.startswith("figures/"):
                lines.append(f"- **{Path(path).stem}** `.venv/bin/snakemake {path}`  \n  {filled(caption, None)}")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write figures/README.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path, nargs="?", default=Path("figures/README.md"))
    arguments = parser.parse_args()
    with replacing(arguments.output) as temporary:
        temporary.write_text(figure_index(Path.cwd()), encoding="utf-8")


if __name__ == "__main__":
    main()
