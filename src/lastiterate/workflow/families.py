"""The figure families: a folder each in `figures/`, an entry each in config.yaml; as paths and parameters for the rules."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from lastiterate.workflow.captions import filled

FIGURES = Path(__file__).parents[1] / "figures"
RESOURCES = {"mem_mb": 1000, "runtime": 10}  # of the steps that make tables; a family that takes more says so in family.yaml
PANEL = re.compile(r"[^\W_][^/\x00-\x1f]*")  # a name of a file, which an option cannot be


@dataclass(frozen=True)
class Family:
    """A figure family: one step that writes its tables, one that draws its panels, one config entry, all of one name."""

    name: str
    paper: str
    title: str
    question: str
    step: str  # "simulate", or "analyse" where it is drawn from logs
    tables: tuple[str, ...]  # paths
    figures: tuple[str, ...]  # paths, every panel in every format and every animation
    shown: dict[str, str]  # path: caption of what the report shows, each panel in one format, animations, some tables
    captions: dict[str, str]
    parameters: str  # JSON of the config entry
    sources: tuple[str, ...]  # those of the entry, and of its optional ones those that are there
    default: bool  # whether the default target builds it, if it needs no download
    resources: Mapping[str, int]  # what its tables take at most: mem_mb, and runtime in minutes
    module: str  # the package with its `compute` and `draw`: its own, unless it is `like` another

    def caption_file(self, panel: str, folder: str) -> str:
        """Path of a file with the panel's caption, as Snakemake's report wants it; written if it is not up to date."""
        path = Path(folder).resolve() / self.paper / self.name / f"{panel}.rst"
        text = filled(self.captions[panel], Path("results") / self.paper / self.name) + "\n"
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return str(path)


def read_yaml(path: Path):
    """What a YAML file holds."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def load_headings(folder: Path = FIGURES) -> dict[str, dict[str, str]]:
    """How the report names `papers` and `questions`, in its order."""
    return read_yaml(folder / "headings.yaml")


def declared_families(folder: Path = FIGURES) -> dict[str, dict]:
    """What each family's folder, PAPER/NAME, says of it in family.yaml, by name; and its `paper`.

    ValueError for two folders of one name, and for a family that is `like` an unknown one.
    """
    families: dict[str, dict] = {}
    for path in sorted(folder.glob("*/*/family.yaml")):
        name, paper = path.parent.name, path.parent.parent.name
        if name in families:
            raise ValueError(f"{path}: {families[name]['paper']} has a family {name} too: rename one, as rules are named after families")
        families[name] = {"paper": paper, **read_yaml(path)}
    for name, entry in families.items():
        if entry.get("like", name) not in families:
            raise ValueError(f"{entry['paper']}/{name}/family.yaml: like={entry['like']!r} is no family: name a folder of figures/")
    return families


def load_families(config: dict, declared: Mapping[str, dict], sources: Mapping) -> dict[str, Family]:
    """Families by name: those with an entry in the validated config, in its order.

    Parameters
    ----------
    declared : mapping
        See `declared_families`.
    sources : mapping
        What `sources` of an entry may name: `Source` by name, and folders of collected runs.

    Raises
    ------
    ValueError
        For an entry without a folder, or with an unknown source or question.
    """
    questions = load_headings()["questions"]
    papers = {entry["paper"] for entry in declared.values()}
    families = {}
    for paper, name, parameters in [(key, *item) for key in config if key in papers for item in config[key].items()]:
        entry = declared.get(name, {})
        if entry.get("paper") != paper:
            raise ValueError(f"config: {paper}.{name} has no folder figures/{paper}/{name}: correct its name, or add the folder")
        if entry["question"] not in questions:
            raise ValueError(f"{name}: question={entry['question']!r} is not one of figures/headings.yaml: {', '.join(questions)}")
        for source in (*parameters.get("sources", ()), *parameters.get("optional_sources", ())):
            if source not in sources:
                known = ", ".join(sources) or "none"
                raise ValueError(f"config: {paper}.{name}.sources names {source!r}, but config/sources.csv and config.trained have {known}")
        used = [*parameters.get("sources", ()), *(name for name in parameters.get("optional_sources", ()) if sources[name].wanted)]
        like = entry.get("like", name)
        families[name] = Family(
            name=name,
            paper=paper,
            title=entry["title"],
            question=entry["question"],
            step="analyse" if any(getattr(sources[source], "is_log", True) for source in used) else "simulate",
            tables=tuple(f"results/{paper}/{name}/{table}.csv" for table in entry["tables"]),
            parameters=json.dumps(parameters),
            sources=tuple(used),
            default=entry.get("default", True),
            resources=RESOURCES | entry.get("resources", {}),
            module=f"lastiterate.figures.{declared[like]['paper']}.{like}",
            **_outputs(f"{paper}/{name}", entry, expand_panels(entry["panels"], parameters), config["figures"]["formats"]),
        )
    return families


def _outputs(place: str, entry: dict, panels: dict[str, str], formats: list[str]) -> dict:
    """The fields figures, shown and captions of a family at PAPER/NAME."""
    animations = entry.get("animations", {})
    files = [f"{panel}.{suffix}" for panel in panels for suffix in formats] + [f"{animation}.gif" for animation in animations]
    image = next((suffix for suffix in ("svg", "png") if suffix in formats), formats[0])
    shown = {f"figures/{place}/{panel}.{image}": caption for panel, caption in panels.items()}
    shown |= {f"figures/{place}/{animation}.gif": caption for animation, caption in animations.items()}
    shown |= {f"results/{place}/{table}.csv": caption for table, caption in entry.get("shown_tables", {}).items()}
    return {"figures": tuple(f"figures/{place}/{file}" for file in files), "shown": shown, "captions": {**panels, **animations}}


def expand_panels(panels: dict[str, str], parameters: dict) -> dict[str, str]:
    """Captions by panel, with a panel such as ``schedules_{models}`` once for every key (or item) of parameters["models"].

    In a caption ``{seeds}`` is the parameter of that name, if it is a number or a text.
    """
    expanded = {}
    filled = lambda match: str(value) if isinstance(value := parameters.get(match[1]), int | float | str) else match[0]
    for panel, caption in panels.items():
        caption = re.sub(r"\{(\w+)\}", filled, caption)
        field = re.search(r"\{(\w+)\}", panel)
        if field is None:
            expanded[panel] = caption
            continue
        for key in map(str, parameters[field[1]]):
            if not PANEL.fullmatch(name := panel.replace(field[0], key)):
                raise ValueError(f"config: {field[1]} has {key!r}, which cannot be part of a file's name: use letters, digits, - . _")
            expanded[name] = caption.replace(field[0], key)
    return expanded
