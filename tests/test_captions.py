"""Captions: fields filled from tables, and no number typed that a table or a parameter holds."""

import json
import re

import pytest

from conftest import ROOT
from lastiterate.workflow.captions import FIELD, filled
from lastiterate.workflow.families import declared_families, read_yaml

FAMILIES = declared_families()
CONFIG = read_yaml(ROOT / "config/config.yaml")
TYPED = re.compile(r"(?<![\w{/.:^(-])(\d*\.\d+|\d+(?= ?%))(?: ?(%))?(?![\w]|\.\d)")
# Numbers of mathematics and of statistics, those that a paper prints, and the cooldown of a rule: no table of ours holds them.
OF_NATURE = {"5", "95", "90", "2.303", ".95", "1", "20"}


def captions(name):
    parts = (FAMILIES[name].get(kind, {}) for kind in ("panels", "animations", "shown_tables"))
    return {panel: caption for part in parts for panel, caption in part.items()}


def numbers(value):
    """Every number in the parameters of a family, as a fraction and in percent; those in texts too."""
    found = {float(text) for text in re.findall(r"\d*\.?\d+(?:e-?\d+)?", json.dumps(value))}
    return {round(number * factor, 9) for number in found for factor in (1, 100)}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_number_in_a_caption_is_a_parameter_or_comes_from_a_table(name):
    known = numbers(CONFIG[FAMILIES[name]["paper"]][name])
    for panel, caption in captions(name).items():
        typed = [number for number, _ in TYPED.findall(FIELD.sub("", caption)) if number not in OF_NATURE]
        assert [number for number in typed if round(float(number), 9) not in known] == [], f"{name}/{panel}: {caption}"


def test_fields_name_tables_and_parts_that_there_are():
    fields = [(name, match) for name in FAMILIES for caption in captions(name).values() for match in FIELD.finditer(caption)]
    assert len(fields) > 10
    for name, match in fields:
        assert match[1] in FAMILIES[name]["tables"], match[0]
    for name in FAMILIES:
        others = re.findall(r"\{(.*?)\}", FIELD.sub("", " ".join(captions(name).values())))
        assert set(others) <= CONFIG[FAMILIES[name]["paper"]][name].keys(), name


def test_fields_are_filled_from_tables(tmp_path):
    (tmp_path / "fits.csv").write_text("name,value\na,0.25\nb,1.5\nb2,\n")
    text = "One is {fits.value[name=a]:.1f}. The largest is {fits.value@max:.2f} of {fits.value@count}."
    assert filled(text, tmp_path) == "One is 0.2. The largest is 1.50 of 2."
    assert filled("Kept. Left out: {other.value}.", tmp_path) == "Kept."
    for field, message in (
        ("{fits.size@max}", "has no column size"),
        ("{fits.value:.1f}", "3 rows .* fit"),
        ("{fits.value@sum}", "sum is not one"),
    ):
        with pytest.raises(ValueError, match=message):
            filled(field, tmp_path)
