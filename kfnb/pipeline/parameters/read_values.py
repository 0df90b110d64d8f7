"""Turns texts and Python values into the JSON values of a parameter."""

from __future__ import annotations

import ast
import datetime
import json
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, cast

from kfnb.pipeline.parameters.check_values import NotAllowed, check_text, check_value, seconds_of, whole_number
from kfnb.pipeline.parameters.value_schema import (
    Json,
    Schema,
    alternatives,
    describe_schema,
    is_json,
    kind_name,
    schema_of,
    shown_value,
)
from kfnb.thread_safe_parser import parse_expression

TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
#: In which order a text is tried as one of several types.
ORDER = ("null", "boolean", "integer", "number", "array", "object", "string")


def read_text(text: str, schema: Schema) -> Json:
    """Read a value from a text: ``'7'`` for a number is 7.0. Without a type, read JSON or a Python literal, else keep the text.

    Raises
    ------
    ValueError
        In words for the user; `NotAllowed` for a value that has the type and may not be.
    """
    several = alternatives(schema)
    if len(several) == 1:
        return _read_one(text, several[0])
    wrong: ValueError | None = None
    for one in sorted(several, key=lambda s: ORDER.index(s["type"]) if s.get("type") in ORDER else -1):
        if one.get("type") == "boolean" and text.strip().lower() not in ("true", "false"):
            continue
        try:
            return _read_one(text, one)
        except NotAllowed as error:
            wrong = error
        except ValueError as error:
            wrong = wrong or error
    kind = NotAllowed if isinstance(wrong, NotAllowed) else ValueError
    raise kind(f"{shown_value(text)} is not {describe_schema(schema)}")


def _read_one(text: str, schema: Schema) -> Json:
    kind = schema.get("type")
    if "enum" in schema:
        return _choice(text, schema)
    if kind == "string":
        return check_text(text, schema)
    if kind in ("integer", "number"):
        return check_value(_number(text, schema), schema)
    if kind == "boolean":
        word = text.strip().lower()
        if word not in TRUE + FALSE:
            raise ValueError(f"`{text}` is neither true nor false (bool)")
        return word in TRUE
    value = parse_literal(text)
    if kind is None:
        return value
    if schema_of(value).get("type") != kind:
        name = kind_name(kind)
        raise ValueError(
            f"`{text}` is not a {name}, written as JSON or Python" if kind != "null" else f"`{text}` is not None"
        )
    return check_value(value, schema)


def _choice(text: str, schema: Schema) -> Json:
    for choice in schema["enum"]:
        if text == choice or (not isinstance(choice, str) and text.strip() in (json.dumps(choice), str(choice))):
            return choice
    for member, held in schema.get("members", {}).items():
        if text == str(held) or text.rpartition(".")[2] == member:
            return member
    value = parse_literal(text)
    return check_value(text if isinstance(value, str) else value, schema)


def _number(text: str, schema: Schema) -> float:
    if schema.get("format") == "duration":
        try:
            return seconds_of(text)
        except ValueError:
            raise ValueError(f"`{text}` is not {describe_schema(schema)}") from None
    whole = schema["type"] == "integer"
    try:
        return int(text.strip()) if whole else float(text.strip())
    except ValueError:
        type_text = "a whole number (int)" if whole else "a number (float)"
        raise ValueError(f"`{text}` is not {type_text}") from None


def parse_literal(text: str) -> Json:
    """Read JSON or a Python literal; any other text stays as it is."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        value = ast.literal_eval(parse_expression(text.strip()))
    except (ValueError, SyntaxError, MemoryError, TypeError, RecursionError):
        return text
    value = list(value) if isinstance(value, tuple) else value
    return value if is_json(value) else text


# -------------------------------------------------------------------- reading values of Python
def json_value(value: Any) -> Json:
    """Turn a Python value into JSON: dates and paths become texts, a member of an enumeration becomes its name.

    Raises
    ------
    ValueError
        For what JSON cannot hold.
    """
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return whole_number(value.total_seconds())
    if isinstance(value, (PurePath, Decimal)):
        return str(value)
    if isinstance(value, tuple):
        return [json_value(v) for v in value]
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    if not is_json(value):
        raise ValueError(f"a {type(value).__name__} cannot be a parameter: it takes numbers, texts, lists and dicts")
    return cast(Json, value)
