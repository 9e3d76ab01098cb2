"""The schedule explorer: a piece of a page, without a network or a framework, on which a schedule is bent by hand.

`numerics.js` has the schedules, the bound and the worst case (tests hold it against the library), `explorer.js` the page, `templates`
and `settings.js` the settings of trainers.
"""

import json
from pathlib import Path

from lastiterate.explorer.templates import settings

__all__ = ["explorer_html"]


def explorer_html() -> str:
    """HTML of the explorer, whole: style, place, settings and script, for the body of any page."""
    here = Path(__file__).parent
    names = ("explorer.css", "numerics.js", "settings.js", "explorer.js")
    style, *scripts = (here.joinpath(name).read_text(encoding="utf-8") for name in names)
    data = json.dumps(settings(), ensure_ascii=False).replace("</", "<\\/")
    return (
        f"<style>\n{style}</style>\n"
        '<div class="li-explorer" data-lastiterate-explorer><noscript>The schedule explorer needs JavaScript.</noscript></div>\n'
        f'<script type="application/json" id="lastiterate-explorer-settings">{data}</script>\n'
        "<script>\n" + "\n".join(scripts) + "</script>\n"
    )
