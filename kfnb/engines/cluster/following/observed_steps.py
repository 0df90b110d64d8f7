"""What a cluster says of the steps of a run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from kfnb.engines.cluster.lowering.jobs_and_blocks import Job


@dataclass(frozen=True)
class Attempt:
    """One pod of a step."""

    number: int
    node: str  #: the node's id
    state: str
    started: float | None
    finished: float | None
    message: str


@dataclass(frozen=True)
class Seen:
    """What a cluster says of a step (an iteration has a path of its own)."""

    path: str
    job: Job
    state: str
    started: float | None
    finished: float | None
    message: str
    attempts: tuple[Attempt, ...]
    outputs: dict[str, str]
    omitted: bool  #: by the cluster, for whatever reason


def omitted(found: dict[str, Seen]) -> list[Seen]:
    """A cluster says Omitted of what waits in vain; for us that is `skipped`, but `omitted` behind a failure."""
    lost = {"failed", "cancelled", "omitted"}
    again = True
    while again:
        again = False
        for path, one in found.items():
            waited = {n for n, _ in one.job.depends}
            states = {s.state for s in found.values() if s.job.name in waited}
            if one.state == "skipped" and one.omitted and states & lost:
                found[path] = replace(one, state="omitted")
                again = True
    return list(found.values())


def when(text: str | None) -> float | None:
    """Seconds since 1970 of a time of Kubernetes'."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() if text else None
