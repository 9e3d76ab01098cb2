"""The figure families: what figures.yaml lists and config.yaml parametrises, as paths and parameters for the rules."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Family:
    """A figure family: one step that writes its tables, one that draws its panels, one config entry, all of one name."""

    name: str
    paper: str
    title: str
    question: str
    step: str
    tables: tuple[str, ...]  # paths
    figures: tuple[str, ...]  # paths, every panel in every format and every animation
    shown: dict[str, str]  # path: caption of what the report shows, each panel in one format, animations, some tables
    captions: dict[str, str]
    parameters: str  # JSON of the config entry
    sources: tuple[str, ...]
    default: bool  # whether the default target builds it, if it needs no download
    module: str  # of its steps, below simulate, analyse and draw; the family's name unless it is `like` another

    def caption_file(self, panel: str, folder: str) -> str:
        """Path of a file with the panel's caption, as Snakemake's report wants it; written if it is not up to date."""
        path = Path(folder).resolve() / self.paper / self.name / f"{panel}.rst"
        text = self.captions[panel] + "\n"
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return str(path)


def load_families(config: dict, sources: Collection[str]) -> dict[str, Family]:
    """Families by name from a validated config; ValueError for an entry without parameters or with an unknown source or question."""
    families = {}
    for name, entry in config["figures"]["families"].items():
        paper = entry["paper"]
        parameters = config.get(paper, {}).get(name)
        if parameters is None:
            raise ValueError(f"config: {paper}.{name} is missing, but figures.yaml lists the family: add its parameters to config.yaml")
        question, questions = entry.get("question"), config["figures"]["questions"]
        if question not in questions:
            raise ValueError(f"figures.yaml: {name}.question={question!r} is not one of figures.questions: {', '.join(questions)}")
        for source in parameters.get("sources", ()):
            if source not in sources:
                known = ", ".join(sources) or "none"
                raise ValueError(f"config: {paper}.{name}.sources names {source!r}, but config/sources.csv and config.trained have {known}")
        panels, animations = expand_panels(entry["panels"], parameters), entry.get("animations", {})
        formats = config["figures"]["formats"]
        files = [f"{panel}.{suffix}" for panel in panels for suffix in formats] + [f"{animation}.gif" for animation in animations]
        image = next((suffix for suffix in ("svg", "png") if suffix in formats), formats[0])
        shown = {f"figures/{paper}/{name}/{panel}.{image}": caption for panel, caption in panels.items()}
        shown |= {f"figures/{paper}/{name}/{animation}.gif": caption for animation, caption in animations.items()}
        shown |= {f"results/{paper}/{name}/{table}.csv": caption for table, caption in entry.get("shown_tables", {}).items()}
        families[name] = Family(
            name,
            paper,
            entry["title"],
            question,
            entry["step"],
            tuple(f"results/{paper}/{name}/{table}.csv" for table in entry["tables"]),
            tuple(f"figures/{paper}/{name}/{file}" for file in files),
            shown,
            {**panels, **animations},
            json.dumps(parameters),
            tuple(parameters.get("sources", ())),
            entry.get("default", True),
            entry.get("like", name),
        )
    return families


def expand_panels(panels: dict[str, str], parameters: dict) -> dict[str, str]:
    """Captions by panel, with a panel such as ``schedules_{models}`` once for every key (or item) of parameters["models"]."""
    expanded = {}
    for panel, caption in panels.items():
        field = re.search(r"\{(\w+)\}", panel)
        if field is None:
            expanded[panel] = caption
            continue
        for key in parameters[field[1]]:
            expanded[panel.replace(field[0], str(key))] = caption.replace(field[0], str(key))
    return expanded
