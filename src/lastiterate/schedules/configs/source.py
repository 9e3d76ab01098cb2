"""A trainer's configuration as names and values: JSON, YAML, TOML, flags of a script, a Python call, the list of a model card."""

import ast
import json
import math
import operator
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from lastiterate._extras import optional

LONGEST = 3_000_000  # characters


class ConfigError(ValueError):
    """A configuration that does not say what it will execute; the message names the key, and what to do."""


@lru_cache(maxsize=2)
def mapping(text: str) -> Mapping[str, Any] | None:
    """The mapping that JSON, TOML or YAML holds, not to be changed; None if it is none of them, or too long for a configuration."""
    if len(text) > LONGEST:
        return None
    for parse in (json.loads,) if text.lstrip().startswith("{") else (tomllib.loads, _yaml):
        try:
            found = parse(text)
        except (ValueError, RecursionError, TypeError, AttributeError):
            continue
        if isinstance(found, dict):
            return found
    return None


def _yaml(text: str) -> object:
    with optional():
        import yaml
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError("not YAML") from error


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings with dots between their names."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        found |= flat(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return found


ASSIGNED = re.compile(r"^\s*(?:export\s+|local\s+|readonly\s+)?([A-Za-z_]\w*)=(\"[^\"\n]*\"|'[^'\n]*'|[^\s;()]*)\s*(?:#.*)?$", re.MULTILINE)
FLAG = re.compile(r"(?<![\w-])--([A-Za-z][\w.-]*)(?:(?:=|[ \t]+(?!-{1,2}[A-Za-z]))(\"[^\"]*\"|'[^']*'|[^\s\\\"']+))?")
VARIABLE = re.compile(r"\$\{(\w+)(?::?-([^}]*))?\}|\$(\w+)")


def flags(text: str) -> dict[str, str | bool]:
    """The flags ``--name value`` of a command line or a shell script, "-" in names as "_"; variables that the script sets are put in.

    A flag without a value is True. What is given twice with different values, a flag or a variable, is `Several` of them: which one
    holds depends on the branch or the command of the script that runs.
    """
    text = re.sub(r"(?m)^\s*#.*$", "", text)
    text = re.sub(r"\\\r?\n", " ", text)
    names: dict[str, str] = {}
    for name, value in ASSIGNED.findall(text):  # NAME=${NAME:-default} is its default
        value = re.sub(rf"\$\{{{name}:?-([^}}]*)\}}", r"\1", value.strip("\"'"))
        names[name] = Several.of(names.get(name), value)

    def filled(value: str) -> str:
        for _ in range(5):
            known = [names.get(m[1] or m[3]) for m in VARIABLE.finditer(value)]
            if several := next((one for one in known if isinstance(one, Several)), None):
                return several
            value, before = VARIABLE.sub(lambda m: str(names.get(m[1] or m[3], m[2] if m[2] is not None else m[0])), value), value
            if value == before:
                break
        return value

    found: dict[str, str | bool] = {}
    for name, value in FLAG.findall(text):
        key, value = name.replace("-", "_"), filled(value.strip("\"'")) if value else True
        found[key] = value if isinstance(value, bool) else Several.of(found.get(key), value)
    return found


class Several(str):
    """Different values of one name, joined by " or "; no number, so that `Fields` refuses it where it is needed."""

    @classmethod
    def of(cls, before: str | bool | None, value: str) -> str:
        """The value, or both if there was another one."""
        if not isinstance(before, str) or value in before.split(" or "):
            return value if not isinstance(before, cls) else before
        return cls(f"{before} or {value}")


def listed(text: str) -> dict[str, str]:
    """The items ``- name: value`` of a model card; ConfigError if it lists two learning rates, as a card of two stages does."""
    found = re.findall(r"(?m)^\s*[-*] `?(\w+)`?: (.+?)\s*$", text)
    count = sum(name == "learning_rate" for name, _ in found)
    if count > 1:
        raise ConfigError(f"learning_rate is listed {count} times: leave the list of one stage in the file")
    return dict(found)


def printed(text: str, names: Iterable[str]) -> dict[str, str] | None:
    """The arguments of a printed object ``Name(`` with one argument a line, such as that of TrainingArguments; None if there is none."""
    found = re.search(rf"\b(?:{'|'.join(names)})\(\s*\n(.*)", text, re.DOTALL)
    return dict(re.findall(r"(?m)^\s*(\w+)=(.*?),?\s*$", found[1])) if found else None


class Python:
    """The calls in a Python file, their arguments computed from literals, constants of the file and arithmetic."""

    def __init__(self, text: str) -> None:
        self.tree = ast.parse(text)
        self.constants: dict[str, ast.expr] = {}
        self.unsure: set[str] = set()  # names with several values, of which one cannot say which holds
        for node in ast.walk(self.tree):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            for target in targets:
                if isinstance(target, ast.Name):
                    self._bind(target.id, node)
        self.unsure |= {node.arg for node in ast.walk(self.tree) if isinstance(node, ast.arg)} & self.constants.keys()

    def _bind(self, name: str, node: ast.AST) -> None:
        """Take what a name is bound to; any other value, a loop or a change of it makes it unsure."""
        value: Any = getattr(node, "value", None)
        if isinstance(node, ast.AnnAssign) and value is None:
            return
        known, plain = self.constants.get(name), isinstance(node, ast.Assign | ast.AnnAssign)
        if not plain or (known is not None and ast.dump(known) != ast.dump(value)):
            self.unsure.add(name)
        elif known is None:
            self.constants[name] = value

    def calls(self, names: Iterable[str]) -> list[tuple[str, ast.Call]]:
        """(name, call) of every call of one of `names`, in the order of the file; an attribute counts by its last name."""
        wanted, found = set(names), []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                name = dotted(node.func)
                if name in wanted or name.rpartition(".")[2] in wanted:
                    found.append((name, node))
        return sorted(found, key=lambda pair: (pair[1].lineno, pair[1].col_offset))

    def arguments(self, call: ast.Call, names: Iterable[str] = ()) -> dict[str, ast.expr]:
        """Keyword arguments, and positional ones under `names`; ConfigError for ``**other`` that is no dict of the file."""
        found = dict(zip(names, call.args, strict=False))
        for keyword in call.keywords:
            if keyword.arg:
                found[keyword.arg] = keyword.value
                continue
            node: Any = keyword.value
            if isinstance(node, ast.Name) and node.id not in self.unsure:
                node = self.constants.get(node.id, node)
            if not isinstance(node, ast.Dict) or not all(isinstance(key, ast.Constant) for key in node.keys):
                raise ConfigError(f"line {call.lineno}: **{ast.unparse(keyword.value)[:60]} is not a dict that the file states")
            keys: list[Any] = node.keys
            found |= {key.value: value for key, value in zip(keys, node.values, strict=True)}
        return found

    def keyword(self, name: str) -> list[ast.expr]:
        """The values that calls of the file are given under a keyword."""
        found = [word for node in ast.walk(self.tree) if isinstance(node, ast.Call) for word in node.keywords if word.arg == name]
        return [word.value for word in found if not (isinstance(word.value, ast.Constant) and word.value.value is None)]

    def optimizers(self) -> list[tuple[str, ast.expr]]:
        """(name, lr) of every call of a name that ends in Config and is given an lr."""
        found = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and dotted(node.func).endswith("Config"):
                found += [(dotted(node.func), word.value) for word in node.keywords if word.arg == "lr"]
        return found

    def duration(self, node: ast.expr) -> tuple[str, object]:
        """(unit, value) of ``Duration.unit(value)``."""
        if isinstance(node, ast.Name) and node.id in self.constants:
            return self.duration(self.constants[node.id])
        if isinstance(node, ast.Call) and dotted(node.func).startswith("Duration.") and len(node.args) == 1:
            return dotted(node.func).rpartition(".")[2], self.value(node.args[0])
        given = self.arguments(node, ("value", "unit")) if isinstance(node, ast.Call) and dotted(node.func) == "Duration" else {}
        if given.keys() == {"value", "unit"}:
            return str(self.value(given["unit"])).rpartition(".")[2], self.value(given["value"])
        raise ConfigError(f"line {node.lineno}: {ast.unparse(node)[:60]!r} is not a Duration that the file states: write it out")

    def value(self, node: ast.expr, depth: int = 20) -> Any:
        """The value of an expression; ConfigError if it is not made of literals, constants of the file and arithmetic."""
        if depth == 0:
            raise ConfigError(f"line {node.lineno}: {ast.unparse(node)} refers to itself")
        below: Callable[..., Any] = lambda part: self.value(part, depth - 1)
        match node:
            case ast.Constant():
                return node.value
            case ast.Name(id=name) if name in self.unsure:
                raise ConfigError(f"line {node.lineno}: {name} is given several values in the file: leave one of them")
            case ast.Name(id=name) if name in self.constants:
                return below(self.constants[name])
            case ast.UnaryOp(op=ast.USub()):
                return -below(node.operand)
            case ast.BinOp(op=op) if type(op) in ARITHMETIC:
                left, right = below(node.left), below(node.right)
                if isinstance(op, ast.Pow) and abs(right) > 64:
                    raise ConfigError(f"line {node.lineno}: {ast.unparse(node)} is too large")
                return ARITHMETIC[type(op)](left, right)
            case ast.Call(func=ast.Name(id="int" | "float" | "round" as name), args=[part]):
                made: dict[str, Callable[[Any], Any]] = {"int": int, "float": float, "round": round}
                return made[name](below(part))
            case ast.Call(args=[part]) if dotted(node.func) in ("math.ceil", "ceil"):
                return math.ceil(below(part))
            case ast.Call(args=[part]) if dotted(node.func) in ("math.sqrt", "sqrt"):
                return math.sqrt(below(part))
            case ast.Dict():
                return {below(key): below(part) for key, part in zip(node.keys, node.values, strict=True) if key is not None}
            case ast.List() | ast.Tuple():
                return [below(part) for part in node.elts]
            case ast.Attribute():
                return dotted(node)
        raise ConfigError(f"line {node.lineno}: {ast.unparse(node)[:60]!r} is not a number that the file states: write it out")


ARITHMETIC = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv,
    ast.Pow: operator.pow, ast.Mod: operator.mod,
}  # fmt: skip


def dotted(node: ast.expr) -> str:
    """Name of a name or attribute, with dots; "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    return f"{dotted(node.value)}.{node.attr}".lstrip(".") if isinstance(node, ast.Attribute) else ""


class Fields:
    """Values by name, taken as numbers with an error that names them."""

    def __init__(self, values: Mapping[str, Any], spelled: str = "{}") -> None:
        self.values, self.spelled = values, spelled

    def has(self, name: str) -> bool:
        """Whether the name is there and not null."""
        return self.values.get(name) not in (None, "None", "null", "")

    def require(self, names: Iterable[str], trainer: str) -> None:
        """ConfigError if none of `names` is there: of such a file every learning rate would be the trainer's default."""
        if not any(self.has(name) for name in names):
            raise ConfigError(f"has none of {', '.join(sorted(names))}: it is not a configuration of {trainer} that decides learning rates")

    def forbid(self, pattern: str, known: Iterable[str], trainer: str) -> None:
        """ConfigError for names that speak of the schedule (`pattern`, from their begin) and are not the trainer's."""
        for name in self.values:
            if re.match(pattern, str(name)) and name not in known and self.has(name):
                own = ", ".join(sorted(known))
                raise ConfigError(f"{self.spelled.format(name)} is no name of {trainer}, and its value would not hold: expected {own}")

    def error(self, name: str, expected: str) -> ConfigError:
        """What is wrong with a value."""
        value = self.values.get(name)
        unset = " (a variable that the file does not set)" if isinstance(value, str) and "$" in value else ""
        unset = " (several in the file: leave one of them)" if isinstance(value, Several) else unset
        return ConfigError(f"{self.spelled.format(name)} is {value!r}{unset}, expected {expected}")

    def number(self, name: str, default: float | None = None, low: float = 0.0) -> float:
        """A finite number of at least `low`; an error if it is missing and has no default."""
        if not self.has(name):
            if default is None:
                raise ConfigError(f"{self.spelled.format(name)} is missing: without it the learning rates are not known")
            return default
        value = self.values[name]
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number) or number < low:
            raise self.error(name, "a number" if low == -math.inf else f"a number of at least {low:g}")
        return number

    def count(self, name: str, default: int | None = None) -> int:
        """A whole number of at least 0; an error if it is missing and has no default."""
        number = self.number(name, default, -math.inf if default is not None and default < 0 else 0.0)
        if number != int(number):
            raise self.error(name, "a whole number")
        return int(number)

    def choice(self, name: str, choices: Iterable[str], default: str) -> str:
        """One of `choices`."""
        value = str(self.values[name]) if self.has(name) else default
        if value not in choices:
            raise self.error(name, f"one of {', '.join(choices)}")
        return value
