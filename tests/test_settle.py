"""A config settled: what an importer or another folder leaves out comes from the project, and what means the same is the same."""

from lastiterate.workflow.settle import settled, typed

SCHEMA = {
    "properties": {
        "formats": {"type": "array", "items": {"type": "string"}, "default": ["svg"]},
        "family": {
            "properties": {
                "steps": {"type": "integer"},
                "distance": {"$ref": "#/$defs/distance", "default": 1.0},
                "schedules": {"additionalProperties": {"properties": {"family": {}, "cooldown": {"type": "number"}}}},
            }
        },
    },
    "$defs": {"distance": {"type": "number"}},
}
DEFAULTS = {"family": {"steps": 400, "schedules": {"wsd": {"family": "wsd"}, "linear": {"family": "linear"}}}}


def test_what_is_left_out_comes_from_the_defaults_but_names_of_ones_own_are_taken_whole():
    given = {"family": {"schedules": {"mine": {"family": "wsd"}}}}
    found = settled(given, DEFAULTS, SCHEMA)
    assert found == {"formats": ["svg"], "family": {"steps": 400, "distance": 1.0, "schedules": {"mine": {"family": "wsd"}}}}
    assert given == {"family": {"schedules": {"mine": {"family": "wsd"}}}}  # an importer's config is left alone
    assert settled({}, DEFAULTS, SCHEMA)["family"]["schedules"] == DEFAULTS["family"]["schedules"]


def test_order_of_keys_written_defaults_and_whole_numbers_do_not_matter_but_the_order_of_names_does():
    schema = {"properties": {"paper": {"properties": SCHEMA["properties"]}}, "$defs": SCHEMA["$defs"]}
    names = {"b": {"cooldown": 1, "family": "wsd"}, "a": {"family": "wsd"}}
    first = settled({"paper": {"family": {"schedules": names, "steps": 5}}}, {}, schema)["paper"]["family"]
    second = settled({"paper": {"family": {"distance": 1, "steps": 5, "schedules": names}}}, {}, schema)["paper"]["family"]
    assert repr(first) == repr(second) and list(first["schedules"]) == ["b", "a"]
    assert repr(first["schedules"]["b"]) == "{'family': 'wsd', 'cooldown': 1.0}"


def test_nested_values_of_the_command_line_are_typed_and_what_does_not_fit_is_left_to_the_check():
    config = {"family": {"steps": "12", "title": "12"}, "formats": "12"}
    assert typed(config, {"family": {"steps": "12"}}) == {"family": {"steps": 12, "title": "12"}, "formats": "12"}
    assert settled({"family": 3}, DEFAULTS, SCHEMA)["family"] == 3
