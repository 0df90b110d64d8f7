"""Checks JSON values against the schema of a parameter."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from kfnb.pipeline.parameters.value_schema import (
    Json,
    Schema,
    alternatives,
    describe_schema,
    kind_name,
    schema_of,
    shown_choice,
    shown_value,
)

DURATION = re.compile(r"(?:(\d+) days?,? ?)?(?:(\d+):(\d\d)(?::(\d\d(?:\.\d+)?))?)?")
UNITS = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(d|h|m|s)\s*")
SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


class NotAllowed(ValueError):
    """The value has the right type, but it is not among the choices or it is outside the limits."""


def check_value(value: Json, schema: Schema) -> Json:
    """Check a value, and return it in the schema's form: a whole number as a number, a date in the form of ISO 8601.

    Raises
    ------
    NotAllowed
        When it has the type, but may not be.
    ValueError
        When it is of another type.
    """
    wrong: ValueError | None = None
    for one in alternatives(schema):
        try:
            return _check_one(value, one)
        except NotAllowed as error:
            wrong = error
        except ValueError as error:
            wrong = wrong or error
    if wrong is not None and len(alternatives(schema)) > 1:
        kind = NotAllowed if isinstance(wrong, NotAllowed) else ValueError
        raise kind(f"{shown_value(value)} is not {describe_schema(schema)}")
    if wrong is not None:
        raise wrong
    raise ValueError(f"{shown_value(value)} is not {describe_schema(schema)}")


def _check_one(value: Json, schema: Schema) -> Json:
    if "enum" in schema:
        for choice in schema["enum"]:
            if choice == value and isinstance(choice, bool) == isinstance(value, bool):
                return choice
        raise NotAllowed(
            f"{shown_value(value)} is none of its values: {', '.join(shown_choice(v) for v in schema['enum'])}"
        )
    kind = schema.get("type")
    if kind == "number" and type(value) is int:
        value = value if "format" in schema else float(value)
    mine = schema_of(value).get("type")
    if kind is not None and mine != kind and not (kind == "number" and mine == "integer"):
        raise ValueError(f"{value!r} is a {type(value).__name__}, not a {kind_name(kind)}")
    if kind in ("integer", "number"):
        _check_number(value, schema)
    elif kind == "string":
        return check_text(value, schema)
    elif kind == "array":
        return _check_list(value, schema)
    elif kind == "object":
        inner = schema.get("additionalProperties") or {}
        return {k: _inside(f"[{k!r}]", v, inner) for k, v in value.items()}
    return value


def _check_number(value: float, schema: Schema) -> None:
    least, most = schema.get("minimum"), schema.get("maximum")
    above, below, step = (schema.get(k) for k in ("exclusiveMinimum", "exclusiveMaximum", "multipleOf"))
    inside = (
        (least is None or value >= least)
        and (most is None or value <= most)
        and (above is None or value > above)
        and (below is None or value < below)
    )
    offset = least or 0
    if inside and step:
        parts = (value - offset) / step
        inside = abs(parts - round(parts)) < 1e-9 * max(1.0, abs(parts))
    if not inside:
        raise NotAllowed(f"{shown_value(value)} is not {describe_schema(schema)}")


def check_text(value: str, schema: Schema) -> str:
    size = len(value)
    if size < schema.get("minLength", 0) or size > schema.get("maxLength", size):
        raise NotAllowed(f"{shown_value(value)} is not {describe_schema(schema)}")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        raise NotAllowed(f"{shown_value(value)} is not {describe_schema(schema)}")
    reader = FORMATS.get(schema.get("format", ""))
    if reader is None:
        return value
    try:
        return reader(value)
    except (ValueError, InvalidOperation):
        raise ValueError(f"{shown_value(value)} is not {describe_schema(schema)}") from None


def _check_list(value: list[Json], schema: Schema) -> list[Json]:
    size = len(value)
    each = schema.get("prefixItems")
    if size < schema.get("minItems", 0) or size > schema.get("maxItems", size) or (each and len(each) != size):
        raise NotAllowed(f"{shown_value(value)} is not {describe_schema(schema)}")
    inner = each or [schema.get("items") or {}] * size
    return [_inside(f"[{n}]", v, s) for n, (v, s) in enumerate(zip(value, inner, strict=True))]


def _inside(place: str, value: Json, schema: Schema) -> Json:
    try:
        return check_value(value, schema)
    except ValueError as error:
        raise type(error)(f"at {place}: {error}") from None


def _date(text: str) -> str:
    return datetime.date.fromisoformat(text.strip()).isoformat()


def _moment(text: str) -> str:
    return datetime.datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text.strip())).isoformat()


#: From a text to the same in its usual form.
FORMATS: dict[str, Callable[[str], str]] = {
    "date": _date,
    "date-time": _moment,
    "time": lambda t: datetime.time.fromisoformat(t.strip()).isoformat(),
    "decimal": lambda t: str(Decimal(t.strip())),
}


def seconds_of(text: str) -> float:
    """The seconds in ``90``, ``1h30m``, ``2d``, ``1:30:00`` or ``1 day, 2:00:00``. Raises `ValueError` for other texts."""
    text = text.strip()
    try:
        return whole_number(float(text))
    except ValueError:
        pass
    parts = UNITS.findall(text)
    if parts and UNITS.sub("", text) == "":
        return whole_number(sum(float(n) * SECONDS[u] for n, u in parts))
    found = DURATION.fullmatch(text)
    if not text or found is None:
        raise ValueError(text)
    days, hours, minutes, seconds = (float(g or 0) for g in found.groups())
    return whole_number(days * 86400 + hours * 3600 + minutes * 60 + seconds)


def whole_number(number: float) -> float:
    return int(number) if number.is_integer() else number
