"""The runtime's spec of a step that is ready, and the key under which its result is cached."""

from __future__ import annotations

import hashlib
import json
import platform
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kfnb.engines.engine_interface import RunOptions
from kfnb.engines.local.scheduling.run_state import ReadyStep
from kfnb.engines.static_step_spec import StaticSpecs, command_of
from kfnb.pipeline.model import Pipeline, StatusRef, Step
from kfnb.runs.retention.prune_runs import PACKAGES

if TYPE_CHECKING:
    from kfnb.engines.local.containers.container_plan import ContainerPlan
    from kfnb.runs.run_environment import RunEnvironment


class StepSpecs:
    """Creates the specs and cache keys of the steps of one run.

    ``environment`` is what steps in containers get; without containers, who starts the run knows what they have.
    """

    def __init__(self, pipeline: Pipeline, options: RunOptions, store: Path, folder: Path) -> None:
        self.options, self.store, self.folder = options, store, folder
        self._static = StaticSpecs(pipeline)
        self._plans: dict[str, ContainerPlan] = {}
        self.environment: RunEnvironment | None = None
        self._packages: dict[str, dict[str, Any]] = {}
        # What finds requirements takes longer to import than a small step to run.
        if options.containers is not None:
            from kfnb.engines.local.containers.container_plan import container_plans

            plans = container_plans(pipeline, options, store.parent)
            self._plans, self.environment = plans.by_step, plans.environment
        elif any(step.settings.packages for step in pipeline.steps()):
            from kfnb.engines.local.scheduling.marked_packages import marked_packages

            self._packages = marked_packages(pipeline, options, store.parent / PACKAGES)

    def spec(self, ready: ReadyStep, attempt: int) -> dict[str, Any]:
        """The spec of one attempt."""
        folder = self.folder / "steps" / ready.path / str(attempt)
        plan = self._plans.get(ready.step.name)
        return {
            **({"container": plan.to_json()} if plan is not None else {}),
            **({"packages": self._packages[ready.step.name]} if ready.step.name in self._packages else {}),
            **self._static.spec(ready.step), "path": ready.path, "prepare": list(ready.prepare),
            "cwd": str(folder / "work") if self.options.isolated else self.options.folder,
            "store": str(self.store), "folder": str(folder), "mark": secrets.token_hex(8) if len(ready.step.cells) > 1 else "",
        }  # fmt: skip

    def key(self, ready: ReadyStep) -> str:
        """The cache key of a step. It depends on the code, the inputs, the image, the packages and the environment."""
        step = ready.step
        identity = {
            "prepare": ready.prepare, "cells": [[c.source, c.line, *([True] if c.raises else [])] for c in step.cells], "outputs": step.outputs,
            "exports": [[e.name, e.expression, e.metric] for e in step.exports], "shell": step.shell,
            "shell_outputs": [[o.name, o.path] for o in step.shell_outputs], "command": command_of(step), "settings": _settings(step),
            "python": self._python(step),
        }  # fmt: skip
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()

    def _python(self, step: Step) -> Any:
        """What runs the step: an image or an interpreter."""
        if step.name in self._plans:
            plan = self._plans[step.name]
            return {"image": plan.built or plan.image, **({"locked": sorted(plan.packages)} if plan.hashes else {})}
        return self.options.python or platform.python_version_tuple()[:2]

    def handler_key(self, ready: ReadyStep, attempts: Mapping[str, int]) -> str:
        """The key of an exit handler's step. It depends on which ``attempts`` the guarded steps had, by their paths."""
        key = self.key(_without_times(ready))
        parts = [key, *(f"{path} {attempts[path]}" for path in sorted(attempts))]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _settings(step: Step) -> dict[str, Any]:
    """The settings that change what a step computes. Retries and labels are not among them."""
    settings = step.settings.to_json()
    return {k: settings[k] for k in ("image", "packages", "env") if k in settings}


def _without_times(ready: ReadyStep) -> ReadyStep:
    """A handler's step without the times in the run's status, which differ although nothing else does."""
    names = {i.name for i in ready.step.inputs if isinstance(i.ref, StatusRef)}
    prepare = [
        {**p, "json": {k: v for k, v in p["json"].items() if k not in ("started", "duration")}}
        if p.get("value") in names
        else p
        for p in ready.prepare
    ]
    return replace(ready, prepare=tuple(prepare))
