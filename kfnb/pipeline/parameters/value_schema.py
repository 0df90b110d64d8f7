"""The JSON Schema of a parameter's values: makes schemas, reads them, and describes them in words.

The schemas use these words of JSON Schema: ``type enum anyOf items prefixItems additionalProperties minimum maximum
exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength minItems maxItems pattern format``; ``{}`` takes every JSON
value. Two words are kfnb's own: ``members`` gives the value of each name of an enumeration, so that a text may use either,
and ``step`` is the increment of a number's input field.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

Json = Any
Schema = dict[str, Any]

OF_KIND: dict[str, Schema] = {
    "str": {"type": "string"}, "int": {"type": "integer"}, "float": {"type": "number"}, "bool": {"type": "boolean"},
    "list": {"type": "array"}, "dict": {"type": "object"}, "any": {},
}  # fmt: skip
KINDS = {s["type"]: kind for kind, s in OF_KIND.items() if s}


def is_json(value: object) -> bool:
    """Whether a value is unchanged after a way through JSON; a tuple or a key that is no text is not."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return True
    if isinstance(value, list):
        return all(is_json(v) for v in value)
    return isinstance(value, dict) and all(isinstance(k, str) and is_json(v) for k, v in value.items())


# -------------------------------------------------------------------- about a schema
def schema_of(value: Json) -> Schema:
    """The schema of a value's own type."""
    return {"type": "null"} if value is None else dict(OF_KIND.get(type(value).__name__, {}))


def nullable(schema: Schema) -> Schema:
    """The schema that takes ``None`` as well."""
    return schema if takes_null(schema) else {"anyOf": [*alternatives(schema), {"type": "null"}]}


def alternatives(schema: Schema) -> list[Schema]:
    found: list[Schema] = schema.get("anyOf", [schema])
    return found


def takes_null(schema: Schema) -> bool:
    return not schema or any(
        not s or s.get("type") == "null" or None in s.get("enum", ()) for s in alternatives(schema)
    )


def kind_of(schema: Schema) -> str:
    """The one type that engines see: ``str int float bool list dict``, or ``any`` for several types."""
    kinds: set[str] = set()
    for one in alternatives(schema):
        if "enum" in one:
            kinds |= {type(v).__name__ for v in one["enum"]}
        else:
            kinds.add(KINDS.get(one.get("type", ""), "any"))
    (kind,) = kinds if len(kinds) == 1 else ("any",)
    return kind if kind in OF_KIND else "any"


def choices(schema: Schema) -> list[Json] | None:
    """The values to choose from, or ``None`` when the schema does not list them."""
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


def kind_name(kind: str) -> str:
    return KINDS.get(kind, "None")


# -------------------------------------------------------------------- in words
def describe_schema(schema: Schema) -> str:
    """Describe a schema in words, such as ``a whole number from 1 to 10`` or ``one of fast, exact``."""
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
        base = f"a list, each element {describe_schema(schema['items'])}"
    elif kind == "array" and "prefixItems" in schema:
        base = f"a list of {len(schema['prefixItems'])}: {', '.join(describe_schema(s) for s in schema['prefixItems'])}"
    elif kind == "object" and schema.get("additionalProperties"):
        base = f"a dict, each value {describe_schema(schema['additionalProperties'])}"
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


def shown_value(value: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return f"`{text if len(text) <= 80 else text[:77] + '…'}`"
