"""A page in one file: style, data and scripts in it, plotly's among them."""

import html
import json
from pathlib import Path

from lastiterate._extras import optional

HERE = Path(__file__).parent


def page(title: str, body: str, data: dict, scripts: tuple[str, ...]) -> str:
    """HTML of a page.

    Parameters
    ----------
    title, body : str
        The title as text, the body as HTML.
    data : dict
        What the scripts read, from the element ``#data``; plain values, not NaN.
    scripts : tuple of str
        JavaScript, in order; plotly's goes before.
    """
    with optional():
        from plotly.offline import get_plotlyjs
    style = (HERE / "page.css").read_text(encoding="utf-8")
    packed = json.dumps(data, allow_nan=False, separators=(",", ":")).replace("</", "<\\/")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<link rel="icon" href="data:,">\n<title>{html.escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n{body}\n'
        f'<script type="application/json" id="data">{packed}</script>\n<script>{get_plotlyjs()}</script>\n'
        + "".join(f"<script>\n{script}</script>\n" for script in scripts)
        + "</body>\n</html>\n"
    )


def script(name: str) -> str:
    """A script beside this module."""
    return (HERE / name).read_text(encoding="utf-8")


def rounded(values, digits: int = 6) -> list:
    """Numbers to so many significant digits; what is not finite is None."""
    return [float(f"{value:.{digits}g}") if value == value and abs(value) != float("inf") else None for value in map(float, values)]
