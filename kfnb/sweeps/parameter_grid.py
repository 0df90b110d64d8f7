"""The grid of a sweep: reads and checks the values of each parameter, and combines them."""

from __future__ import annotations

import ast
import json
import math
import random
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from kfnb.pipeline.model import Json, Parameter, Pipeline
from kfnb.pipeline.parameters.bind_values import convert, fit, unknown_parameter
from kfnb.problems import NotebookError, Problem
from kfnb.thread_safe_parser import parse_expression

MOST_VALUES = 10_000  #: of a single parameter
RANGE = re.compile(r"range\((.*)\)", re.DOTALL)
OPENING, CLOSING, QUOTES = "([{", ")]}", "\"'"


@dataclass(frozen=True)
class Grid:
    """The values of every parameter of the grid, in the order in which the user named the parameters."""

    values: Mapping[str, tuple[Json, ...]]

    @property
    def swept(self) -> tuple[str, ...]:
        """The names of the parameters that have several values."""
        return tuple(n for n, v in self.values.items() if len(v) > 1)

    @property
    def size(self) -> int:
        """The number of combinations."""
        return math.prod(len(v) for v in self.values.values())

    def combination(self, number: int) -> dict[str, Json]:
        """The combination with this number, counted from 0. The last parameter changes fastest."""
        combination: dict[str, Json] = {}
        for name, values in reversed(list(self.values.items())):
            number, at = divmod(number, len(values))
            combination[name] = values[at]
        return {name: combination[name] for name in self.values}

    def combinations(self, count: int | None = None, seed: int = 0) -> list[dict[str, Json]]:
        """All combinations, or ``count`` different ones at random, in the order of the grid. The same ``seed`` gives the same ones."""
        numbers: Iterable[int] = range(self.size)
        if count is not None and count < self.size:
            numbers = _drawn(self.size, count, random.Random(seed))
        return [self.combination(n) for n in numbers]

    def __str__(self) -> str:
        """The grid as text, such as ``lr 0.1, 0.01 × depth 2, 3``."""
        shown = [f"{n} {_some([value_text(v) for v in vs])}" for n, vs in self.values.items() if len(vs) > 1]
        return " × ".join(shown) or "one combination"


def _drawn(size: int, count: int, chance: random.Random) -> list[int]:
    """Draw ``count`` different numbers below ``size``, which may be too large for a list of all numbers."""
    if 2 * count > size:
        return sorted(chance.sample(range(size), count))
    drawn: set[int] = set()
    while len(drawn) < count:
        drawn.add(chance.randrange(size))
    return sorted(drawn)


def value_text(value: Json) -> str:
    """A value as tables and labels show it: text unchanged, numbers as short as possible, and everything else as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return short if float(short := f"{value:g}") == value else repr(value)
    return json.dumps(value, ensure_ascii=False)


def _some(names: list[str]) -> str:
    return ", ".join(names if len(names) <= 8 else [*names[:6], "…", names[-1]])


# -------------------------------------------------------------------- from the command line and from Python
def grid_of_texts(pipeline: Pipeline, texts: Iterable[str]) -> Grid:
    """The grid of ``NAME=VALUES`` words.

    ``VALUES`` is a JSON list of values, or values between commas, of which numbers may be ``range(start, stop, step)``
    with Python's meaning. Text that has both commas and quotes or brackets must be a JSON list.

    Raises
    ------
    NotebookError
        With everything that is wrong: a name that is no parameter, values that do not fit its type or are there twice.
    """
    problems, requested = [], {}  # type: tuple[list[Problem], dict[str, str]]
    for text in texts:
        name, equals, values = text.partition("=")
        name = name.strip()
        if not equals or not name:
            problems.append(Problem("KF502", f"`{text}` should be NAME=VALUES", "such as lr=0.1,0.01"))
        elif name in requested:
            hint = "give all its values at once, such as lr=0.1,0.01"
            problems.append(Problem("KF502", f"parameter `{name}` is given twice", hint, name=name))
        requested[name] = values
    return _grid(pipeline, requested, read, problems)


def grid_of_values(pipeline: Pipeline, requested: Mapping[str, Any]) -> Grid:
    """The grid of Python values: for each parameter a list (range, tuple, array, …) of values, or one number, text or truth value.

    Raises
    ------
    NotebookError
        As for `grid_of_texts`.
    """
    return _grid(pipeline, requested, _listed, [])


def _grid(
    pipeline: Pipeline, requested: Mapping[str, Any], values_of: Callable[[Any, Parameter], list[Json]], problems: list[Problem]
) -> Grid:  # fmt: skip
    known = {p.name: p for p in pipeline.parameters}
    checked: dict[str, tuple[Json, ...]] = {}
    for name, value in requested.items():
        if name not in known:
            problems += [unknown_parameter(name, known)] if name else []
            continue
        try:
            checked[name] = tuple(_once(values_of(value, known[name])))
        except BadValues as error:
            problems += [Problem("KF502", f"parameter `{name}`: {e}", name=name) for e in error.args]
    if problems:
        raise NotebookError(problems)
    return Grid(checked)


class BadValues(ValueError):
    """Some values of a parameter cannot be used. Each argument is the reason for one value."""


def _listed(value: Any, parameter: Parameter) -> list[Json]:
    if value is None or isinstance(value, str | bool | int | float | dict) or getattr(value, "ndim", None) == 0:
        return _fitting([value], parameter)
    try:
        values = list(value)
    except TypeError:
        raise BadValues(f"a {type(value).__name__} is no list of values") from None
    return _fitting(values, parameter)


def _fitting(values: list[Any], parameter: Parameter) -> list[Json]:
    """Check values of Python or JSON. A parameter that is a list takes a list of lists."""
    valid, wrong = [], []
    for value in values:
        try:
            valid.append(fit(value, parameter))
        except ValueError as error:
            lists = parameter.type == "list" and not isinstance(value, list)
            hint = f"; a list of lists is needed, such as {json.dumps([values])}" if lists else ""
            wrong.append(f"{error}{hint}")
            if lists:
                break
    if wrong:
        raise BadValues(*wrong)
    return valid


def _once(values: list[Json]) -> list[Json]:
    """Refuse an empty list of values, and a value that occurs twice."""
    if not values:
        raise BadValues("it has no values")
    if len(values) > MOST_VALUES:
        raise BadValues(f"it has {len(values)} values; at most {MOST_VALUES} can be swept over")
    kept: dict[str, Json] = {}
    twice: list[str] = []
    for value in values:
        key = json.dumps(value, sort_keys=True)
        twice += [value_text(value)] if key in kept else []
        kept[key] = value
    if twice:
        raise BadValues(f"{', '.join(dict.fromkeys(twice))} is there twice")
    return values


# -------------------------------------------------------------------- reading texts
def read(text: str, parameter: Parameter) -> list[Json]:
    """Read the values of a parameter from text. Raises `BadValues`."""
    whole = _list_in(text)
    if whole is not None:
        return _fitting(whole, parameter)
    if parameter.type == "str":
        if "," in text and any(c in text for c in OPENING + CLOSING + QUOTES):
            raise BadValues(f'`{text}` can be read in several ways: write a JSON list, such as ["a,b", "c"]')
        items = [t.strip() for t in text.split(",")] if "," in text else [text]
    else:
        items = _split(text)
    if "" in items and len(items) > 1:
        raise BadValues(f'`{text}` has a comma too many; an empty text is "" in a JSON list')
    valid: list[Json] = []
    wrong: list[str] = []
    for item in items:
        try:
            valid += _one(item, parameter)
        except ValueError as error:
            wrong += error.args
    if wrong:
        raise BadValues(*wrong)
    return valid


def _list_in(text: str) -> list[Any] | None:
    """The list that a text contains in JSON or Python notation; ``None`` if it contains none."""
    if not text.strip().startswith("["):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        try:
            value = ast.literal_eval(parse_expression(text.strip()))
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return None
    return value if isinstance(value, list) else None


def _split(text: str) -> list[str]:
    """Split a text at the commas that are outside of brackets and quotes."""
    parts, depth, quote = [""], 0, ""
    for at, c in enumerate(text):
        escaped = quote and at and text[at - 1] == "\\"
        if c in QUOTES and not escaped:
            quote = "" if quote == c else quote or c
        depth += 0 if quote else (c in OPENING) - (c in CLOSING)
        if c == "," and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += c
    if depth or quote:
        raise BadValues(f"`{text}` has a bracket or quote without its other half")
    return [p.strip() for p in parts]


def _one(item: str, parameter: Parameter) -> list[Json]:
    """Read one item of a list: a value, or a range of numbers. Raises `ValueError`."""
    inside = RANGE.fullmatch(item)
    if inside is None or parameter.type not in ("int", "float", "any"):
        return [convert(item, parameter)]
    try:
        numbers = [Decimal(n.strip()) for n in inside[1].split(",")]
    except InvalidOperation:
        numbers = []
    if not 1 <= len(numbers) <= 3 or not all(n.is_finite() for n in numbers):
        raise BadValues(f"`{item}` should be range(stop), range(start, stop) or range(start, stop, step), in numbers")
    start, stop = (Decimal(0), numbers[0]) if len(numbers) == 1 else numbers[:2]
    step = numbers[2] if len(numbers) == 3 else Decimal(1)
    if step == 0:
        raise BadValues(f"`{item}` has a step of 0")
    length = (stop - start) / step
    if not 0 < length <= MOST_VALUES:
        many = f"more than {MOST_VALUES} values" if length > 0 else "no values: it ends before it begins"
        raise BadValues(f"`{item}` has {many}")
    whole = parameter.type != "float" and all(n == n.to_integral_value() for n in (start, step))
    if parameter.type == "int" and not whole:
        raise BadValues(f"`{item}` has values that are not whole numbers (int)")
    points = (start + step * n for n in range(math.ceil(length)))
    return list(map(int if whole else float, points))
