"""What a value may be, as JSON Schema: reading texts and Python values by it, checking them, and saying it in words.

Of JSON Schema there are ``type enum anyOf items prefixItems additionalProperties minimum maximum exclusiveMinimum
exclusiveMaximum multipleOf minLength maxLength minItems maxItems pattern format``; ``{}`` takes every JSON value. our own are
``members``, of an enumeration's names the values, by which a text may call them, and ``step``, by which a form counts.
"""

from __future__ import annotations

import ast
import datetime
import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from enum import Enum
from pathlib import PurePath
from typing import Any, cast

from kfnb.python_parser import parse_expression

Json = Any
Schema = dict[str, Any]

TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
OF_KIND: dict[str, Schema] = {
    "str": {"type": "string"}, "int": {"type": "integer"}, "float": {"type": "number"}, "bool": {"type": "boolean"},
    "list": {"type": "array"}, "dict": {"type": "object"}, "any": {},
}  # fmt: skip
KINDS = {s["type"]: kind for kind, s in OF_KIND.items() if s}
#: In which order a text is tried as one of several types.
ORDER = ("null", "boolean", "integer", "number", "array", "object", "string")
DURATION = re.compile(r"(?:(\d+) days?,? ?)?(?:(\d+):(\d\d)(?::(\d\d(?:\.\d+)?))?)?")
UNITS = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(d|h|m|s)\s*")
SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def is_json(value: object) -> bool:
    """Whether JSON gives back the very same value: no tuples, no keys but text."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return True
    if isinstance(value, list):
        return all(is_json(v) for v in value)
    return isinstance(value, dict) and all(isinstance(k, str) and is_json(v) for k, v in value.items())


# -------------------------------------------------------------------- about a schema
def schema_of(value: Json) -> Schema:
    """The schema of what the value is."""
    return {"type": "null"} if value is None else dict(OF_KIND.get(type(value).__name__, {}))


def nullable(schema: Schema) -> Schema:
    """The same, or ``None``."""
    return schema if takes_null(schema) else {"anyOf": [*alternatives(schema), {"type": "null"}]}


def alternatives(schema: Schema) -> list[Schema]:
    found: list[Schema] = schema.get("anyOf", [schema])
    return found


def takes_null(schema: Schema) -> bool:
    return not schema or any(
        not s or s.get("type") == "null" or None in s.get("enum", ()) for s in alternatives(schema)
    )


def kind_of(schema: Schema) -> str:
    """The one type that engines are told: ``str int float bool list dict``, or ``any`` where it is none of these alone."""
    kinds: set[str] = set()
    for one in alternatives(schema):
        if "enum" in one:
            kinds |= {type(v).__name__ for v in one["enum"]}
        else:
            kinds.add(KINDS.get(one.get("type", ""), "any"))
    (kind,) = kinds if len(kinds) == 1 else ("any",)
    return kind if kind in OF_KIND else "any"


def choices(schema: Schema) -> list[Json] | None:
    """The values there are to choose from, where they can be counted."""
    found: list[Json] = []
    for one in alternatives(schema):
        if "enum" in one:
            found += one["enum"]
        elif one.get("type") == "null":
            found.append(None)
        elif one.get("type") == "boolean":
            found += [True, False]
        else:
            return None
    return found


# -------------------------------------------------------------------- in words
def words(schema: Schema) -> str:
    """What a value may be: ``a whole number from 1 to 10``, ``one of fast, exact``."""
    return " or ".join(dict.fromkeys(_one_in_words(s) for s in alternatives(schema)))


def _one_in_words(schema: Schema) -> str:
    if "enum" in schema:
        shown = ", ".join(shown_choice(v) for v in schema["enum"])
        return f"one of {shown}" if len(schema["enum"]) > 1 else shown
    kind = schema.get("type", "")
    named = {
        "date": "a date such as 2024-05-17", "date-time": "a date and time such as 2024-05-17T08:30", "time": "a time such as 08:30",
        "duration": "a duration such as 90, 1h30m or 2d", "path": "a path", "decimal": "a decimal number",
        "integer": "a whole number", "number": "a number", "string": "a text", "boolean": "true or false",
        "null": "None", "array": "a list", "object": "a dict",
    }  # fmt: skip
    base = named.get(schema.get("format", ""), named.get(kind, "any value"))
    if kind == "array" and schema.get("items"):
        base = f"a list, each element {words(schema['items'])}"
    elif kind == "array" and "prefixItems" in schema:
        base = f"a list of {len(schema['prefixItems'])}: {', '.join(words(s) for s in schema['prefixItems'])}"
    elif kind == "object" and schema.get("additionalProperties"):
        base = f"a dict, each value {words(schema['additionalProperties'])}"
    return " ".join([base, *_limits_in_words(schema)])


def _limits_in_words(schema: Schema) -> Iterator[str]:
    for word, least, most in (("", "minimum", "maximum"), ("", "minLength", "maxLength"), ("", "minItems", "maxItems")):
        unit = {"minLength": " letters", "minItems": " elements"}.get(least, word)
        if least in schema and most in schema:
            yield f"from {schema[least]:g} to {schema[most]:g}{unit}"
        elif least in schema:
            yield f"of at least {schema[least]:g}{unit}"
        elif most in schema:
            yield f"of at most {schema[most]:g}{unit}"
    if "exclusiveMinimum" in schema:
        yield f"above {schema['exclusiveMinimum']:g}"
    if "exclusiveMaximum" in schema:
        yield f"below {schema['exclusiveMaximum']:g}"
    if "multipleOf" in schema:
        yield f"in steps of {schema['multipleOf']:g}"
    if "pattern" in schema:
        yield f"that matches {schema['pattern']}"


def shown_choice(value: Json) -> str:
    return value if isinstance(value, str) and value.strip() else json.dumps(value) if value is not None else "None"


# -------------------------------------------------------------------- checking
class NotAllowed(ValueError):
    """The value has the type, and is none of the choices or outside the limits."""


def check(value: Json, schema: Schema) -> Json:
    """The value as the schema takes it: a whole number is a number, a date is in the form of ISO 8601.

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
        raise kind(f"{_shown(value)} is not {words(schema)}")
    if wrong is not None:
        raise wrong
    raise ValueError(f"{_shown(value)} is not {words(schema)}")


def _check_one(value: Json, schema: Schema) -> Json:
    if "enum" in schema:
        for choice in schema["enum"]:
            if choice == value and isinstance(choice, bool) == isinstance(value, bool):
                return choice
        raise NotAllowed(f"{_shown(value)} is none of its values: {', '.join(shown_choice(v) for v in schema['enum'])}")
    kind = schema.get("type")
    if kind == "number" and type(value) is int:
        value = value if "format" in schema else float(value)
    mine = schema_of(value).get("type")
    if kind is not None and mine != kind and not (kind == "number" and mine == "integer"):
        raise ValueError(f"{value!r} is a {type(value).__name__}, not a {_kind_name(kind)}")
    if kind in ("integer", "number"):
        _check_number(value, schema)
    elif kind == "string":
        return _check_text(value, schema)
    elif kind == "array":
        return _check_list(value, schema)
    elif kind == "object":
        inner = schema.get("additionalProperties") or {}
        return {k: _inside(f"[{k!r}]", v, inner) for k, v in value.items()}
    return value


def _kind_name(kind: str) -> str:
    return KINDS.get(kind, "None")


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
        raise NotAllowed(f"{_shown(value)} is not {words(schema)}")


def _check_text(value: str, schema: Schema) -> str:
    size = len(value)
    if size < schema.get("minLength", 0) or size > schema.get("maxLength", size):
        raise NotAllowed(f"{_shown(value)} is not {words(schema)}")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        raise NotAllowed(f"{_shown(value)} is not {words(schema)}")
    reader = FORMATS.get(schema.get("format", ""))
    if reader is None:
        return value
    try:
        return reader(value)
    except (ValueError, InvalidOperation):
        raise ValueError(f"{_shown(value)} is not {words(schema)}") from None


def _check_list(value: list[Json], schema: Schema) -> list[Json]:
    size = len(value)
    each = schema.get("prefixItems")
    if size < schema.get("minItems", 0) or size > schema.get("maxItems", size) or (each and len(each) != size):
        raise NotAllowed(f"{_shown(value)} is not {words(schema)}")
    inner = each or [schema.get("items") or {}] * size
    return [_inside(f"[{n}]", v, s) for n, (v, s) in enumerate(zip(value, inner, strict=True))]


def _inside(place: str, value: Json, schema: Schema) -> Json:
    try:
        return check(value, schema)
    except ValueError as error:
        raise type(error)(f"at {place}: {error}") from None


def _shown(value: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return f"`{text if len(text) <= 80 else text[:77] + '…'}`"


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
    """Seconds of ``90``, ``1h30m``, ``2d``, ``1:30:00`` or ``1 day, 2:00:00``. Raises `ValueError`."""
    text = text.strip()
    try:
        return _whole(float(text))
    except ValueError:
        pass
    parts = UNITS.findall(text)
    if parts and UNITS.sub("", text) == "":
        return _whole(sum(float(n) * SECONDS[u] for n, u in parts))
    found = DURATION.fullmatch(text)
    if not text or found is None:
        raise ValueError(text)
    days, hours, minutes, seconds = (float(g or 0) for g in found.groups())
    return _whole(days * 86400 + hours * 3600 + minutes * 60 + seconds)


def _whole(number: float) -> float:
    return int(number) if number.is_integer() else number


# -------------------------------------------------------------------- reading texts
def read(text: str, schema: Schema) -> Json:
    """The value that a text is. ``'7'`` for a number is 7.0; where any value may be, JSON or a Python literal, else the text.

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
    raise kind(f"{_shown(text)} is not {words(schema)}")


def _read_one(text: str, schema: Schema) -> Json:
    kind = schema.get("type")
    if "enum" in schema:
        return _choice(text, schema)
    if kind == "string":
        return _check_text(text, schema)
    if kind in ("integer", "number"):
        return check(_number(text, schema), schema)
    if kind == "boolean":
        word = text.strip().lower()
        if word not in TRUE + FALSE:
            raise ValueError(f"`{text}` is neither true nor false (bool)")
        return word in TRUE
    value = parsed(text)
    if kind is None:
        return value
    if schema_of(value).get("type") != kind:
        name = _kind_name(kind)
        raise ValueError(
            f"`{text}` is not a {name}, written as JSON or Python" if kind != "null" else f"`{text}` is not None"
        )
    return check(value, schema)


def _choice(text: str, schema: Schema) -> Json:
    for choice in schema["enum"]:
        if text == choice or (not isinstance(choice, str) and text.strip() in (json.dumps(choice), str(choice))):
            return choice
    for member, held in schema.get("members", {}).items():
        if text == str(held) or text.rpartition(".")[2] == member:
            return member
    value = parsed(text)
    return check(text if isinstance(value, str) else value, schema)


def _number(text: str, schema: Schema) -> float:
    if schema.get("format") == "duration":
        try:
            return seconds_of(text)
        except ValueError:
            raise ValueError(f"`{text}` is not {words(schema)}") from None
    whole = schema["type"] == "integer"
    try:
        return int(text.strip()) if whole else float(text.strip())
    except ValueError:
        what = "a whole number (int)" if whole else "a number (float)"
        raise ValueError(f"`{text}` is not {what}") from None


def parsed(text: str) -> Json:
    """JSON or a Python literal, else the text itself."""
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
def plain(value: Any) -> Json:
    """A value of Python as JSON holds it: dates and paths as text, a member of an enumeration by its name.

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
        return _whole(value.total_seconds())
    if isinstance(value, (PurePath, Decimal)):
        return str(value)
    if isinstance(value, tuple):
        return [plain(v) for v in value]
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    if not is_json(value):
        raise ValueError(f"a {type(value).__name__} cannot be a parameter: it takes numbers, texts, lists and dicts")
    return cast(Json, value)
