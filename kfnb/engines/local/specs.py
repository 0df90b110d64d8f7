"""From a step that can run to the runtime's spec, and to the key under which its result may be kept."""

from __future__ import annotations

import hashlib
import json
import platform
from pathlib import Path
from typing import Any

from kfnb.engines.base import RunOptions
from kfnb.engines.local.decide import Ready
from kfnb.pipeline.model import Pipeline, Step


class Specs:
    """Makes specs for the steps of one run."""

    def __init__(self, pipeline: Pipeline, options: RunOptions, store: Path, folder: Path) -> None:
        self.options, self.store, self.folder = options, store, folder
        self._sources = dict(pipeline.sources)
        self._made = {(o.step, o.name): {"cell": o.cell, "line": o.line} for o in pipeline.makes}
        names = {n for s in pipeline.steps() for n in (*s.outputs, *(i.name for i in s.inputs))}
        self._seeded = [kind for kind in ("@random", "@numpy.random") if kind in names]
        self._needed: dict[str, list[dict[str, Any]]] = {}
        for origin in pipeline.needs:
            entry = {"step": origin.step, "cell": origin.cell, "line": origin.line}
            self._needed.setdefault(origin.name, []).append(entry)

    def spec(self, ready: Ready, attempt: int) -> dict[str, Any]:
        """The spec of one attempt. Secrets are not in it: a step inherits them from the environment kfnb was started in."""
        step = ready.step
        folder = self.folder / "steps" / ready.path / str(attempt)
        made = {n: self._made[step.name, n] for n in step.outputs if (step.name, n) in self._made}
        needed = {n: next((e for e in self._needed.get(n, ()) if e["step"] != step.name), {}) for n in step.outputs}
        cells = {c.cell for c in step.cells} | {i["run"]["cell"] for i in ready.prepare if "run" in i}
        cells |= {e["cell"] for e in needed.values() if e}
        return {
            "kfnb": 1, "step": step.name, "path": ready.path, "shell": step.shell, "prepare": list(ready.prepare),
            "cells": [{"cell": c.cell, "line": c.line, "cell_id": c.cell_id, "source": c.source} for c in step.cells],
            "outputs": list(step.outputs), "results": list(step.results),
            "exports": [{"name": e.name, "expression": e.expression, "metric": e.metric, "late": e.late} for e in step.exports],
            "shell_outputs": [{"name": o.name, "path": o.path} for o in step.shell_outputs], "command": _command(step),
            "sources": {str(c): self._sources[c] for c in sorted(cells) if c in self._sources},
            "made": made, "needed": {n: e for n, e in needed.items() if e},
            "watch": [k for k in self._seeded if k not in step.outputs and k not in {i.name for i in step.inputs}],
            "env": dict(step.settings.env),
            "cwd": str(folder / "work") if self.options.isolated else self.options.folder,
            "store": str(self.store), "folder": str(folder),
        }  # fmt: skip

    def key(self, ready: Ready) -> str:
        """The same for every attempt at the same code with the same inputs, image, packages and environment."""
        step = ready.step
        told = {
            "prepare": ready.prepare, "cells": [[c.source, c.line] for c in step.cells], "outputs": step.outputs,
            "exports": [[e.name, e.expression, e.metric] for e in step.exports], "shell": step.shell,
            "shell_outputs": [[o.name, o.path] for o in step.shell_outputs], "command": _command(step), "settings": _identity(step),
            "python": platform.python_version_tuple()[:2],
        }  # fmt: skip
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _command(step: Step) -> dict[str, Any] | None:
    """A container step's command, with the image that is said to have its program."""
    if step.command is None:
        return None
    return {"command": list(step.command.command), "args": list(step.command.args), "image": step.settings.image}


def _identity(step: Step) -> dict[str, Any]:
    """The settings that change what a step computes; retries and labels do not."""
    told = step.settings.to_json()
    return {k: told[k] for k in ("image", "packages", "env") if k in told}
