"""Packages that only extras bring: what is not installed is one sentence with the command that installs it.

The base needs numpy and scipy. What needs more imports it inside ``with optional():``, at the border of its room or where it is used.
"""

from collections.abc import Iterator
from contextlib import contextmanager

EXTRAS = {  # extra: the modules that it brings, as they are imported (pyproject.toml has the packages)
    "logs": ("pandas", "pyarrow", "pandera", "google_crc32c", "yaml"),
    "completion": ("argcomplete",),
    "plan": ("matplotlib",),
    "html": ("plotly",),
    "symbolic": ("sympy",),
    "workflow": ("snakemake", "seaborn", "sklearn", "threadpoolctl", "pooch", "requests", "grimp", "jinja2", "jsonschema"),
    "train": ("torch", "transformers", "datasets"),
    "worst-case": ("cvxpy", "clarabel", "PEPit"),
}
EXTRA_OF = {module: extra for extra, modules in EXTRAS.items() for module in modules}


class MissingExtra(ModuleNotFoundError):
    """A package of an extra is not installed; the message is one sentence with the command that installs it."""


def in_words(error: ModuleNotFoundError) -> MissingExtra | None:
    """The error as one sentence, or None where the module belongs to no extra."""
    module = (error.name or "").partition(".")[0]
    if isinstance(error, MissingExtra) or module not in EXTRA_OF:
        return error if isinstance(error, MissingExtra) else None
    sentence = f"this needs {module}, which is not installed: pip install 'lastiterate[{EXTRA_OF[module]}]'"
    return MissingExtra(sentence, name=error.name)


@contextmanager
def optional() -> Iterator[None]:
    """Turn a missing module of an extra into `MissingExtra`.

    >>> with optional():
    ...     raise ModuleNotFoundError("No module named 'sympy'", name="sympy")
    Traceback (most recent call last):
        ...
    lastiterate._extras.MissingExtra: this needs sympy, which is not installed: pip install 'lastiterate[symbolic]'
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise in_words(error) or error from None
