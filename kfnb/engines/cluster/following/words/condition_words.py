"""What an engine says of steps behind a condition that cannot be evaluated, which it cannot start.

Where one step decides a condition, its choice is the number of a branch, ``none``, or ``error: `` and the reason. An engine is given an
expression that fails on the reason and repeats it: Argo's controller with words of ours, and a driver of Kubeflow Pipelines because the
reason is none of the choices (cel-go `common/types/map.go`).
"""

from __future__ import annotations

import re
from typing import Any

from kfnb.engines.cluster.lowering.jobs_and_blocks import Job, condition_text
from kfnb.runtime.pods.handover.coded_text import decoded

WORDS = "kfnb condition %s says %s to Argo"
ON_ARGO = re.compile(WORDS % (r"(?P<condition>\S+)", "(?P<choice>.*?)"), re.DOTALL)
ON_KFP = re.compile("evaluation error: no such key: (?P<choice>.*)", re.DOTALL)
ERROR = "error: "


def condition_error(job: Job, message: str) -> dict[str, Any] | None:
    """The error of a step whose engine could not evaluate a condition around it; ``None`` when the message is about something else."""
    found = ON_ARGO.search(message) or (ON_KFP.search(message) if job.gates else None)
    if found is None:
        return None
    text = condition_text(job, found.groupdict().get("condition") or job.gates[-1].condition)
    why = decoded(found["choice"]).removeprefix(ERROR)
    return {
        "kind": "condition",
        "type": "TypeError",
        "message": f"the condition `{text}` cannot be evaluated: {why}",
    }
