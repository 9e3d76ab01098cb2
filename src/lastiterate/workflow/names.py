"""Names and paths of the configuration, checked once where they come in: what becomes the name of a file names one file, in its place.

The schemas refer to these as formats (``format: name``, ``format: path``); the registry of data calls them itself.
"""

import re
from pathlib import PurePosixPath

from jsonschema import FormatChecker

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+=-]{0,99}")
FORMATS = FormatChecker(formats=())
EXPECTED = {
    "name": "1 to 100 letters, digits and any of _ . + = -, not beginning with one of the last four",
    "path": "a path of printable characters that does not begin with -",
}


@FORMATS.checks("name")
def is_name(text) -> bool:
    r"""Whether a text may be the name of a file or folder, or a part of one, in any shell and on any system.

    >>> is_name("wsd_0.2"), is_name("../evil"), is_name("-x"), is_name("a\n")
    (True, False, False, False)
    """
    return not isinstance(text, str) or NAME.fullmatch(text) is not None


@FORMATS.checks("path")
def is_path(text) -> bool:
    """Whether a text may be a path on this machine, wherever it leads: the configuration is trusted to say where."""
    return not isinstance(text, str) or (text.isprintable() and text != "" and not text.startswith("-"))


def is_inside(text: str) -> bool:
    r"""Whether a text is a path that stays below the folder that it is relative to.

    >>> is_inside("data/a.json"), is_inside("a/../../b"), is_inside("/etc/passwd"), is_inside("a\0b")
    (True, False, False, False)
    """
    path = PurePosixPath(text)
    return is_path(text) and bool(path.parts) and not path.is_absolute() and ".." not in path.parts
