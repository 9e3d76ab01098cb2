"""Training logs: readers of each format, joins of branched runs, and the one schema that they end in."""

from lastiterate.logs.reading import FORMATS, read
from lastiterate.logs.run_log import LogError, RunLog

__all__ = ["FORMATS", "LogError", "RunLog", "read"]
