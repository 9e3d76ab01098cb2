"""The identity of a step's code: a hash over what its module really imports.

Snakemake sees an edited rule, but neither an edited module nor the modules behind it. Every rule therefore takes
`code_hash` of what its command line runs as a param: comments, docstrings and formatting do not enter it, every other edit in
the module, in its transitive imports within the package (those inside functions included), or in the version of a
library that they import does.
"""

import ast
import hashlib
import re
import sys
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path

from lastiterate.workflow.content import STATE, digest_of, read_json, signature, write_json

PACKAGE = "lastiterate"
FOLDER = Path(__file__).parents[1]
CACHE = STATE / "code.json"
DISTRIBUTIONS = {"PIL": "pillow", "fontTools": "fonttools", "sklearn": "scikit-learn", "yaml": "pyyaml"}  # others: as imported
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def code_hash(*modules: str, alone: Iterable[str] = (), files: Iterable[Path] = ()) -> str:
    """Hex digest (16 characters) over the code that `modules` import.

    Parameters
    ----------
    *modules : str
        What is run, with everything that it imports.
    alone : iterable of str
        Modules that count by themselves, without what they import: those that choose among several, whose choice is in `modules`.
    files : iterable of Path
        Files beside the code that it reads: a style, a template.

    Raises
    ------
    ModuleNotFoundError
        If there is no such module.
    """
    digest = hashlib.sha256()
    inside = hashed_modules(*modules, alone=alone)
    known = _modules()
    for name in sorted(inside):
        digest.update(f"{name}\0{known[name]['hash']}\0".encode())
    for name in sorted({name for module in inside for name in known[module]["libraries"]}):
        digest.update(f"{name}=={version_of(name)}\0".encode())
    if files := list(files):
        digest.update(digest_of(files).encode())
    return digest.hexdigest()[:16]


def hashed_modules(*modules: str, alone: Iterable[str] = ()) -> set[str]:
    """Names of the package's modules that `code_hash` covers."""
    known = _modules()
    reached, open_ = set(alone), list(modules)
    while open_:
        name = open_.pop()
        if name in reached:
            continue
        if name not in known:
            raise ModuleNotFoundError(f"{name} is not a module of {PACKAGE}: a figure's folder holds __init__.py, compute.py and draw.py")
        reached.add(name)
        open_ += _parents(name)  # importing a.b.c runs a and a.b too
        open_ += known[name]["imports"]
    return reached


@cache
def version_of(library: str) -> str:
    """Version of the distribution that brings a top-level module; empty for the standard library."""
    if library in sys.stdlib_module_names:
        return ""
    name = DISTRIBUTIONS.get(library, library)
    if found := _installed().get(re.sub(r"[-_.]+", "_", name).lower()):
        return found
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        names = metadata.packages_distributions().get(library, [])
        return " ".join(f"{name}-{metadata.version(name)}" for name in sorted(set(names)))


@cache
def _installed() -> dict[str, str]:
    """Versions of distributions by name, as the folders NAME-VERSION.dist-info say, which is quicker than to read what lies in them."""
    folders = [path.stem for place in reversed(sys.path) if Path(place).is_dir() for path in Path(place).glob("*.dist-info")]
    return {name.lower(): version for name, _, version in (folder.partition("-") for folder in folders)}


@cache
def _modules() -> dict[str, dict]:
    """For each module of the package: `hash` of its code, modules of the package that it `imports`, and `libraries`.

    Kept in the working directory with the signatures of the files, and made anew when one of them is not what it was.
    """
    sources = {path: signature(path) for path in sorted(FOLDER.rglob("*.py"))}
    signatures = {str(path.relative_to(FOLDER)): mark for path, mark in sources.items()}
    known = read_json(CACHE)
    if known.get("signatures") != signatures or known.get("python") != sys.version:
        known = {"python": sys.version, "signatures": signatures, "modules": _read_modules(list(sources))}
        write_json(CACHE, known)
    return known["modules"]


def _read_modules(paths: list[Path]) -> dict[str, dict]:
    import grimp

    graph = grimp.build_graph(PACKAGE, include_external_packages=True, cache_dir=None)
    modules = {}
    for path in paths:
        name = ".".join([PACKAGE, *path.relative_to(FOLDER).with_suffix("").parts]).removesuffix(".__init__")
        if name in graph.modules:
            imports = graph.find_modules_directly_imported_by(name)
            inside = sorted(other for other in imports if other.split(".")[0] == PACKAGE)
            libraries = sorted({other.split(".")[0] for other in imports} - {PACKAGE})
            modules[name] = {"hash": _code(path), "imports": inside, "libraries": libraries}
    return modules


def _code(path: Path) -> str:
    """Hash of a file's code without its docstrings, comments and formatting."""
    tree = ast.parse(path.read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _parents(name: str):
    parts = name.split(".")
    return [".".join(parts[:i]) for i in range(1, len(parts))]
