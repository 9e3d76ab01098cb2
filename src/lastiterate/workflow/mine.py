"""A sweep of one's own in the figures of the papers: an entry of `mine` in config.yaml names the family that it is `like`.

    mine:
      my_cooldown: {like: cooldown_length_logs, sources: [my_runs]}

What the entry leaves out is the family's own: its panels and tables, and every number but the selection of runs, which is then all
runs of the sources (those of wsd where the family is about cooldowns).
"""

from collections.abc import Mapping
from difflib import get_close_matches

from jsonschema import Draft202012Validator

PAPER = "mine"
NARROWED = {"cooldown_length_logs": {"schedule_name": "wsd"}, "two_dimensional": {"schedule_name": "wsd"}}


def own_sweeps(config: dict, schema: dict, declared: Mapping[str, dict]) -> dict[str, dict]:
    """Every entry of ``config["mine"]`` as a figure family, as `declared_families` has them.

    Parameters
    ----------
    config : dict
        Validated but for the entries of `mine`, which become the parameters of their families in place.
    schema : dict
        The schema of the config, which has the parameters of each family.
    declared : mapping
        The families that there are.

    Raises
    ------
    ValueError
        That names the entry and what is wrong with it.
    """
    known = [name for name, family in declared.items() if "sources" in config.get(family["paper"], {}).get(name, {})]
    families = {}
    for name, entry in config[PAPER].items():
        if name in declared:
            raise ValueError(f"config: mine.{name} is the name of a figure family already: give it another")
        like, title = entry.pop("like"), entry.pop("title", name.replace("_", " "))
        if like not in known:
            near = get_close_matches(like, known, 3, 0.4) or known
            raise ValueError(f"config: mine.{name}.like={like!r} is no family that is drawn from logs, but {', '.join(near)}")
        family = declared[like]
        inherited = {**config[family["paper"]][like]}
        part = _part(schema, family["paper"], like)
        every = [{"source": source, **NARROWED.get(family.get("like", like), {})} for source in entry["sources"]]
        selections = {"select": every, "models": None if _needs_more(part) else {"mine": every}, "cooldown_range_base_lr": None}
        inherited |= {key: value for key, value in selections.items() if key in inherited}
        parameters = {key: value for key, value in inherited.items() if value is not None} | entry
        for error in Draft202012Validator({"$defs": schema["$defs"], **part}).iter_errors(parameters):
            key = ".".join(map(str, ["mine", name, *error.absolute_path]))
            raise ValueError(f"config: {key}: {error.message}")
        config[PAPER][name] = parameters
        panels = {panel: f"{title}: as {panel.replace('{', '').replace('}', '')} of {like}." for panel in family["panels"]}
        families[name] = {**family, "paper": PAPER, "title": title, "like": family.get("like", like), "panels": panels, "default": False}
    return families


def _part(schema: dict, paper: str, name: str) -> dict:
    """The schema of a family's parameters."""
    part = schema["properties"][paper]["properties"][name]
    while str(part.get("$ref", "")).startswith("#/properties/"):
        found = schema
        for key in part["$ref"][2:].split("/"):
            found = found[key]
        part = found
    return part


def _needs_more(part: dict) -> bool:
    """Whether a family's `models` are more than selections, such as the roles that runs have in it; then they cannot be guessed."""
    return part["properties"].get("models", {}).get("additionalProperties", {}).get("$ref") != "#/$defs/select"
