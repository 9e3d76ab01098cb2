"""config/README.md from the schemas: every key with its type, default and meaning, and how values are given."""

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from lastiterate.workflow.config import whole_schema
from lastiterate.workflow.families import declared_families, load_headings, read_yaml
from lastiterate.workflow.files import write_text
from lastiterate.workflow.settle import resolved

HEAD = """# Configuration

Generated from config/schema.yaml and src/lastiterate/figures/*/*/family.yaml by `python -m lastiterate.workflow.config_readme`; do not
edit. Unknown keys and values of another type are errors that name the key, before anything runs.

## How values are given

From the weakest to the strongest; each needs to name only what it changes:

1. The defaults below: the project's own `config/config.yaml`, then the schema.
2. `config/config.yaml` of the folder in which Snakemake works. In a clone that is the project's own. With
   `snakemake -s path/to/Snakefile` from another folder, or `--directory`, or in a folder that snakedeploy made, it is yours. An importer's
   `module ...: config:` takes its place: `config: config["lastiterate"]` keeps the keys apart from the importer's own.
3. `--configfile FILE ...`, the last one strongest.
4. `--config KEY=VALUE ...`. A nested value is YAML in quotes, numbers included:

       snakemake --config 'schaipp={cooldown_length: {cooldown_count: 12}}' 'figures={formats: [png]}' public_logs=False

A profile (`--profile`, `--workflow-profile`; `profiles/default` is loaded by itself) says how Snakemake runs; where it has `config` or
`configfile`, they count as if typed, and what is typed replaces them.

2 takes an object of fixed keys key by key, but one whose names are yours (`schedules`, `models`, `trained`) whole: who leaves a schedule
out does not get it back from 1. 3 and 4 add to both, as Snakemake does everywhere. Order of fixed keys, and defaults that are written out,
rebuild nothing. Paths are seen from the folder in which Snakemake works, and from the project's where they are not there.

`claims.csv` and `sources.csv` are described in their modules, `lastiterate.workflow.claims` and `lastiterate.workflow.sources`;
`train/NAME.yaml` is a training config (`train/schema.yaml`, docs/cluster.md).
"""


def config_readme(root: Path) -> str:
    """Text of config/README.md."""
    declared = declared_families()
    schema, config = whole_schema(root / "config/schema.yaml", declared), read_yaml(root / "config/config.yaml")
    papers = load_headings()["papers"]
    general = {name: part for name, part in schema["properties"].items() if name not in papers or name == "mine"}
    lines = [HEAD, "## The workflow", "", *_table({"properties": general}, config, schema)]
    for paper, heading in papers.items():
        if paper in general or paper not in schema["properties"]:
            continue
        lines += ["", f"## `{paper}`: {heading}"]
        for name, part in schema["properties"][paper]["properties"].items():
            like = declared[name].get("like")
            lines += ["", f"### `{paper}.{name}`", ""]
            if like:
                lines += [f"{declared[name]['title']}; the keys of `{declared[like]['paper']}.{like}`."]
            else:
                lines += [resolved(part, schema)["description"], "", *_table(part, config.get(paper, {}).get(name, {}), schema)]
    return "\n".join(lines)


def _table(part: Mapping, values, schema: Mapping) -> list[str]:
    rows = [f"| `{key}` | {kind} | {default} | {meaning} |" for key, kind, default, meaning in _rows(part, values, schema, "")]
    return ["| key | type | default | meaning |", "|---|---|---|---|", *rows]


def _rows(part: Mapping, values, schema: Mapping, prefix: str) -> Iterator[tuple[str, str, str, str]]:
    """(key, type, default, meaning) of every key of an object, those within it behind dots; a name of one's own is NAME."""
    part = resolved(part, schema)
    required = part.get("required", ())
    for name, inner in part.get("properties", {}).items():
        inner = resolved(inner, schema)
        value = values.get(name) if isinstance(values, Mapping) else None
        nested = list(_inside(inner, value, schema, f"{prefix}{name}"))
        value = value if value is not None else inner.get("default")
        shown = "" if value is None or (nested and isinstance(value, Mapping)) else _short(value)
        shown = shown or ("required" if name in required and value is None else "in config.yaml" if value not in (None, {}) else "–")
        yield f"{prefix}{name}", _type(inner, schema), shown, _plain(inner.get("description", ""))
        yield from nested


def _inside(part: Mapping, value, schema: Mapping, key: str) -> Iterator[tuple[str, str, str, str]]:
    others, items = part.get("additionalProperties"), part.get("items")
    if "properties" in part:
        yield from _rows(part, value, schema, f"{key}.")
    if isinstance(others, Mapping) and "properties" in (others := resolved(others, schema)):
        yield from _rows(others, None, schema, f"{key}.NAME.")
    if isinstance(items, Mapping) and "properties" in (items := resolved(items, schema)):
        yield from _rows(items, None, schema, f"{key}[].")


def _type(part: Mapping, schema: Mapping) -> str:
    part = resolved(part, schema)
    if "enum" in part:
        return "one of " + ", ".join(f"`{value}`" for value in part["enum"])
    for key in ("anyOf", "oneOf"):
        if key in part and "type" not in part:
            return " or ".join(dict.fromkeys(_type(choice, schema) for choice in part[key]))
    kind = part.get("type", "object" if "properties" in part or "required" in part else "any")
    if kind == "array":
        return f"list of {_type(part.get('items', {}), schema)}"
    if kind == "object" and isinstance(part.get("additionalProperties"), Mapping):
        return f"{_type(part['additionalProperties'], schema)} by name"
    limits = [f"{sign} {part[key]}" for key, sign in LIMITS.items() if key in part]
    return " ".join([{"string": "text", "boolean": "true or false"}.get(kind, kind), ", ".join(limits)]).strip()


LIMITS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def _short(value) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return f"`{text}`" if len(text) <= 60 else ""


def _plain(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Write config/README.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path, nargs="?", default=Path("config/README.md"))
    write_text(parser.parse_args().output, config_readme(Path.cwd()))


if __name__ == "__main__":
    main()
