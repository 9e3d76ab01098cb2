"""The identity of a step's code: a hash over what its module really imports.

Snakemake sees an edited rule, but neither an edited module nor the modules behind it. Every rule therefore takes
`code_hash` of its root module as a param: comments, docstrings and formatting do not enter it, every other edit in the
module, in its transitive imports within the package, or in the version of a library that they import does.
"""

import ast
import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path

PACKAGE = "lastiterate"
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def code_hash(module: str) -> str:
    """Hex digest (16 characters) over the code that `module` imports; ModuleNotFoundError if there is no such module."""
    graph = _graph()
    if module not in graph.modules:
        raise ModuleNotFoundError(f"{module} is not a module of {PACKAGE}: a figure's folder holds __init__.py, compute.py and draw.py")
    reached = {module} | graph.find_upstream_modules(module)
    inside = {name for name in reached if name.split(".")[0] == PACKAGE}
    inside |= {parent for name in inside for parent in _parents(name)}  # importing a.b.c runs a and a.b too
    digest = hashlib.sha256()
    for name in sorted(inside):
        digest.update(f"{name}\0{_module_hash(name)}\0".encode())
    for name in sorted({n.split(".")[0] for n in reached} - {PACKAGE}):
        digest.update(f"{name}=={_version(name)}\0".encode())
    return digest.hexdigest()[:16]


@cache
def _graph():
    import grimp

    return grimp.build_graph(PACKAGE, include_external_packages=True, cache_dir=None)


@cache
def _module_hash(name: str) -> str:
    tree = ast.parse(_source(name).read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _source(name: str) -> Path:
    folder = Path(__file__).parents[1].joinpath(*name.split(".")[1:])
    return folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")


def _parents(name: str):
    parts = name.split(".")
    return (".".join(parts[:i]) for i in range(1, len(parts)))


@cache
def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""  # standard library
