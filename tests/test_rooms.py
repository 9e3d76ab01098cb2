"""The house: who may import whom, and what every figure's folder holds."""

from functools import cache

import grimp

from conftest import ROOT

FIGURES = ROOT / "src/lastiterate/figures"
FAMILIES = {f"lastiterate.figures.{path.parent.parent.name}.{path.parent.name}" for path in FIGURES.glob("*/*/family.yaml")}


@cache
def imports() -> set[tuple[str, str]]:
    graph = grimp.build_graph("lastiterate", cache_dir=None)
    return {(one, other) for one in graph.modules for other in graph.find_modules_directly_imported_by(one)}


def family_of(module: str) -> str:
    return ".".join(module.split(".")[:4])


def test_nothing_but_figures_imports_figures():
    assert len(imports()) > 500
    assert {(a, b) for a, b in imports() if b.startswith("lastiterate.figures") and not a.startswith("lastiterate.figures")} == set()


def test_no_family_imports_another_and_no_drawing_a_computation():
    """What several share lies above them; a drawing that imported a computation would be drawn again by an edit of that."""
    across = {(a, b) for a, b in imports() if {family_of(a), family_of(b)} <= FAMILIES and family_of(a) != family_of(b)}
    assert across == set()
    assert {(a, b) for a, b in imports() if a.endswith(".draw") and b.endswith(".compute")} == set()


def test_the_toolkit_of_drawings_knows_no_figure_and_computations_no_toolkit():
    assert {b for a, b in imports() if a.endswith(".compute") and b.startswith("lastiterate.draw")} == set()


def test_a_folder_holds_compute_and_draw_unless_it_is_like_another():
    for path in FIGURES.glob("*/*/family.yaml"):
        modules = {file.name for file in path.parent.glob("*.py")}
        like = path.read_text(encoding="utf-8").startswith("like:")
        assert modules == set() if like else {"__init__.py", "compute.py", "draw.py"} <= modules, path.parent
