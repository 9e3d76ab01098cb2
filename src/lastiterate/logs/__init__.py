"""Training logs: readers of each format, joins of branched runs, and the one schema that they end in."""

from typing import TYPE_CHECKING, Any

from lastiterate._extras import optional
from lastiterate.logs.run_log import LogError, RunLog

if TYPE_CHECKING:
    from lastiterate.logs.reading import FORMATS, read

__all__ = ["FORMATS", "LogError", "RunLog", "read"]


def __getattr__(name: str) -> Any:
    """What needs the extra `logs` is imported when it is asked for: tables of settings and of final losses are read without it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with optional():
        from lastiterate.logs import reading
    return getattr(reading, name)
