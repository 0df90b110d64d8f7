"""Literal texts of values, in which everything that an engine would read as its own syntax is escaped."""

from __future__ import annotations

import json
from typing import Any

from kfnb.pipeline.model import Pipeline
from kfnb.runtime.pods.engine_inputs import ESCAPED
from kfnb.runtime.pods.pod_step import plain_json

ENGINE_SYNTAX = ("{{", "$(", "$$")  #: Argo's templates, kubelet's variables, kubelet's escape


def parameter_text(value: Any, kind: str) -> str:
    """The value of a parameter as a text. A text stays as it is, other values become JSON, and an engine's own syntax is escaped."""
    if kind != "str" or not isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
        return plain_json(value) if has_engine_syntax(text) else text
    return ESCAPED + plain_json(value) if has_engine_syntax(value) or value.startswith(ESCAPED) else value


def integer_defaults(pipeline: Pipeline) -> dict[str, int]:
    """The float parameters whose default is an integer. Engines cannot distinguish ``1`` from ``1.0``, and the notebook's value is ``1``."""
    return {p.name: p.default for p in pipeline.parameters if p.type == "float" and type(p.default) is int}


def has_engine_syntax(text: str) -> bool:
    """Whether a text contains something that an engine would replace."""
    return any(sign in text for sign in ENGINE_SYNTAX)


def escape_texts(value: Any) -> Any:
    """A list or object with each text in it escaped. Kubeflow Pipelines takes the value itself, not its JSON."""
    if isinstance(value, list):
        return [escape_texts(v) for v in value]
    if isinstance(value, dict):
        return {escape_texts(k): escape_texts(v) for k, v in value.items()}
    return parameter_text(value, "str") if isinstance(value, str) else value


def kfp_value(value: Any, kind: str) -> Any:
    """The value of a parameter in the form of Kubeflow Pipelines, whose parameters have types."""
    return parameter_text(value, kind) if kind in ("str", "any") else escape_texts(value)
