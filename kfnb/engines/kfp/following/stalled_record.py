"""A server that no longer records what a run does.

The server gets each change of a run's Workflow from an agent. One that it cannot store, as a text that its database does not take, it refuses for
ever, and then calls the run `RUNNING` although it has ended. The same happens when somebody deletes the Workflow. Nothing in an answer says so.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

from kfnb.engines.cluster.following.observed_steps import ObservedStep, timestamp_of
from kfnb.engines.cluster.lowering.jobs_and_blocks import Job

QUIET = 180.0  #: seconds without a change after which it is said: a driver takes seconds, and a pod some minutes when there is no room for it


def last_change(run: dict[str, Any], details: list[dict[str, Any]]) -> float | None:
    """When the server last recorded a change of a run."""
    entries = [e for part in (run, *details) for e in part.get("state_history") or ()]
    return max((t for e in entries if (t := timestamp_of(e.get("update_time"))) is not None), default=None)


def stalled_step(
    steps: list[ObservedStep], jobs: Collection[Job], ended: dict[str, float], changed: float | None
) -> ObservedStep | None:
    """The step that says that the server has recorded nothing for a while; none as long as a step may be running.

    Parameters
    ----------
    ended
        By the path of a step, when its log was seen to be complete.
    changed
        When the server last recorded a change.
    """
    if changed is None or any(s.state == "running" and s.path not in ended for s in steps):
        return None
    since = max((changed, *(ended[s.path] for s in steps if s.path in ended)))
    if time.time() - since < QUIET:
        return None
    known = {s.path.partition("[")[0] for s in steps}
    unseen = [ObservedStep(j.name, j, "pending", None, None, "", (), {}, False) for j in jobs if j.name not in known]
    unsettled = [s for s in steps if s.state in ("running", "pending")] or [j for j in unseen if not j.job.loops]
    first = min(unsettled, key=lambda s: s.job.position, default=None)
    return first.noted(_words(since)) if first is not None else None


def _words(since: float) -> str:
    moment = time.strftime("%H:%M", time.localtime(since))
    return (
        f"Kubeflow Pipelines has recorded no change of this run since {moment}: either the cluster has no room for the next pod, or the server "
        "cannot record what happens, and the run may have ended; the run's Workflow says which (`kubectl get workflows -l pipeline/runid`), and "
        "with `kubeconfig` or `context` in the target kfnb reads it"
    )
