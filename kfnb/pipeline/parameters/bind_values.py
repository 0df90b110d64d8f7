"""Binds values to a pipeline's parameters: converts texts and Python values, and checks them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from kfnb.pipeline.model import Json, Parameter, Pipeline
from kfnb.pipeline.parameters.check_values import NotAllowed, check_value
from kfnb.pipeline.parameters.mark_placeholders import value_problems
from kfnb.pipeline.parameters.read_values import json_value, read_text
from kfnb.pipeline.parameters.value_schema import OF_KIND, Schema, describe_schema
from kfnb.problems import NotebookError, Problem
from kfnb.wording import did_you_mean


def schema_of(parameter: Parameter) -> Schema:
    """The schema of the parameter's values."""
    found: Schema = parameter.schema or OF_KIND[parameter.type]
    return found


def described(parameter: Parameter) -> str:
    """The parameter's description, and its limits where more is known than a type."""
    limits = describe_schema(parameter.schema) if parameter.schema else ""
    return ": ".join(t for t in (parameter.description, limits) if t)


def convert(text: str, parameter: Parameter) -> Json:
    """Convert a text to a parameter's value (see `kfnb.pipeline.parameters.read_values.read_text`).

    Raises
    ------
    ValueError
        In words for the user.
    """
    return read_text(text, schema_of(parameter))


def fit(value: Any, parameter: Parameter) -> Json:
    """Convert a Python value to a parameter's value: a date becomes its text, and a text is read as `convert` reads it.

    Raises
    ------
    ValueError
        In words for the user.
    """
    if isinstance(value, str) and type(value) is str:
        return value if parameter.type == "any" and not parameter.schema else convert(value, parameter)
    return check_value(json_value(value), schema_of(parameter))


def unknown_parameter(name: str, known: Collection[str]) -> Problem:
    """The problem (KF501) that a pipeline with the ``known`` parameters has none of that name."""
    have = ", ".join(sorted(known))
    hint = did_you_mean(name, known, f"it has {have}" if have else "it has none")
    return Problem("KF501", f"the pipeline has no parameter `{name}`", hint, name=name)


def bind(
    pipeline: Pipeline, supplied: Mapping[str, Any], convert: Callable[[Any, Parameter], Json] = convert
) -> dict[str, Json]:
    """Bind every parameter for a run: convert the values that are given, and take the defaults of the others.

    A value that equals the default is the default: ``1`` of ``a: float = 1`` stays the whole number that the notebook has.

    Parameters
    ----------
    convert
        `convert` where texts were given, `fit` where values of Python were.

    Raises
    ------
    NotebookError
        KF501 for a name that is no parameter, KF502 for a value that cannot be converted, KF509 for one that may not be, KF208 where a mark can make no use of it.
    """
    known = {p.name: p for p in pipeline.parameters}
    values = {p.name: p.default for p in pipeline.parameters}
    problems: list[Problem] = []
    for name, text in supplied.items():
        if name not in known:
            problems.append(unknown_parameter(name, known))
            continue
        try:
            value = convert(text, known[name])
        except ValueError as error:
            code = "KF509" if isinstance(error, NotAllowed) else "KF502"
            problems.append(Problem(code, f"parameter `{name}`: {error}", name=name))
            continue
        if not _same_number(value, values[name]):
            values[name] = value
    problems = problems or list(value_problems(pipeline, values))
    if problems:
        raise NotebookError(problems)
    return values


def _same_number(value: Json, default: Json) -> bool:
    return type(value) is float and type(default) is int and value == default
