"""report.html: every figure with its caption, the ledger of claims and the provenance, in one file that needs no network.

Figures are in it, gzipped, so that the file can be mailed; the page unpacks those that come into view. The template, its style and its
script lie in `page/`.
"""

import argparse
import base64
import csv
import gzip
import hashlib
import json
import math
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import jinja2
import yaml

from lastiterate import __version__
from lastiterate.explorer import explorer_html
from lastiterate.workflow.captions import filled
from lastiterate.workflow.claims import load_claims
from lastiterate.workflow.environment import direct_dependencies
from lastiterate.workflow.files import replacing
from lastiterate.workflow.held import check_held
from lastiterate.workflow.report_content import anchor
from lastiterate.workflow.step import reported_errors

PROJECT = Path(__file__).parents[3]  # of a clone
MEDIA = {".svg": "image/svg+xml", ".png": "image/png", ".gif": "image/gif"}
STATUSES = ("fail", "not yet", "pass")  # in the order in which the ledger shows them
LEDGER_COLUMNS = ("status", "id", "quantity", "published", "ours", "difference", "note", "where", "tolerance", "comparison", "paper")


@dataclass(frozen=True)
class Item:
    """A figure or a table (with `rows`, the header first), its caption, and the numbers of papers whose figure it is."""

    path: str
    caption: str
    media: str = ""
    packed: str = ""  # of a figure: its bytes, gzipped, in base64
    size: tuple[int, int] = (0, 0)  # of a figure, in pixels
    rows: tuple[tuple[str, ...], ...] = ()
    others: tuple[str, ...] = ()  # the same figure in other formats
    numbers: tuple[dict, ...] = ()

    @property
    def anchor(self) -> str:
        """Where the item is in the page: paper/family/panel."""
        return anchor(self.path)


def load_item(path: str, caption: str, others: Iterable[str] = (), numbers: Iterable[dict] = ()) -> Item:
    """Read a figure or a CSV table from the working directory; ValueError for a file that a browser cannot show."""
    file = Path(path)
    if file.suffix == ".csv":
        with file.open(newline="", encoding="utf-8") as table:
            return Item(path, caption, rows=tuple(map(tuple, csv.reader(table))))
    if file.suffix not in MEDIA:
        raise ValueError(f"{path}: a browser shows {', '.join(MEDIA)} only: add svg or png to figures.formats in config.yaml")
    packed = base64.b64encode(gzip.compress(file.read_bytes(), mtime=0)).decode()
    return Item(path, caption, MEDIA[file.suffix], packed, image_size(file), others=tuple(others), numbers=tuple(numbers))


def image_size(file: Path) -> tuple[int, int]:
    """Width and height in pixels: of an SVG as its head states them, else as Pillow reads them."""
    if file.suffix != ".svg":
        from PIL import Image

        with Image.open(file) as image:
            return image.size
    head = re.search(r"<svg[^>]*>", file.read_text(encoding="utf-8"))
    found = [re.search(rf'\b{name}="([\d.]+)(pt)?', head[0] if head else "") for name in ("width", "height")]
    return tuple(round(float(match[1]) * (4 / 3 if match[2] else 1)) if match else 600 for match in found)


def load_ledger(results: Path, claims: Path) -> list[dict[str, str]]:
    """Rows of results/claims.csv, those that fail first, each with the family whose table decides it."""
    families = {claim["id"]: claim["table"].rsplit("/", 1)[0] for claim in load_claims(claims)}
    with results.open(newline="", encoding="utf-8") as file:
        rows = [{**row, "family": families[row["id"]]} for row in csv.DictReader(file)]
    return sorted(rows, key=lambda row: STATUSES.index(row["status"]))


def count_statuses(ledger: list[dict[str, str]], family: str | None = None) -> dict[str, int]:
    """How many claims pass, fail and are not yet decided; of one family if it is named ("paper/family")."""
    found = [row["status"] for row in ledger if family in (None, row["family"])]
    return {status: found.count(status) for status in STATUSES if status in found}


def short(text: str) -> str:
    """A number to six significant digits; other text as it is.

    >>> short("0.10932301248876061"), short("69 of 71"), short("400")
    ('0.109323', '69 of 71', '400')
    """
    try:
        number = float(text)
    except ValueError:
        return text
    return text if len(text) <= 8 or not math.isfinite(number) else f"{number:.6g}"


def sort_key(text: str) -> str:
    """What the page sorts a cell by: its number where it is one, with 0 and 0.0 alike."""
    try:
        number = float(text)
    except ValueError:
        return text.lower()
    return text.lower() if math.isnan(number) else repr(number).replace("inf", "Infinity")


def sha256(path: str) -> str:
    """Hex sha256 of a file's bytes."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def versions(root: Path) -> dict[str, str]:
    """Versions of this package, its commit where the tree is a git checkout, and its direct dependencies."""
    commit = subprocess.run(
        ["git", "-C", root, "describe", "--always", "--dirty", "--abbrev=12"], capture_output=True, text=True, check=False
    )
    known = {"lastiterate": __version__, "commit": commit.stdout.strip() or "not a git checkout"}
    if (root / "pyproject.toml").exists():
        known |= {name: metadata.version(name) for name in direct_dependencies(root / "pyproject.toml")}
    return known


def page(content: dict, ledger: list[dict[str, str]], software: dict[str, str], ledger_path: str = "results/claims.csv") -> str:
    """Text of the report; `content` as from `report_content`. Tables, other formats and code are linked where they lie in the folder."""
    families = [_family(family, content["numbers"]) for family in content["families"]]
    items = [item for family in families for item in family["items"]]
    here = Path(__file__).parent / "page"
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(here), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}
    environment.filters |= {"short": short, "sort_key": sort_key}
    cards = [_card(question, families, ledger) for question in content["questions"]]
    return environment.get_template("report.html").render(
        **{**content, "families": families},
        cards=[card for card in cards if card],
        packed=[item for item in items if item.packed],
        explorer=explorer_html(),
        config_text=yaml.safe_dump(content["config"], sort_keys=False, allow_unicode=True, width=120),
        style=(here / "report.css").read_text(encoding="utf-8"),
        script=(here / "report.js").read_text(encoding="utf-8"),
        figures=sum(bool(item.packed) for item in items),
        ledger=ledger,
        ledger_columns=LEDGER_COLUMNS,
        count=lambda key=None: count_statuses(ledger, key),
        software=software,
        hashes={path: sha256(path) for path in [*(item.path for item in items), ledger_path]},
    )


def _family(family: dict, numbers: list[dict]) -> dict:
    """A family with its figures read, and links to its tables and code (files beside the report)."""
    items = []
    for path, caption in family["shown"].items():
        others = [other for other in family["figures"] if anchor(other) == anchor(path) and other != path and Path(other).exists()]
        text = filled(caption, Path("results") / family["paper"] / family["name"])
        items.append(load_item(path, text, others, [number for number in numbers if anchor(path) in number["anchors"]]))
    links = {Path(path).name: path for path in [*family["tables"], *family["code"]] if Path(path).exists()}
    return {**family, "items": items, "links": links, "key": f"{family['paper']}/{family['name']}"}


def _card(question: str, families: list[dict], ledger: list[dict[str, str]]) -> dict | None:
    """What the front page shows of a question: the first figure of its first family, how many there are, and its claims."""
    own = [family for family in families if family["question"] == question]
    items = [item for family in own for item in family["items"] if item.packed]
    if not items:
        return None
    counts = [count_statuses(ledger, family["key"]) for family in own]
    total = {status: sum(count.get(status, 0) for count in counts) for status in STATUSES}
    return {"question": question, "item": items[0], "figures": len(items), "counts": {status: n for status, n in total.items() if n}}


def main() -> None:
    """Command line of the rule `report`: the page from what has been built in the working directory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--content", type=Path, required=True, help="JSON, see `lastiterate.workflow.report_content`")
    parser.add_argument("--ledger", type=Path, required=True, help="results/claims.csv")
    parser.add_argument("--claims", type=Path, required=True, help="the published claims, config/claims.csv")
    parser.add_argument("--output", type=Path, required=True, help="the page")
    arguments = parser.parse_args()
    with reported_errors():
        content = json.loads(arguments.content.read_text(encoding="utf-8"))
        check_held([*(path for family in content["families"] for path in family["shown"]), arguments.ledger])
        text = page(content, load_ledger(arguments.ledger, arguments.claims), versions(PROJECT), str(arguments.ledger))
        with replacing(arguments.output) as temporary:
            temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
