"""Which marks `cpu` and `memory` nothing on this machine keeps steps to."""

from __future__ import annotations

from kfnb.engines.local.limits.memory_watch import can_watch
from kfnb.engines.local.limits.step_groups import StepGroups
from kfnb.pipeline.model import Pipeline
from kfnb.problems import Problem


def limit_problems(pipeline: Pipeline) -> list[Problem]:
    """One warning for all marks that a run without containers cannot keep steps to."""
    groups = StepGroups.find()
    kept = set(groups.controllers) if groups is not None else set()
    kept |= {"memory"} if can_watch() else set()
    steps: dict[str, list[str]] = {}
    for step in pipeline.steps():
        for name, value in (("cpu", step.settings.cpu), ("memory", step.settings.memory)):
            if value and name not in kept:
                steps.setdefault(f"{name}:{value}", []).append(step.name)
    if not steps:
        return []
    marks = ", ".join(f"`{mark}` ({', '.join(names)})" for mark, names in steps.items())
    hint = "`--containers` keeps them to it; without, they may use all of this machine"
    return [Problem("KF742", f"without containers, nothing on this machine keeps steps to the marks {marks}", hint)]
