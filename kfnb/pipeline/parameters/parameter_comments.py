"""Parses the comment behind a parameter: Colab's ``#@param`` forms, papermill's types, or a description."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from typing import Any

from kfnb.analysis.syntax.ast_queries import rest_of_line
from kfnb.pipeline.parameters.annotations import KnownTypes, annotation_of
from kfnb.pipeline.parameters.value_schema import Schema, is_json, schema_of
from kfnb.thread_safe_parser import parse_expression

FORM = re.compile(r"#\s*@param\b\s*(.*)", re.DOTALL)
TYPED = re.compile(r"#\s*type:\s*([^#]+?)\s*(?:#.*)?$")
BARE = re.compile(r"#\s*(int|float|str|bool|list|dict)\s*$")
TOOLS = re.compile(r"#\s*(noqa|type:|pylint|fmt:|pragma|mypy|ruff|isort|@)", re.IGNORECASE)
KEY = re.compile(r"([{,]\s*)([A-Za-z_][\w-]*)\s*:")
TYPES: dict[str, Schema] = {
    "string": {"type": "string"}, "number": {"type": "number"}, "integer": {"type": "integer"}, "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"}, "slider": {"type": "number"}, "raw": {},
}  # fmt: skip


@dataclass(frozen=True)
class Comment:
    """The content of a comment: the schema or ``None``, whether a user may type another value, and a description."""

    schema: Schema | None = None
    open: bool = False
    description: str = ""


def comment_of(text: str, default: Any) -> Comment:
    """Parse the comment behind ``name = default``. A text without types is a description."""
    form = FORM.match(text)
    if form is not None:
        return _form(form[1].strip(), default)
    typed = TYPED.match(text) or BARE.match(text)
    if typed is not None:
        try:
            node = parse_expression(typed[1])
        except (SyntaxError, ValueError):
            return Comment()
        return Comment(annotation_of(node, KnownTypes()).schema)
    return Comment(description="" if TOOLS.match(text) else text.lstrip("#").strip())


def _form(text: str, default: Any) -> Comment:
    """``["a", "b"]``, ``{type: "slider", min: 0, max: 10, step: 1}``, or both."""
    values, rest = _leading_list(text)
    options = _options(rest)
    schema = dict(TYPES.get(str(options.get("type", "")), schema_of(default) if default is not None else {}))
    if values is not None:
        raw = options.get("type") == "raw" or (default is not None and not isinstance(default, str))
        found = [_python(v) if raw and isinstance(v, str) else v for v in values]
        kinds = {schema_of(v).get("type") for v in found}
        schema = {**({"type": kinds.pop()} if len(kinds) == 1 else {}), "enum": found}
    if schema.get("type") == "number" and options.get("type") == "slider" and _all_whole(default, options):
        schema["type"] = "integer"
    for word, key in (("min", "minimum"), ("max", "maximum"), ("step", "step")):
        if isinstance(options.get(word), (int, float)) and schema.get("type") in ("integer", "number"):
            schema[key] = options[word]
    return Comment(schema, bool(options.get("allow-input")))


def _all_whole(default: Any, options: dict[str, Any]) -> bool:
    return all(type(v) is int for v in (default, options.get("min", 0), options.get("max", 0), options.get("step", 1)))


def _leading_list(text: str) -> tuple[list[Any] | None, str]:
    """The list at the start of the text, and the rest of the text."""
    if not text.startswith("["):
        return None, text
    for end in (n + 1 for n, c in enumerate(text) if c == "]"):
        try:
            value = ast.literal_eval(parse_expression(text[:end]))
        except (ValueError, SyntaxError):
            continue
        return (list(value) if isinstance(value, list) and is_json(value) else None), text[end:]
    return None, text


def _options(text: str) -> dict[str, Any]:
    """Parse the options in braces, with or without quotes around the keys."""
    found = re.search(r"\{.*\}", text, re.DOTALL)
    if found is None:
        return {}
    for written in (found[0], KEY.sub(r'\1"\2":', found[0])):
        try:
            value = json.loads(written.replace("'", '"'))
        except ValueError:
            continue
        return value if isinstance(value, dict) else {}
    return {}


def _python(text: str) -> Any:
    """The value of a choice that is written as Python."""
    try:
        value = ast.literal_eval(parse_expression(text.strip()))
    except (ValueError, SyntaxError):
        return text
    return value if is_json(value) else text


def trailing_comment(node: ast.stmt, code: str) -> str:
    """The comment on the line where a statement ends, from ``#`` on; empty where there is none."""
    lines = code.split("\n")
    rest = rest_of_line(node, lines).strip() if (node.end_lineno or node.lineno) <= len(lines) else ""
    return rest if rest.startswith("#") else ""
