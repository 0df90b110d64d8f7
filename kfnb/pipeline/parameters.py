"""Typed parameters: from a literal assignment in the notebook, and from text on a command line."""

from __future__ import annotations

import ast
import difflib
import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from kfnb.analysis.trees import is_literal, literal_value
from kfnb.pipeline.model import Json, Parameter, Pipeline
from kfnb.problems import NotebookError, Problem

TYPES = ("str", "int", "float", "bool", "list", "dict")
TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def parameter_of(node: ast.stmt) -> Parameter | None:
    """The parameter that ``name = literal`` or ``name: type = literal`` declares; ``None`` for anything else."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target, value, annotation = node.targets[0], node.value, None
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        target, value, annotation = node.target, node.value, node.annotation
    else:
        return None
    if not isinstance(target, ast.Name) or not is_literal(value):
        return None
    try:
        default = literal_value(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, ArithmeticError):
        return None
    if not is_json(default):
        return None
    declared = _declared(annotation)
    kind = declared or _kind(default)
    if kind == "float" and isinstance(default, int) and not isinstance(default, bool):
        default = float(default)
    return Parameter(target.id, kind, default)


def is_json(value: object) -> bool:
    """Whether JSON gives back the very same value: no tuples, no keys but text."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return True
    if isinstance(value, list):
        return all(is_json(v) for v in value)
    return isinstance(value, dict) and all(isinstance(k, str) and is_json(v) for k, v in value.items())


def _kind(value: Json) -> str:
    return type(value).__name__ if type(value).__name__ in TYPES else "any"


def _declared(annotation: ast.expr | None) -> str | None:
    if annotation is None:
        return None
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        text = annotation.value
    else:
        text = ast.unparse(annotation)
    optional = "None" in text or "Optional" in text
    for part in text.replace("Optional[", "").replace("]", "").replace("|", " ").split():
        base = part.split("[")[0].split(".")[-1].lower()
        if base in TYPES:
            return "any" if optional else base
    return None


def convert(text: str, parameter: Parameter) -> Json:
    """``'7'`` for a float is 7.0. A parameter of any type takes JSON or a Python literal, else the text itself.

    Raises
    ------
    ValueError
        In words for the user.
    """
    kind = parameter.type
    if kind == "str":
        return text
    if kind in ("int", "float"):
        try:
            return int(text.strip()) if kind == "int" else float(text.strip())
        except ValueError:
            raise ValueError(f"`{text}` is not {'a whole number' if kind == 'int' else 'a number'} ({kind})") from None
    if kind == "bool":
        word = text.strip().lower()
        if word not in TRUE + FALSE:
            raise ValueError(f"`{text}` is neither true nor false (bool)")
        return word in TRUE
    value = _parsed(text)
    if kind == "any":
        return value
    if type(value).__name__ != kind:
        raise ValueError(f"`{text}` is not a {kind}, written as JSON or Python")
    return value


def fit(value: Any, parameter: Parameter) -> Json:
    """A value of Python for a parameter: a whole number is a number, a numpy scalar what it holds. Text is as for `convert`.

    Raises
    ------
    ValueError
        In words for the user.
    """
    kind = parameter.type
    if isinstance(value, str) and kind == "any":
        return value
    if isinstance(value, str):
        return convert(value, parameter)
    value = value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value
    if kind == "float" and type(value) is int:
        return float(value)
    if not is_json(value):
        raise ValueError(f"a {type(value).__name__} cannot be a parameter: it takes numbers, texts, lists and dicts")
    if kind != "any" and type(value).__name__ != kind:
        raise ValueError(f"{value!r} is a {type(value).__name__}, not a {kind}")
    return cast(Json, value)


def bind(
    pipeline: Pipeline, given: Mapping[str, Any], convert: Callable[[Any, Parameter], Json] = convert
) -> dict[str, Json]:
    """Every parameter's value for a run: the given ones converted, the defaults elsewhere.

    Parameters
    ----------
    convert
        `convert` where texts were given, `fit` where values of Python were.

    Raises
    ------
    NotebookError
        KF501 for a name that is no parameter, KF502 for a text that cannot be converted.
    """
    known = {p.name: p for p in pipeline.parameters}
    values = {p.name: p.default for p in pipeline.parameters}
    problems: list[Problem] = []
    for name, text in given.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            have = f"it has {', '.join(sorted(known))}" if known else "it has none"
            hint = f"did you mean `{near[0]}`?" if near else have
            problems.append(Problem("KF501", f"the pipeline has no parameter `{name}`", hint, name=name))
            continue
        try:
            values[name] = convert(text, known[name])
        except ValueError as error:
            problems.append(Problem("KF502", f"parameter `{name}`: {error}", name=name))
    if problems:
        raise NotebookError(problems)
    return values


def _parsed(text: str) -> Json:
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError):
        return text
    return value if is_json(value) else text
