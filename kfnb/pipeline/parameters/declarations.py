"""Turns a statement of the parameters cell into a parameter: its default, its schema and its conversion.

A parameter travels as JSON. Where the notebook's statement makes something else of a literal (a date, a path, a member of an
enumeration, a tuple), a *conversion* makes the same of the run's value, in every step that reads the name. So a step has the kind of
object that *Run All* has, whatever value is given.
"""

from __future__ import annotations

import ast
import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any

from kfnb.analysis.syntax.ast_queries import is_literal, literal_value
from kfnb.pipeline.model import Json, Parameter
from kfnb.pipeline.parameters.annotations import KnownTypes, annotation_of, last_name, with_null
from kfnb.pipeline.parameters.check_values import NotAllowed, check_value
from kfnb.pipeline.parameters.parameter_comments import Comment, comment_of
from kfnb.pipeline.parameters.read_values import json_value
from kfnb.pipeline.parameters.value_schema import (
    OF_KIND,
    Schema,
    alternatives,
    is_json,
    kind_of,
    schema_of,
    takes_null,
)

DATE, MOMENT, TIME = ({"type": "string", "format": f} for f in ("date", "date-time", "time"))
#: Of what stands in a text or number, for a value that is not given yet: the standard library's own names.
STANDARD = {
    "date": "__import__('datetime').date.fromisoformat(%s)", "date-time": "__import__('datetime').datetime.fromisoformat(%s)",
    "time": "__import__('datetime').time.fromisoformat(%s)", "duration": "__import__('datetime').timedelta(seconds=%s)",
    "path": "__import__('pathlib').Path(%s)", "decimal": "__import__('decimal').Decimal(%s)",
}  # fmt: skip
CLASSES: dict[str, Callable[..., Any]] = {
    "date": datetime.date, "datetime": datetime.datetime, "time": datetime.time, "timedelta": datetime.timedelta,
    "Path": PurePosixPath, "PurePath": PurePosixPath, "PosixPath": PurePosixPath, "PurePosixPath": PurePosixPath, "Decimal": Decimal,
}  # fmt: skip


@dataclass(frozen=True)
class Declaration:
    """A parameter. ``fault`` says why its default is not allowed, ``doubt`` why its type differs from the declared one."""

    parameter: Parameter
    fault: str = ""
    doubt: str = ""


@dataclass(frozen=True)
class _Default:
    """The value of a default: its JSON, its schema where the expression shows it, and the conversion that makes it again."""

    value: Json
    schema: Schema | None = None
    make: str = ""  #: with ``%s`` for the JSON value


NO_TYPES = KnownTypes()


def declaration_of(node: ast.stmt, comment: str = "", known: KnownTypes = NO_TYPES) -> Declaration | None:
    """The parameter that ``name = literal`` or ``name: type = literal`` declares; ``None`` for anything else.

    Parameters
    ----------
    comment
        What stands behind the statement, from ``#`` on.
    known
        The types that the notebook defines itself.
    """
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target, value, annotation = node.targets[0], node.value, None
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        target, value, annotation = node.target, node.value, node.annotation
    else:
        return None
    annotated = annotation_of(annotation, known)
    default = _default(value, annotated.schema, known)
    if not isinstance(target, ast.Name) or default is None:
        return None
    options = comment_of(comment, default.value) if comment else Comment()
    return _declared(target.id, default, annotated.schema, options, annotated.description or options.description)


def _declared(
    name: str, default: _Default, annotated: Schema | None, options: Comment, description: str
) -> Declaration:
    value = default.value
    declared = _by_value(annotated, value) if annotated is not None else default.schema
    schema = with_null(declared, value) if declared is not None else options.schema
    fault = doubt = ""
    if schema is None:
        schema = schema_of(value) if value is not None else {}
    if declared is not None and options.schema:
        schema = _both(schema, options.schema)
    if options.open and "enum" in schema:
        schema = {"type": schema.get("type", "string")}
    if default.schema is not None and default.schema.get("enum") and not any("enum" in s for s in alternatives(schema)):
        schema = default.schema
    try:
        check_value(value, schema)
    except NotAllowed as error:
        fault, doubt = (str(error), "") if declared is not None else ("", str(error))
    except ValueError as error:
        schema = {"anyOf": [*alternatives(schema), schema_of(value)]}
        doubt = str(error)
    make = default.make or (_standard(schema) if value is None else "")
    conversion = ""
    if make:
        converted = make % name
        conversion = (
            f"{name} = None if {name} is None else {converted}" if takes_null(schema) else f"{name} = {converted}"
        )
    kind = kind_of(schema)
    own_schema = {} if schema == OF_KIND[kind] else schema
    return Declaration(Parameter(name, kind, value, description, own_schema, conversion), fault, doubt)


def _by_value(schema: Schema, value: Json) -> Schema:
    """The schema for a default that is the value of an enumeration's member: the values take the place of the members."""
    member_values = list(schema.get("members", {}).values())
    if value in schema.get("enum", ()) or value not in member_values:
        return schema
    return {**schema_of(value), "enum": member_values}


def _both(schema: Schema, options: Schema) -> Schema:
    """The annotation's schema, narrowed by the limits and choices of a comment."""
    limits = {k: v for k, v in options.items() if k in ("enum", "minimum", "maximum", "multipleOf", "format")}
    if "anyOf" in schema or "enum" in schema or options.get("type") not in (None, schema.get("type"), "integer"):
        return schema
    return {**schema, **limits}


def _standard(schema: Schema) -> str:
    """The conversion of a value whose default is ``None``, so that only the annotation tells its type."""
    several = [s for s in alternatives(schema) if s.get("type") != "null"]
    if len(several) != 1:
        return ""
    (one,) = several
    return f"{one['title']}[%s]" if "title" in one else STANDARD.get(one.get("format", ""), "")


# -------------------------------------------------------------------- defaults
def _default(node: ast.expr, annotated: Schema | None, known: KnownTypes) -> _Default | None:
    if is_literal(node):
        return _literal(node, annotated)
    for default in _constructed(node, known):
        return default
    return None


def _literal(node: ast.expr, annotated: Schema | None) -> _Default | None:
    try:
        value = literal_value(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, ArithmeticError):
        return None
    if isinstance(value, tuple) and annotated is not None and is_json(list(value)):
        return _Default(list(value), None, "tuple(%s)")
    return _Default(value) if is_json(value) else None


def _constructed(node: ast.expr, known: KnownTypes) -> Iterator[_Default]:
    """The default that a call, a member of an enumeration or a joined path gives."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        yield from _member(node.value.id, node.attr, known)
    elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and isinstance(node.slice, ast.Constant):
        yield from _member(node.value.id, node.slice.value, known)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and is_literal(node.right):
        for path_default in _constructed(node.left, known):
            part = literal_value(node.right)
            if path_default.schema == {"type": "string", "format": "path"} and isinstance(part, str):
                yield _Default(str(PurePosixPath(path_default.value) / part), path_default.schema, path_default.make)
    elif isinstance(node, ast.Call):
        yield from _call(node, known)


def _member(name: str, member: Any, known: KnownTypes) -> Iterator[_Default]:
    enumeration = known.enumerations.get(name)
    if enumeration is not None and member in enumeration.members:
        yield _Default(member, enumeration.schema, f"{name}[%s]")


def _call(node: ast.Call, known: KnownTypes) -> Iterator[_Default]:
    keywords = {k.arg: k.value for k in node.keywords}
    if None in keywords or not all(is_literal(a) for a in (*node.args, *keywords.values())):
        return
    try:
        arguments = [literal_value(a) for a in node.args]
        named = {k: literal_value(v) for k, v in keywords.items() if k is not None}
    except (ValueError, TypeError, SyntaxError, ArithmeticError):
        return
    function, name = node.func, last_name(node.func)
    if isinstance(function, ast.Name) and name in known.enumerations and len(arguments) == 1:
        members = known.enumerations[name].members
        yield from (d for n, v in members.items() if v == arguments[0] for d in _member(name, n, known))
        return
    text = ast.unparse(function)
    if name == "fromisoformat" and isinstance(function, ast.Attribute):
        name, text = last_name(function.value), ast.unparse(function.value)
        yield from _object(name, text, lambda: _class(name).fromisoformat(*arguments))
    elif name == "Timestamp" and len(arguments) == 1 and isinstance(arguments[0], str) and not named:
        yield from _object("datetime", text, lambda: datetime.datetime.fromisoformat(arguments[0]), f"{text}(%s)")
    elif name in CLASSES and not (name == "Path" and not arguments):
        yield from _object(name, text, lambda: CLASSES[name](*arguments, **named))


def _class(name: str) -> Any:
    return CLASSES[name]


def _object(name: str, text: str, make: Callable[[], Any], again: str = "") -> Iterator[_Default]:
    """The default that ``make`` returns. ``text`` is the class under its name in the notebook."""
    try:
        value = make()
    except (TypeError, ValueError, ArithmeticError, KeyError, AttributeError):
        return
    if isinstance(value, datetime.datetime):
        yield _Default(json_value(value), dict(MOMENT), again or f"{text}.fromisoformat(%s)")
    elif isinstance(value, datetime.date):
        yield _Default(json_value(value), dict(DATE), f"{text}.fromisoformat(%s)")
    elif isinstance(value, datetime.time):
        yield _Default(json_value(value), dict(TIME), f"{text}.fromisoformat(%s)")
    elif isinstance(value, datetime.timedelta):
        yield _Default(json_value(value), {"type": "number", "format": "duration"}, f"{text}(seconds=%s)")
    elif isinstance(value, Decimal):
        yield _Default(str(value), {"type": "string", "format": "decimal"}, f"{text}(%s)")
    else:
        yield _Default(str(value), {"type": "string", "format": "path"}, f"{text}(%s)")
