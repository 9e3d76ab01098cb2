"""`make outdated`: what has moved on, and who holds it back; uv is replaced by a table of releases."""

import pytest

from lastiterate.workflow import outdated

RELEASES = {"numpy": "9.1", "torch": "3.0", "mpmath": "1.4.1", "sympy": "1.14.0", "same": "1.0"}
LOCKED = {"numpy": "9.0", "torch": "2.0", "mpmath": "1.3.0", "sympy": "1.14.0", "same": "1.0"}
OWN = {"numpy": ">=2", "torch": "==2.0", "mpmath": ">=1", "sympy": ">=1", "same": ""}
SAID = "error: Because sympy>=1.14.0 depends on mpmath>=1.1.0,<1.4 and you require\nmpmath==1.4.1, we can conclude"


def uv(requirements, *options):
    wanted = requirements.split()
    if "--no-deps" not in options:
        return ({}, SAID) if "mpmath==1.4.1" in wanted else (RELEASES, "")
    return {name: "2.0" if "==2.0" in line else RELEASES[name] for line in wanted for name in [line.split(">")[0].split("=")[0]]}, ""


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("numpy", "make lock LOCK='--upgrade-package numpy' takes it"),
        ("torch", "held back by pyproject.toml (==2.0): bytes"),
        ("mpmath", "held back by sympy (it wants mpmath>=1.1.0,<1.4)"),
    ],
)
def test_why_a_package_is_behind(monkeypatch, name, reason):
    monkeypatch.setattr(outdated, "compiled", uv)
    assert outdated.why(name, RELEASES[name], LOCKED, OWN, {"torch": "bytes"}) == reason
