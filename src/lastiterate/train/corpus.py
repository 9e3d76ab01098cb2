"""Data that is everywhere: the bytes of the running Python's library sources, in an order and split that never vary.

What is read: every .py file of the standard library but tests, generated files, and the parts that distributions ship
apart or leave out (so that builds of one version agree). A zero byte ends each file. Files are ordered by path; a file
belongs to the validation set if the first byte of the sha256 of its path is below 13 (5 %).
"""

import hashlib
import sysconfig
from functools import cache
from pathlib import Path

import numpy as np

NOT_THE_LIBRARY = frozenset(("test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__"))
GENERATED = frozenset(("encodings", "pydoc_data"))  # and _sysconfigdata*.py
SHIPPED_APART = frozenset(("distutils", "ensurepip", "idlelib", "lib2to3", "tkinter", "turtledemo"))
LEFT_OUT = NOT_THE_LIBRARY | GENERATED | SHIPPED_APART
VALIDATION_BELOW = 13
VOCABULARY = 256


@cache
def stdlib_bytes() -> tuple[np.ndarray, np.ndarray]:
    """Training and validation bytes, uint8 (about 7.5 and .4 MB for CPython 3.11)."""
    root = Path(sysconfig.get_paths()["stdlib"])
    parts: dict[bool, list[bytes]] = {False: [], True: []}
    for name in sorted(path.relative_to(root).as_posix() for path in root.rglob("*.py")):
        if LEFT_OUT.isdisjoint(name.split("/")) and not name.startswith(("_sysconfigdata", "config-")):
            held_out = hashlib.sha256(name.encode()).digest()[0] < VALIDATION_BELOW
            parts[held_out].append((root / name).read_bytes())
    return tuple(np.frombuffer(b"\0".join([*parts[held_out], b""]), np.uint8) for held_out in (False, True))
