"""Writes a pipeline as JSON and reads it: one object for each dataclass, with its ``kind``, without default values."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

from kfnb.pipeline import model
from kfnb.step_settings import Settings, ShellOutput

KINDS: dict[str, type] = {
    "constant": model.Constant, "parameter-value": model.ParameterRef, "output": model.OutputRef,
    "export-value": model.ExportRef, "item": model.ItemRef, "status": model.StatusRef, "collected": model.Collected, "merge": model.Merge,
    "compare": model.Compare, "truth": model.Truth, "not": model.Not, "all": model.All, "any": model.Any_,
    "code": model.Code, "input": model.Input, "replay": model.Replay, "export": model.Export,
    "shell-output": ShellOutput, "step": model.Step, "branch": model.Branch, "condition": model.Condition, "guard": model.Guard, "command": model.Command,
    "loop": model.Loop, "parameter": model.Parameter, "edge": model.Edge, "origin": model.Origin,
    "pipeline": model.Pipeline,
}  # fmt: skip
NAMES = {kind: name for name, kind in KINDS.items()}
RAW = {"value", "default", "schema"}  # these fields hold a JSON value of the user, which stays as it is


class SchemaError(ValueError):
    """The JSON is not a pipeline of this schema."""


def to_json(pipeline: model.Pipeline) -> dict[str, Any]:
    """Write a pipeline as a JSON object. `from_json` turns it back into an equal pipeline."""
    return {"schema": model.SCHEMA, **encode(pipeline)}


def from_json(data: dict[str, Any]) -> model.Pipeline:
    """Read a pipeline that `to_json` wrote.

    Raises
    ------
    SchemaError
        When the object is of another schema or not a pipeline.
    """
    if not isinstance(data, dict) or data.get("schema") != model.SCHEMA:
        found = data.get("schema") if isinstance(data, dict) else type(data).__name__
        raise SchemaError(f"this is not a pipeline of schema {model.SCHEMA} (found: {found})")
    decoded = decode({k: v for k, v in data.items() if k != "schema"})
    if not isinstance(decoded, model.Pipeline):
        raise SchemaError("the JSON object is not a pipeline")
    return decoded


def encode(value: Any) -> Any:
    """Turn dataclasses of the model into objects with a ``kind``, and tuples into lists."""
    if isinstance(value, Settings):
        return value.to_json()
    if is_dataclass(value):
        out: dict[str, Any] = {"kind": NAMES[type(value)]}
        for f in fields(value):
            item = getattr(value, f.name)
            if not _is_default(f, item):
                out[f.name] = item if f.name in RAW else encode(item)
        return out
    if isinstance(value, tuple):
        return [encode(v) for v in value]
    return value


def decode(value: Any) -> Any:
    """Turn the result of `encode` back into the model."""
    if isinstance(value, list):
        return tuple(decode(v) for v in value)
    if not isinstance(value, dict):
        return value
    try:
        kind = KINDS[value["kind"]]
        fields_by_name = {
            k: v if k in RAW else Settings.from_json(v) if k == "settings" else decode(v)
            for k, v in value.items()
            if k != "kind"
        }
        return kind(**fields_by_name)
    except (KeyError, TypeError) as e:
        raise SchemaError(f"not a part of a pipeline: {value.get('kind', value)} ({e})") from e


def _is_default(f: Field[Any], item: Any) -> bool:
    if f.default is not MISSING:
        return bool(item == f.default and type(item) is type(f.default))
    return f.default_factory is not MISSING and bool(item == f.default_factory())
