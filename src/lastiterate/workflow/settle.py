"""A config settled: defaults filled in, keys in the schema's order, numbers as the schema has them.

Two configs that mean the same are the same then, so that reordered keys, or a default that is written out, rebuild nothing.
Names that a user chooses (of schedules, models, sweeps) stay in the order in which they are given, since figures show them in it.
"""

from collections.abc import Mapping
from copy import deepcopy


def settled(config: Mapping, defaults: Mapping, schema: Mapping) -> dict:
    """A config of its own with what `config` leaves out from `defaults`, and from the defaults of the schema.

    Keys of the schema are taken from both, `config` first. An object whose names a user chooses is taken whole where it is given:
    who leaves a schedule out of `schedules` does not get it back. What does not fit the schema stays as it is, to be reported.
    """
    merged = _merged(deepcopy(dict(config)), defaults, schema, schema)
    return _in_order_of(_settle(merged, schema, schema), merged, 2)


def _in_order_of(found, given, levels: int):
    """Objects of the upper levels, papers and their families, in the order of the config: the report shows them in it."""
    if not levels or not isinstance(found, dict) or not isinstance(given, Mapping):
        return found
    names = [*given, *(name for name in found if name not in given)]
    return {name: _in_order_of(found[name], given.get(name), levels - 1) for name in names}


def typed(config: dict, stated: Mapping) -> dict:
    """The config with the nested values of a command line's ``--config`` as YAML has them; Snakemake leaves all of them texts.

    >>> typed({"a": {"b": "3", "c": "3"}, "d": "3"}, {"a": {"b": "3"}})
    {'a': {'b': 3, 'c': '3'}, 'd': '3'}
    """
    import yaml

    def typed_value(value, said, nested):
        if isinstance(value, Mapping) and isinstance(said, Mapping):
            return {key: typed_value(part, said[key], True) if key in said else part for key, part in value.items()}
        if isinstance(value, list) and value == said:
            return [typed_value(part, part, True) for part in value]
        if nested and isinstance(value, str) and value == said:
            return yaml.safe_load(value) if isinstance(yaml.safe_load(value), bool | int | float) else value
        return value

    return typed_value(config, stated, False)


def resolved(part: Mapping, schema: Mapping) -> Mapping:
    """A part of the schema with what its ``$ref`` stands for; keys of its own come first."""
    while "$ref" in part:
        found = schema
        for key in part["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        part = {**found, **{key: value for key, value in part.items() if key != "$ref"}} if isinstance(found, Mapping) else {}
    return part


def _merged(value, default, part: Mapping, schema: Mapping):
    part = resolved(part, schema)
    if not (isinstance(value, dict) and isinstance(default, Mapping) and "properties" in part):
        return value
    for name, own in default.items():
        if name not in value:
            value[name] = deepcopy(own)
        else:
            value[name] = _merged(value[name], own, part["properties"].get(name, {}), schema)
    return value


def _settle(value, part: Mapping, schema: Mapping):
    part = resolved(part, schema)
    if isinstance(value, dict):
        properties, others = part.get("properties", {}), part.get("additionalProperties")
        for name, own in properties.items():
            if "default" in (own := resolved(own, schema)):
                value.setdefault(name, deepcopy(own["default"]))
        ordered = [name for name in properties if name in value] + [name for name in value if name not in properties]
        others = others if isinstance(others, Mapping) else {}
        return {name: _settle(value[name], properties.get(name, others), schema) for name in ordered}
    if isinstance(value, list):
        return [_settle(item, part.get("items", {}), schema) for item in value]
    if part.get("type") == "number" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value
