"""Why no node takes a pod: the scheduler counts the nodes for each reason (kubernetes `pkg/scheduler/framework/types.go`)."""

from __future__ import annotations

import re
from typing import Any

from kfnb.engines.cluster.following.words.image_words import own_words

NODES = re.compile(r"^0/(\d+) nodes are available: (.*)$", re.DOTALL)
SHORT = re.compile(r"Insufficient ([\w./-]*\w)")
CLAIM_MISSING = re.compile(r'persistentvolumeclaim "([^"]+)" not found')
TAINT = re.compile(r"untolerated taint\(?s?\)? ?\{([^}]*)\}")
WHAT = {"cpu": "processors (`cpu`)", "memory": "memory (`memory`)", "ephemeral-storage": "disk space"}


def scheduling_words(message: str, pod: dict[str, Any]) -> str:
    """Why no node can take the pod, and what to change."""
    found = NODES.match(message)
    causes = found[2] if found else message
    count = int(found[1]) if found else 0
    said = (
        f" ({own_words(causes.split(' preemption:')[0].removesuffix(' no new claims to deallocate,').rstrip(' .,'))})"
    )
    missing = CLAIM_MISSING.search(message)
    if missing is not None:
        return f"the claim `{missing[1]}` does not exist in its namespace: create it, or correct the mark `volume`"
    if "unbound immediate PersistentVolumeClaims" in message or "didn't find available persistent volumes" in message:
        names = ", ".join(f"`{n}`" for n in claims_of(pod)) or "its volume"
        return f"the claim {names} has no storage yet: its storage class has not made a volume, or does not exist"
    whole = "the node" if count == 1 else "no node"
    parts = [_part(name, pod) for name in dict.fromkeys(SHORT.findall(causes))]
    if re.search(r"didn't match Pod's node affinity|didn't match node selector|MatchNodeSelector", causes):
        selector = ", ".join(f"{k}={v}" for k, v in ((pod.get("spec") or {}).get("nodeSelector") or {}).items())
        parts.append(f"the labels that the mark `node` asks for{f' ({selector})' if selector else ''}")
    taint = TAINT.search(causes)
    if taint is not None:
        parts.append(f"no taint that the step does not tolerate ({taint[1].rstrip(': ')}; the mark `toleration`)")
    if not parts:
        return f"no node can take its pod{said}"
    verb = "does not have" if count == 1 else "has"
    return f"{whole} {verb} {' and '.join(parts)}{said}"


def _part(resource: str, pod: dict[str, Any]) -> str:
    asked = _asked(resource, pod)
    what = WHAT.get(resource, f"`{resource}`")
    return f"{asked} free {what}" if asked else f"enough free {what}"


def _asked(resource: str, pod: dict[str, Any]) -> str:
    """How much of a resource the step asks for."""
    for container in (pod.get("spec") or {}).get("containers") or ():
        if container.get("name") == "main":
            resources = container.get("resources") or {}
            for kind in ("requests", "limits"):
                if resource in (resources.get(kind) or {}):
                    return str(resources[kind][resource])
    return ""


def claims_of(pod: dict[str, Any]) -> list[str]:
    """The names of the claims that a pod mounts."""
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    return [v["persistentVolumeClaim"]["claimName"] for v in volumes if "persistentVolumeClaim" in v]
