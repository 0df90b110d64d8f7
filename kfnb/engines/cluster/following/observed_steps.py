"""The observed state of steps, as a cluster reports it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from kfnb.engines.cluster.lowering.jobs_and_blocks import Job, names_before


@dataclass(frozen=True)
class Attempt:
    """One pod of a step."""

    number: int
    node: str  #: the node's id
    state: str
    started: float | None
    finished: float | None
    message: str
    template: str = ""  #: the template of the pod, where the engine cannot find it from the step


@dataclass(frozen=True)
class ObservedStep:
    """The state of a step, or of one iteration of it, as the cluster reports it."""

    path: str
    job: Job
    state: str
    started: float | None
    finished: float | None
    message: str
    attempts: tuple[Attempt, ...]
    outputs: dict[str, str]
    omitted: bool  #: whether the cluster says Omitted, for whatever reason
    pod: tuple[
        str, ...
    ] = ()  #: the paths of the steps that share its pod, in their order; empty when it has a pod of its own

    @property
    def shown_path(self) -> str:
        """The path of the step that the user sees: of the one that it helps, if kfnb added it."""
        return self.job.helps + self.path[len(self.job.name) :] if self.job.helps else self.path

    def waiting(self, text: str) -> ObservedStep:
        """The step as one that waits for something."""
        return replace(self, state="pending", message=text)

    def noted(self, text: str) -> ObservedStep:
        """The step in the same state, with what is to be said of it."""
        return replace(self, message=text)

    def failed(self, text: str) -> ObservedStep:
        """The step as one that has failed for a reason."""
        return replace(self, state="failed", message=text, omitted=False)


def mark_omitted(steps: dict[str, ObservedStep]) -> list[ObservedStep]:
    """Distinguish skipped steps from omitted ones.

    A cluster reports Omitted for every step that can no longer start. kfnb calls such a step `omitted` only when it depends on a step that
    failed, and `skipped` otherwise.
    """
    blocked = {"failed", "cancelled", "omitted"}
    changed = True
    while changed:
        changed = False
        for path, step in steps.items():
            dependencies = names_before(step.job)
            states = {s.state for s in steps.values() if s.job.name in dependencies}
            if step.state == "skipped" and step.omitted and states & blocked:
                steps[path] = replace(step, state="omitted")
                changed = True
    return list(steps.values())


def timestamp_of(text: str | None) -> float | None:
    """A time in Kubernetes' form as seconds since 1970."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() if text else None
