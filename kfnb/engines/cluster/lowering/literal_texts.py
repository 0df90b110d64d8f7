"""Literal texts of values, in a form that an engine does not change (see `kfnb.runtime.pods.handover.coded_text`)."""

from __future__ import annotations

import json
from typing import Any

from kfnb.pipeline.model import Pipeline
from kfnb.runtime.pods.handover.coded_text import coded, coded_for_database, has_syntax, plain_json


def parameter_text(value: Any, kind: str) -> str:
    """The value of a parameter as a text: a text in its coded form, other values as JSON."""
    if kind == "str" and isinstance(value, str):
        return coded(value)
    text = json.dumps(value, ensure_ascii=False)
    return plain_json(value) if has_syntax(text) else text


def integer_defaults(pipeline: Pipeline) -> dict[str, int]:
    """The float parameters whose default is an integer. Engines cannot distinguish ``1`` from ``1.0``, and the notebook's value is ``1``."""
    return {p.name: p.default for p in pipeline.parameters if p.type == "float" and type(p.default) is int}


def coded_texts(value: Any) -> Any:
    """A list or object with each text in it coded. Kubeflow Pipelines takes the value itself, not its JSON."""
    if isinstance(value, list):
        return [coded_texts(v) for v in value]
    if isinstance(value, dict):
        return {coded_texts(k): coded_texts(v) for k, v in value.items()}
    return coded_for_database(value) if isinstance(value, str) else value


def kfp_value(value: Any, kind: str) -> Any:
    """The value of a parameter in the form of Kubeflow Pipelines, whose parameters have types."""
    if kind == "str" and isinstance(value, str):
        return coded_for_database(value)
    return plain_json(value) if kind in ("str", "any") else coded_texts(value)
