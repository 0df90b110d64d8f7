"""Which marks `cpu` and `memory` nothing on this machine keeps steps to."""

from __future__ import annotations

from collections.abc import Collection

from kfnb.engines.local.limits.memory_watch import can_watch
from kfnb.engines.local.limits.step_groups import StepGroups
from kfnb.pipeline.model import Pipeline
from kfnb.problems import Problem

NAMES = ("cpu", "memory")  #: of the marks, and of what limits them in control groups


def limit_problems(pipeline: Pipeline) -> list[Problem]:
    """One warning for all marks that a run without containers cannot keep steps to."""
    groups = StepGroups.find()
    kept = {*(groups.controllers if groups is not None else ()), *(("memory",) if can_watch() else ())}
    marks = _marks(pipeline, kept)
    if not marks:
        return []
    hint = "containers keep them to it: `--containers`, or in JupyterLab the target `local, in containers`; without, they may use all of this machine"
    return [Problem("KF742", f"without containers, nothing on this machine keeps steps to the marks {marks}", hint)]


def container_limit_problems(pipeline: Pipeline, tool: str, kept: Collection[str]) -> list[Problem]:
    """The same for containers of a tool that can only limit what is in ``kept``."""
    marks = _marks(pipeline, kept)
    if not marks:
        return []
    hint = "delegate these control groups to your user (cgroup v2; for systemd, `Delegate=cpu memory` of `user@.service`), or ask your administrator to"
    return [
        Problem("KF742", f"{tool} cannot keep steps to the marks {marks}, because it may not limit them here", hint)
    ]


def has_limits(pipeline: Pipeline) -> bool:
    """Whether a step has one of these marks."""
    return any(s.settings.cpu or s.settings.memory for s in pipeline.steps())


def _marks(pipeline: Pipeline, kept: Collection[str]) -> str:
    """The marks that are not kept to, each with its steps."""
    steps: dict[str, list[str]] = {}
    for step in pipeline.steps():
        for name, value in zip(NAMES, (step.settings.cpu, step.settings.memory), strict=True):
            if value and name not in kept:
                steps.setdefault(f"{name}:{value}", []).append(step.name)
    return ", ".join(f"`{mark}` ({', '.join(names)})" for mark, names in steps.items())
