"""The trainers' own code, imported without what is not the rule under test: heavy packages are stubs, made of empty classes."""

import importlib
import sys
import warnings
from contextlib import contextmanager
from importlib import metadata
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

import pytest


class Anything(type):
    """A class that has every attribute, can be called, subscripted and inherited from, and does nothing."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(name, (), {})

    def __getitem__(cls, key):
        return cls

    def __or__(cls, other):
        return cls

    __ror__ = __or__

    def __call__(cls, *args, **kwargs):
        if cls.__init__ is not object.__init__:
            return super().__call__(*args, **kwargs)
        if len(args) == 1 and not kwargs and callable(args[0]):
            return args[0]  # a decorator
        return lambda *made, **named: made[0] if made else None  # or one with arguments


class Stub(ModuleType):
    """A module of such classes."""

    __path__ = ()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(name, (), {})

    def __or__(self, other):
        return self


class Finder:
    """Finds the stubs and all modules below them, and packages whose own __init__ is left out."""

    def __init__(self, wanted, stubbed, bare):
        self.wanted, self.stubbed, self.bare = wanted, stubbed, bare

    def find_spec(self, name, path=None, target=None):
        if name == self.wanted:
            return None
        if name in self.bare:
            found = PathFinder.find_spec(name, path)
            spec = ModuleSpec(name, self, is_package=True)
            spec.submodule_search_locations = found and found.submodule_search_locations
            return spec
        if any(name == known or name.startswith(f"{known}.") for known in self.stubbed):
            return ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return None if spec.name in self.bare else Stub(spec.name)

    def exec_module(self, module):
        pass


@contextmanager
def without(wanted="", stubbed=(), bare=()):
    """Within it `wanted` is itself, the modules `stubbed` are stubs and those `bare` lack their __init__; afterwards they are as before."""
    finder = Finder(wanted, stubbed, bare)
    known = {name: sys.modules.pop(name) for name in list(sys.modules) if finder.find_spec(name)}
    sys.meta_path.insert(0, finder)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if isinstance(sys.modules[name], Stub) or name in bare]:
            del sys.modules[name]
        sys.modules.update(known)


LOADED: dict[str, ModuleType] = {}


def code(module: str, *stubbed: str, version_of: str | None = None, whole: bool = False) -> ModuleType:
    """A module of a trainer, imported without the __init__ of the packages that it is in (unless `whole`), and with stubs.

    The test is skipped where the distribution `version_of` (the module's package by default) is not installed.
    """
    package = version_of or module.partition(".")[0]
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        pytest.skip(f"{package} is not installed: make trainers-extra")
    if module not in LOADED:
        parts = module.split(".")
        bare = () if whole else tuple(".".join(parts[:i]) for i in range(1, len(parts)))
        with without(module, stubbed, bare):
            LOADED[module] = importlib.import_module(module)
    return LOADED[module]
