"""figures/README.md from the config: every figure, what it shows, and the command that builds it."""

import argparse
from pathlib import Path

import yaml

from lastiterate.workflow.families import expand_panels
from lastiterate.workflow.files import replacing


def figure_index(root: Path) -> str:
    """Text of figures/README.md."""
    config, families = (yaml.safe_load((root / f"config/{name}.yaml").read_text(encoding="utf-8")) for name in ("config", "figures"))
    lines = [
        "# Figures",
        "",
        "Generated from config/ by `python -m lastiterate.workflow.figure_index`; do not edit. The files themselves are",
        "built by the workflow and not kept in the repository. Any of them can be built alone, by its name.",
    ]
    for name, family in families["figures"]["families"].items():
        paper = family["paper"]
        sources = config[paper][name].get("sources", ())
        kept = [config["trained"][source] for source in sources if source in config["trained"]]
        data = ("the public logs" if len(kept) < len(sources) else " and ".join(kept)) if sources else "config.yaml alone"
        lines += ["", f"## {paper}/{name}: {family['title']}", "", f"Rules `{family['step']}_{name}`, `draw_{name}`; from {data}.", ""]
        captions = {f"{panel}.svg": caption for panel, caption in expand_panels(family["panels"], config[paper][name]).items()}
        captions |= {f"{animation}.gif": caption for animation, caption in family.get("animations", {}).items()}
        for file, caption in captions.items():
            lines.append(f"- **{Path(file).stem}** `snakemake figures/{paper}/{name}/{file}`  \n  {caption}")
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
