"""Pages that are opened in a browser without a network: a plan to explore, logs to look at. Needs the extra `html` (plotly)."""

from lastiterate.pages.log import log_page
from lastiterate.pages.plan import plan_page

__all__ = ["log_page", "plan_page"]
