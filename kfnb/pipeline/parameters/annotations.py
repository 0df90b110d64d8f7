"""Parses a parameter's annotation into a schema from the notebook's text, without importing or evaluating anything."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kfnb.analysis.syntax.ast_queries import is_literal, literal_value
from kfnb.pipeline.parameters.value_schema import Schema, is_json, nullable, schema_of, takes_null
from kfnb.thread_safe_parser import parse_expression

PLAIN: dict[str, Schema] = {
    "int": {"type": "integer"}, "float": {"type": "number"}, "str": {"type": "string"}, "bool": {"type": "boolean"},
    "list": {"type": "array"}, "List": {"type": "array"}, "Sequence": {"type": "array"}, "tuple": {"type": "array"},
    "Tuple": {"type": "array"}, "Iterable": {"type": "array"}, "Collection": {"type": "array"}, "dict": {"type": "object"},
    "Dict": {"type": "object"}, "Mapping": {"type": "object"}, "None": {"type": "null"}, "NoneType": {"type": "null"},
    "Any": {}, "object": {}, "date": {"type": "string", "format": "date"}, "datetime": {"type": "string", "format": "date-time"},
    "Timestamp": {"type": "string", "format": "date-time"}, "time": {"type": "string", "format": "time"},
    "timedelta": {"type": "number", "format": "duration"}, "Path": {"type": "string", "format": "path"},
    "PurePath": {"type": "string", "format": "path"}, "PathLike": {"type": "string", "format": "path"},
    "Decimal": {"type": "string", "format": "decimal"}, "PositiveInt": {"type": "integer", "exclusiveMinimum": 0},
    "NonNegativeInt": {"type": "integer", "minimum": 0}, "NegativeInt": {"type": "integer", "exclusiveMaximum": 0},
    "NonPositiveInt": {"type": "integer", "maximum": 0}, "PositiveFloat": {"type": "number", "exclusiveMinimum": 0},
    "NonNegativeFloat": {"type": "number", "minimum": 0}, "NegativeFloat": {"type": "number", "exclusiveMaximum": 0},
    "NonPositiveFloat": {"type": "number", "maximum": 0}, "StrictInt": {"type": "integer"}, "StrictStr": {"type": "string"},
    "StrictFloat": {"type": "number"}, "StrictBool": {"type": "boolean"}, "FilePath": {"type": "string", "format": "path"},
    "DirectoryPath": {"type": "string", "format": "path"},
}  # fmt: skip
WRAPPERS = frozenset({"Final", "ClassVar", "Required", "NotRequired", "ReadOnly"})
ENUMS = frozenset({"Enum", "StrEnum", "IntEnum", "Flag", "IntFlag"})
#: Words of annotated_types, pydantic and typer for JSON Schema's.
LIMITS = {
    "ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum", "multiple_of": "multipleOf",
    "min_length": "minLength", "max_length": "maxLength", "pattern": "pattern", "regex": "pattern", "min": "minimum", "max": "maximum",
    "min_items": "minItems", "max_items": "maxItems",
}  # fmt: skip
CALLS = {
    "Ge": "minimum", "Le": "maximum", "Gt": "exclusiveMinimum", "Lt": "exclusiveMaximum", "MultipleOf": "multipleOf",
    "MinLen": "minLength", "MaxLen": "maxLength",
}  # fmt: skip
CONSTRAINED = {"conint": "integer", "confloat": "number", "constr": "string"}


@dataclass(frozen=True)
class Enumeration:
    """An enumeration class of the notebook: the names of its members, with the values that are literals."""

    name: str
    members: Mapping[str, Any]

    @property
    def schema(self) -> Schema:
        held = {n: v for n, v in self.members.items() if v is not None}
        shown = {"members": held} if held and is_json(held) else {}
        return {"title": self.name, "type": "string", "enum": list(self.members), **shown}


@dataclass(frozen=True)
class KnownTypes:
    """The types that the notebook defines: its enumerations and its aliases of types."""

    enumerations: Mapping[str, Enumeration] = field(default_factory=dict)
    aliases: Mapping[str, ast.expr] = field(default_factory=dict)


def known_types(trees: Iterable[ast.Module]) -> KnownTypes:
    """The types that the cells define at their top level."""
    enumerations: dict[str, Enumeration] = {}
    aliases: dict[str, ast.expr] = {}
    for tree in trees:
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                if any(last_name(b) in ENUMS for b in node.bases):
                    enumerations[node.name] = Enumeration(node.name, dict(_members(node)))
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                enumeration = _functional(node.targets[0].id, node.value)
                if enumeration is not None:
                    enumerations[node.targets[0].id] = enumeration
                elif isinstance(node.value, (ast.Subscript, ast.BinOp)) and not is_literal(node.value):
                    aliases[node.targets[0].id] = node.value
    return KnownTypes(enumerations, aliases)


def _members(node: ast.ClassDef) -> Iterator[tuple[str, Any]]:
    ignored = {"_ignore_", "_order_", "__order__"}
    for statement in node.body:
        if isinstance(statement, ast.Assign):
            names = [t.id for t in statement.targets if isinstance(t, ast.Name)]
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
            names = [statement.target.id]
        else:
            continue
        value = statement.value
        for name in names:
            if not name.startswith("_") and name not in ignored:
                yield name, _literal(value) if value is not None and is_literal(value) else None


def _functional(name: str, node: ast.expr) -> Enumeration | None:
    """``Mode = Enum("Mode", "FAST EXACT")`` or with a list or dict of members."""
    if not isinstance(node, ast.Call) or last_name(node.func) not in ENUMS or len(node.args) < 2:
        return None
    names = _literal(node.args[1]) if is_literal(node.args[1]) else None
    if isinstance(names, str):
        names = names.replace(",", " ").split()
    if isinstance(names, dict):
        return Enumeration(name, names)
    if isinstance(names, (list, tuple)) and all(isinstance(n, str) for n in names):
        return Enumeration(name, dict.fromkeys(names))
    return None


def last_name(node: ast.expr) -> str:
    """``Literal`` of ``typing.Literal``."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _literal(node: ast.expr) -> Any:
    try:
        return literal_value(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, ArithmeticError):
        return None


@dataclass(frozen=True)
class Annotation:
    """What an annotation says: the schema, ``None`` where it is not understood, and a description."""

    schema: Schema | None
    description: str = ""


def annotation_of(node: ast.expr | None, known: KnownTypes) -> Annotation:
    """Parse an annotation. An annotation that kfnb does not understand gives no schema."""
    reader = _Reader(known)
    schema = None if node is None else reader.schema(node)
    return Annotation(schema, reader.description)


@dataclass
class _Reader:
    known: KnownTypes
    description: str = ""
    depth: int = 0

    def schema(self, node: ast.expr) -> Schema | None:
        self.depth += 1
        try:
            return self._schema(node) if self.depth < 50 else None
        finally:
            self.depth -= 1

    def _schema(self, node: ast.expr) -> Schema | None:
        if isinstance(node, ast.Constant):
            return self._constant(node.value)
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self._name(node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self._union([node.left, node.right])
        if isinstance(node, ast.Subscript):
            return self._subscript(node)
        if isinstance(node, ast.Call):
            return self._constrained(node)
        return None

    def _constant(self, value: Any) -> Schema | None:
        if value is None:
            return {"type": "null"}
        if not isinstance(value, str):
            return None
        try:
            return self.schema(parse_expression(value.strip()))
        except (SyntaxError, ValueError):
            return None

    def _name(self, node: ast.expr) -> Schema | None:
        name = last_name(node)
        if isinstance(node, ast.Name):
            if name in self.known.enumerations:
                return self.known.enumerations[name].schema
            if name in self.known.aliases:
                return self.schema(self.known.aliases[name])
        found = PLAIN.get(name)
        return None if found is None else dict(found)

    def _union(self, nodes: list[ast.expr]) -> Schema | None:
        found: list[Schema] = []
        for node in nodes:
            one = self.schema(node)
            if one is None or one == {}:
                return one
            found += [s for s in one.get("anyOf", [one]) if s not in found]
        return found[0] if len(found) == 1 else {"anyOf": found}

    def _subscript(self, node: ast.Subscript) -> Schema | None:
        name, inside = last_name(node.value), node.slice
        parts = list(inside.elts) if isinstance(inside, ast.Tuple) else [inside]
        if name == "Literal":
            return self._choices(parts)
        if name == "Optional":
            one = self.schema(inside)
            return None if one is None else nullable(one)
        if name == "Union":
            return self._union(parts)
        if name == "Annotated":
            return self._annotated(parts)
        if name in WRAPPERS:
            return self.schema(inside)
        base = PLAIN.get(name)
        if base is None:
            return None
        if name in ("tuple", "Tuple"):
            return self._tuple(parts)
        inner = self.schema(parts[-1])
        if base.get("type") == "array" and inner:
            return {**base, "items": inner}
        return {**base, "additionalProperties": inner} if base.get("type") == "object" and inner else dict(base)

    def _tuple(self, parts: list[ast.expr]) -> Schema:
        if isinstance(parts[-1], ast.Constant) and parts[-1].value is Ellipsis:
            inner = self.schema(parts[0])
            return {"type": "array", **({"items": inner} if inner else {})}
        return {"type": "array", "prefixItems": [self.schema(p) or {} for p in parts]}

    def _choices(self, parts: list[ast.expr]) -> Schema | None:
        found: list[Any] = []
        for part in parts:
            if isinstance(part, ast.Subscript) and last_name(part.value) == "Literal":
                inner = self.schema(part)
                found += (inner or {}).get("enum", [])
            elif is_literal(part) and is_json(value := _literal(part)):
                found.append(value)
            elif isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
                if part.value.id not in self.known.enumerations:
                    return None
                found.append(part.attr)
            else:
                return None
        kinds = {schema_of(v).get("type") for v in found}
        return {**({"type": kinds.pop()} if len(kinds) == 1 else {}), "enum": found}

    # ---------------------------------------------------------------- limits
    def _annotated(self, parts: list[ast.expr]) -> Schema | None:
        schema = self.schema(parts[0])
        if schema is None:
            return None
        for part in parts[1:]:
            schema = self._limited(schema, part)
        return schema

    def _limited(self, schema: Schema, part: ast.expr) -> Schema:
        """The schema limited by one piece of metadata. Metadata that kfnb does not understand changes nothing."""
        if is_literal(part):
            value = _literal(part)
            if isinstance(value, str):
                self.description = self.description or value
            elif isinstance(value, tuple) and len(value) == 2 and all(_is_number(v) for v in value):
                return _with(schema, {"minimum": value[0], "maximum": value[1]})
            elif isinstance(value, (list, set, frozenset)) and is_json(list(value)):
                return _with(schema, {"enum": sorted(value) if isinstance(value, (set, frozenset)) else value})
            return schema
        if not isinstance(part, ast.Call):
            return schema
        name = last_name(part.func)
        positional = [_literal(a) for a in part.args if is_literal(a)]
        if name == "range" and 1 <= len(positional) <= 3 and all(type(v) is int for v in positional):
            numbers = range(*positional)
            step = {"multipleOf": numbers.step} if numbers.step > 1 else {}
            return _with(schema, {"minimum": numbers[0], "maximum": numbers[-1], **step}) if len(numbers) else schema
        limits = self._keywords(part)
        if name in CALLS and positional:
            limits[CALLS[name]] = positional[0]
        if name == "Len" and positional:
            limits.update(zip(("minLength", "maxLength"), positional, strict=False))
        return _with(schema, limits)

    def _keywords(self, call: ast.Call) -> Schema:
        found: Schema = {}
        for keyword in call.keywords:
            value = _literal(keyword.value) if is_literal(keyword.value) else None
            if keyword.arg in LIMITS and value is not None:
                found[LIMITS[keyword.arg]] = value
            elif keyword.arg in ("description", "help", "title") and isinstance(value, str):
                self.description = self.description or value
        return found

    def _constrained(self, node: ast.Call) -> Schema | None:
        """The schema of ``conint(ge=1)`` and similar functions of pydantic."""
        kind = CONSTRAINED.get(last_name(node.func))
        return None if kind is None else _with({"type": kind}, self._keywords(node))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _with(schema: Schema, limits: Schema) -> Schema:
    """Add to a schema the limits that apply to its type, or to each of its types."""
    if "anyOf" in schema:
        return {"anyOf": [_with(s, limits) for s in schema["anyOf"]]}
    kind = schema.get("type")
    found = dict(schema)
    for word, value in limits.items():
        if kind == "array":
            word = {"minLength": "minItems", "maxLength": "maxItems"}.get(word, word)
        fits = (
            isinstance(value, list)
            if word == "enum"
            else isinstance(value, str)
            if word == "pattern"
            else _is_number(value)
        )
        if _concerns(word, kind) and fits:
            found[word] = value
    return found


def _concerns(word: str, kind: str | None) -> bool:
    if word == "enum":
        return kind not in (None, "null", "array", "object")
    concerned = {
        "minLength": "string",
        "maxLength": "string",
        "pattern": "string",
        "minItems": "array",
        "maxItems": "array",
    }
    return kind in ("integer", "number") if word not in concerned else kind == concerned[word]


def with_null(schema: Schema, default: Any) -> Schema:
    """The schema, extended by ``None`` if the default is ``None``, because people often write ``x: int = None``."""
    return nullable(schema) if default is None and not takes_null(schema) else schema
