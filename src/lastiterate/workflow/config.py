"""Config errors in words: which key, what it is, what it may be."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from jsonschema.validators import extend

from lastiterate.workflow.families import load_headings, read_yaml
from lastiterate.workflow.names import EXPECTED, FORMATS
from lastiterate.workflow.own_schedules import own_families


def check_config(config: dict, schema: Mapping) -> None:
    """Fill in the schema's defaults and check `config` against it; ValueError that names every offending key."""
    errors = sorted(_Filling(schema, format_checker=FORMATS).iter_errors(config), key=lambda e: list(map(str, e.absolute_path)))
    if errors:
        raise ValueError("config: " + "\nconfig: ".join(_explain(error) for error in errors))
    try:
        own_families(config, schema)
    except ValueError as error:
        raise ValueError(f"config: {error}") from None


def whole_schema(schema_path: Path, declared: Mapping[str, dict]) -> dict:
    """The schema of config.yaml with an object for each paper, its properties the `declared_families`; ValueError for a bad family.yaml."""
    schema = read_yaml(schema_path)
    family = Draft202012Validator({"$defs": schema["$defs"], "$ref": "#/$defs/family"})
    papers: dict[str, dict] = {}
    for name, entry in declared.items():
        for error in family.iter_errors(entry):
            raise ValueError(f"{entry['paper']}/{name}/family.yaml: {_explain(error)}")
        like = entry.get("like", name)
        same = {"$ref": f"#/properties/{declared[like]['paper']}/properties/{like}", "description": f"As {like}."}
        papers.setdefault(entry["paper"], {})[name] = entry.get("parameters", same)
    headings = load_headings()["papers"]
    parts = {
        paper: {"description": headings[paper], "type": "object", "additionalProperties": False, "properties": families}
        for paper, families in papers.items()
    }
    return {**schema, "properties": {**schema["properties"], **parts}}


def _fill(validator, properties, instance, schema):
    """The check of `properties`, after the defaults of those that are missing were set."""
    if isinstance(instance, dict):
        for name, part in properties.items():
            if "default" in part:
                instance.setdefault(name, part["default"])
    yield from Draft202012Validator.VALIDATORS["properties"](validator, properties, instance, schema)


_Filling = extend(Draft202012Validator, {"properties": _fill})


def _explain(error) -> str:
    """One line: the key, what was found, what the schema allows, the nearest known key."""
    if error.validator in ("anyOf", "oneOf"):
        error = best_match([error]) or error
    key = ".".join(map(str, error.absolute_path)) or "(top level)"
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = list(error.schema.get("properties", {}))
        prefix = "" if key == "(top level)" else f"{key}."
        lines = []
        for unknown in sorted(set(error.instance) - set(known)):
            near = get_close_matches(str(unknown), known, 1)
            advice = f"did you mean {near[0]}?" if near else f"use one of {', '.join(known)}"
            lines.append(f"{prefix}{unknown} is not a known key: {advice}")
        return "; ".join(lines)
    if error.validator == "format":
        return f"{key}: {error.instance!r:.60} must be {EXPECTED[error.validator_value]}"
    description = error.schema.get("description") if isinstance(error.schema, dict) else None
    return f"{key}: {error.message}" + (f" ({description})" if description else "")
