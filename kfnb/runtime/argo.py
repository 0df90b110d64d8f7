"""A step in a pod of Argo Workflows: files in, files out."""

from __future__ import annotations

import os

from kfnb.runtime import given as engine
from kfnb.runtime.resolve import Given
from kfnb.runtime.wire import loads

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

FOLDER = "/tmp/kfnb"  #: where Argo puts inputs and looks for outputs


def main(told: dict[str, Any], folder: str = FOLDER) -> int:
    """Run the step ``told`` of with what Argo put into ``folder``."""
    from kfnb.runtime.pod import run_pod

    with open(os.path.join(folder, "in", "given.json"), encoding="utf-8") as file:
        found = engine.split(told, loads(file.read()))
    parameters, items, statuses = engine.values(told, found)
    packs = {n: _paths(text, os.path.join(folder, "packs", n), told) for n, text in found["pack"].items()}
    out: dict[str, Any] = {"values": _out(folder, "values") if told.get("limit") else "", "small": _Small(folder)}
    out["limit"] = told.get("limit")
    return run_pod(
        told, Given(parameters, items, statuses, packs, found["choice"], found["text"], told.get("names")), out
    )


class _Small(dict):  # type: ignore[type-arg]
    """The path of every small output."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder

    def __missing__(self, name: str) -> str:
        return _out(self._folder, name)


def _out(folder: str, name: str) -> str:
    return os.path.join(folder, "out", name)


def _paths(text: Any, path: str, told: dict[str, Any]) -> list[str]:
    """The packs that a text holds: one, none, or those of a loop's iterations as a JSON list, at any depth."""
    if isinstance(text, str) and text.startswith("["):
        text = loads(text)
    if isinstance(text, list):
        return [p for n, one in enumerate(text) for p in _paths(one, "%s-%d" % (path, n), told)]
    if not text:
        return []
    from binascii import a2b_base64

    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(a2b_base64(text[2:]))
    return [path]
