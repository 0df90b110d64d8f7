"""From a step that can run to the runtime's spec, and to the key under which its result may be kept."""

from __future__ import annotations

import hashlib
import json
import platform
import secrets
from pathlib import Path
from typing import Any

from kfnb.engines.engine_interface import RunOptions
from kfnb.engines.local.scheduling.run_state import Ready
from kfnb.engines.step_spec import StaticSpecs, command_of
from kfnb.pipeline.model import Pipeline, Step


class Specs:
    """Makes specs for the steps of one run."""

    def __init__(self, pipeline: Pipeline, options: RunOptions, store: Path, folder: Path) -> None:
        self.options, self.store, self.folder = options, store, folder
        self._static = StaticSpecs(pipeline)

    def spec(self, ready: Ready, attempt: int) -> dict[str, Any]:
        """The spec of one attempt."""
        folder = self.folder / "steps" / ready.path / str(attempt)
        return {
            **self._static.spec(ready.step), "path": ready.path, "prepare": list(ready.prepare),
            "cwd": str(folder / "work") if self.options.isolated else self.options.folder,
            "store": str(self.store), "folder": str(folder), "mark": secrets.token_hex(8) if len(ready.step.cells) > 1 else "",
        }  # fmt: skip

    def key(self, ready: Ready) -> str:
        """The same for every attempt at the same code with the same inputs, image, packages and environment."""
        step = ready.step
        told = {
            "prepare": ready.prepare, "cells": [[c.source, c.line, *([True] if c.raises else [])] for c in step.cells], "outputs": step.outputs,
            "exports": [[e.name, e.expression, e.metric] for e in step.exports], "shell": step.shell,
            "shell_outputs": [[o.name, o.path] for o in step.shell_outputs], "command": command_of(step), "settings": _identity(step),
            "python": self.options.python or platform.python_version_tuple()[:2],
        }  # fmt: skip
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _identity(step: Step) -> dict[str, Any]:
    """The settings that change what a step computes; retries and labels do not."""
    told = step.settings.to_json()
    return {k: told[k] for k in ("image", "packages", "env") if k in told}
