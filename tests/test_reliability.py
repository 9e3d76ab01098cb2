"""docs/reliability.md has the figures of the last long campaign, docs/security.md a test of each promise."""

import re

from campaign.page import page
from conftest import ROOT


def test_the_page_has_the_figures_of_the_last_long_campaign():
    text = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")
    assert page(text) == text


def test_every_promise_has_its_test():
    text = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", text)
    rows = [line for line in text.splitlines() if line.startswith("| ") and "tests/" in line]
    assert len(rows) >= 10 and len(named) >= len(rows)
    for path, function in named:
        assert f"def {function or 'test_'}" in (ROOT / path).read_text(encoding="utf-8"), (path, function)
