"""Holds the answers of the server against what ``openapi.yaml`` says of them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

API = "/kfnb/api/v1"


@cache
def described() -> dict[str, Any]:
    """The description, its schemas in the form of JSON Schema: one that is nullable is that or null."""
    text = (Path(__file__).parents[2] / "kfnb" / "server" / "openapi.yaml").read_text("utf-8")
    found = _with_null(yaml.safe_load(text))
    assert isinstance(found, dict)
    return found


def _with_null(node: Any) -> Any:
    if isinstance(node, list):
        return [_with_null(one) for one in node]
    if not isinstance(node, dict):
        return node
    rest = {key: _with_null(value) for key, value in node.items() if key != "nullable"}
    return {"anyOf": [rest, {"type": "null"}]} if node.get("nullable") is True else rest


def check(method: str, path: str, status: int, answer: Any) -> None:
    """Raise unless an answer is as it is described. ``path`` begins after the version of the API."""
    templates = {re.sub(r"\{\w+\}", "[^/]+", t): t for t in described()["paths"]}
    whole = f"{API}/{path}".rstrip("/")
    template = next(t for pattern, t in templates.items() if re.fullmatch(pattern, whole))
    response = described()["paths"][template][method.lower()]["responses"][str(status)]
    name = response.get("$ref", "").rpartition("/")[2]
    response = described()["components"]["responses"][name] if name else response
    schema = response["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator({**schema, "components": described()["components"]}).validate(answer)
