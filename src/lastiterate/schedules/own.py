"""Schedule families of the user's own, by name: an entry point of the group `lastiterate.schedules`, or an import path.

A family is a function of ``total_steps`` and of arguments of its own that returns a `Schedule`, or the learning rates of updates 1..T:

    # my_schedules.py, beside the Snakefile or in an installed package
    def warm_wsd(total_steps, cooldown=0.2):
        return wsd(total_steps, cooldown, warmup_steps=total_steps // 50)

    family: my_schedules:warm_wsd      in config.yaml
    [project.entry-points."lastiterate.schedules"]
    warm_wsd = "my_schedules:warm_wsd" in a package's pyproject.toml, for config.yaml and --schedule warm_wsd:total_steps=9000,...
"""

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from lastiterate._checks import check_choice
from lastiterate.schedules.families import FAMILIES
from lastiterate.schedules.from_lr import from_lr
from lastiterate.schedules.schedule import Schedule

GROUP = "lastiterate.schedules"
_IMPORT_PATH = re.compile(r"([A-Za-z_][\w.]*):([A-Za-z_]\w*)")


@cache
def installed_families() -> dict[str, metadata.EntryPoint]:
    """Families that installed packages declare, by name."""
    return {point.name: point for point in metadata.entry_points(group=GROUP)}


def find_family(name: str, *, import_paths: bool = False) -> Callable[..., Schedule]:
    """The constructor of a family: one of `lastiterate.schedules`, of an installed package, or at an import path.

    Parameters
    ----------
    name : str
        A key of `FAMILIES`, an entry point's name, or ``package.module:function``.
    import_paths : bool
        Whether an import path is taken: it runs code that `name` names, so that what others wrote must not choose it.

    Raises
    ------
    ValueError
        If there is no such family, or its module cannot be imported.

    >>> find_family("wsd")(10, cooldown=0.5).decay_steps
    4
    """
    if name in FAMILIES:
        return FAMILIES[name]
    if import_paths and (found := _IMPORT_PATH.fullmatch(name)):
        return _made(name, lambda: getattr(import_module(found[1]), found[2]))
    if name in installed_families():
        return _made(name, installed_families()[name].load)
    check_choice("family", name, (*FAMILIES, *installed_families()))
    raise AssertionError("check_choice raises")


def source_of(name: str) -> Path | None:
    """The file that a family of the user's own is written in; None for those of this package."""
    if name in FAMILIES:
        return None
    return Path(inspect.getsourcefile(inspect.unwrap(find_family(name, import_paths=True))) or "")


def _made(name: str, load: Callable[[], Any]) -> Callable[..., Schedule]:
    """The family that `load` gives; it must return schedules."""
    try:
        with _from_here():
            family = load()
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"family {name!r} cannot be imported ({error}): its module lies in the folder that this runs in, or in an installed package"
        ) from error
    if not callable(family):
        raise ValueError(f"family {name!r} is {type(family).__name__}, expected a function of total_steps that returns a Schedule")

    def checked(*arguments: Any, **options: Any) -> Schedule:
        made = family(*arguments, **options)
        try:
            return made if isinstance(made, Schedule) else from_lr(made, name.rpartition(":")[2])
        except (TypeError, ValueError) as error:
            raise ValueError(f"family {name!r} returned no Schedule, and no vector of learning rates: {error}") from error

    checked.__wrapped__ = family  # type: ignore[attr-defined]  # signature and source are those of the family
    return checked


@contextmanager
def _from_here() -> Iterator[None]:
    """The working folder among the places that modules are imported from."""
    here = str(Path.cwd())
    sys.path.append(here)
    try:
        yield
    finally:
        sys.path.remove(here)
