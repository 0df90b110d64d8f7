"""The part of a step's spec that is known before the run."""

from __future__ import annotations

import re
from typing import Any

from kfnb.pipeline.model import Code, Pipeline, Replay, Step

HISTORY = re.compile(r"(?<![\w.])(?:_{1,3}|_\d+|_i+\d*|_oh|_ih|Out|In)(?!\w)")


class StaticSpecs:
    """Creates the specs of the steps of one pipeline, without values, paths and folders."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._sources = dict(pipeline.sources)
        self._definitions = {(o.step, o.name): {"cell": o.cell, "line": o.line} for o in pipeline.makes}
        names = {n for s in pipeline.steps() for n in (*s.outputs, *(i.name for i in s.inputs))}
        self._seeded = [kind for kind in ("@random", "@numpy.random") if kind in names]
        self._secrets = sorted({s.env for step in pipeline.steps() for s in step.settings.secrets})
        self._uses: dict[str, list[dict[str, Any]]] = {}
        for origin in pipeline.needs:
            entry = {"step": origin.step, "cell": origin.cell, "line": origin.line}
            self._uses.setdefault(origin.name, []).append(entry)

    def spec(self, step: Step) -> dict[str, Any]:
        """The spec of a step. It names the variables of secrets and has no values: a step inherits them with its environment."""
        definitions = {n: self._definitions[step.name, n] for n in step.outputs if (step.name, n) in self._definitions}
        uses = {n: next((e for e in self._uses.get(n, ()) if e["step"] != step.name), {}) for n in step.outputs}
        cells = {c.cell for c in step.cells} | {i.code.cell for i in step.prepare if isinstance(i, Replay)}
        cells |= {e["cell"] for e in uses.values() if e}
        inputs = {i.name for i in step.inputs}
        return {
            "kfnb": 1, "step": step.name, "shell": step.shell,
            "cells": [_cell(c) for c in step.cells], **({"history": True} if _looks_back(step) else {}),
            "outputs": list(step.outputs), "results": list(step.results),
            "exports": [{"name": e.name, "expression": e.expression, "metric": e.metric, "late": e.late} for e in step.exports],
            "shell_outputs": [{"name": o.name, "path": o.path} for o in step.shell_outputs], "command": command_of(step),
            "sources": {str(c): self._sources[c] for c in sorted(cells) if c in self._sources},
            "made": definitions, "needed": {n: e for n, e in uses.items() if e},
            "unnamed": [n for n, e in uses.items() if self._uses and not e and not n.startswith("@")],
            "watch": [k for k in self._seeded if k not in step.outputs and k not in inputs],
            "env": dict(step.settings.env), **({"secrets": self._secrets} if self._secrets else {}),
        }  # fmt: skip


def _cell(code: Code) -> dict[str, Any]:
    entry = {"cell": code.cell, "line": code.line, "cell_id": code.cell_id, "source": code.source}
    return {**entry, "raises": True} if code.raises else entry


def _looks_back(step: Step) -> bool:
    """Whether the step may read displayed values or the text of cells, so that the runtime has to keep them."""
    return any(HISTORY.search(c.source) for c in step.cells) or any(map(HISTORY.fullmatch, step.outputs))


def replayed(item: Replay) -> dict[str, Any]:
    """The entry of ``prepare`` that runs shared code again."""
    code = item.code
    return {"run": {"cell": code.cell, "line": code.line, "cell_id": code.cell_id, "source": code.source}}


def command_of(step: Step) -> dict[str, Any] | None:
    """A container step's command, with the image that should have its program."""
    if step.command is None:
        return None
    return {"command": list(step.command.command), "args": list(step.command.args), "image": step.settings.image}
