"""From the API's task details to the nodes that they are of: the API leaves out where a node stands and what its pod is called.

A detail has a display name and the ids of the nodes that come after it; an id is the workflow's name and the FNV-1a hash of the
node's full name (argo-workflows `workflow/util/pod_name.go`, `pkg/apis/workflow/v1alpha1` ``NodeID``). So the full names can be
found again: a name is right when its id is one of those that were told. What the backend makes of a step ``train`` is
``….train-driver`` and ``….train``, the latter a DAG around ``….train.executor`` and, where steps are tried again,
``….train.executor(0)`` and so on.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any

Json = dict[str, Any]
EXECUTOR = "executor"
TRY = re.compile(r"executor(?:\((\d+)\))?")  #: what stands in a step's DAG
PHASES = {
    "PENDING": "Pending", "RUNNING": "Running", "SUCCEEDED": "Succeeded", "SKIPPED": "Skipped", "FAILED": "Failed",
    "CANCELING": "Running", "CANCELED": "Failed", "PAUSED": "Pending", "CACHED": "Succeeded", "ERROR": "Error",
}  # fmt: skip


def nodes_told(details: list[Json], steps: Collection[str]) -> dict[str, Json]:
    """The nodes as a Workflow's status has them. ``steps``: the tasks that are steps."""
    ids = {c["pod_name"] for d in details for c in d.get("child_tasks") or () if c.get("pod_name")}
    if not ids:
        return {}
    root = min(ids).rpartition("-")[0]
    names = {d.get("display_name", "") for d in details}
    found = _named(root, ids, names, steps)
    placed = _placed(details, found)
    skipped = {
        d.get("start_time") for d in details if d.get("display_name") == EXECUTOR and d.get("state") == "SKIPPED"
    }
    nodes: dict[str, Json] = {}
    inside: dict[str, list[tuple[int, str, str]]] = {}
    for node, (boundary, shown) in found.items():
        if boundary and found[boundary][1] in steps:
            inside.setdefault(boundary, []).append((_order(shown), node, shown))
        elif node in placed:
            nodes[node] = _node(node, boundary, shown, placed[node])
    for step in [n for n in nodes.values() if n["displayName"] in steps]:
        cached = step["startedAt"] in skipped and step["startedAt"] == step["finishedAt"]
        nodes.update(_pods(step, [(n, shown) for _, n, shown in sorted(inside.get(step["id"], ()))], cached))
    return nodes


def _named(root: str, ids: set[str], names: set[str], steps: Collection[str]) -> dict[str, tuple[str, str]]:
    """By the id of a node: the id of the DAG that it stands in, and its display name."""
    tries = {n for n in names if TRY.fullmatch(n)}
    tasks = names - tries | names & set(steps)
    found: dict[str, tuple[str, str]] = {root: ("", root)}
    left = [(root, root, False)]
    while left:
        boundary, name, in_step = left.pop()
        prefix = _hash(f"{name}.")
        for shown in tries if in_step else tasks:
            node = f"{root}-{_hash(shown, prefix)}"
            if node in ids and node not in found:
                found[node] = (boundary, shown)
                step = shown in steps
                if not in_step and (step or not shown.endswith("-driver")):
                    left.append((node, f"{name}.{shown}", step))
    return found


def _hash(text: str, start: int = 2166136261) -> int:
    """FNV-1a, 32 bits, going on from ``start``."""
    for byte in text.encode():
        start = ((start ^ byte) * 16777619) & 0xFFFFFFFF
    return start


def _placed(details: Iterable[Json], found: dict[str, tuple[str, str]]) -> dict[str, Json]:
    """Which detail is of which node: the one whose followers stand in the node; where there are none, one of the same name."""
    free: dict[str, list[str]] = {}
    for node, (_, shown) in found.items():
        free.setdefault(shown, []).append(node)
    placed: dict[str, Json] = {}
    rest: list[Json] = []
    for detail in details:
        shown = detail.get("display_name", "")
        around = {found[c["pod_name"]][0] for c in detail.get("child_tasks") or () if c.get("pod_name") in found}
        mine = [n for n in free.get(shown, ()) if n in around]
        if mine:
            placed[mine[0]] = detail
        else:
            rest.append(detail)
    for detail in rest:
        left = [n for n in free.get(detail.get("display_name", ""), ()) if n not in placed]
        if left:
            placed[left[0]] = detail
    return placed


def _node(node: str, boundary: str, shown: str, detail: Json) -> Json:
    state = detail.get("state")
    ended = bool(detail.get("end_time"))
    phase = PHASES.get(state or "", "Omitted" if ended else "Pending")
    return {
        "id": node, "displayName": shown, "boundaryID": boundary, "type": "Skipped" if phase in ("Skipped", "Omitted") else "DAG",
        "phase": phase, "startedAt": detail.get("start_time"), "finishedAt": detail.get("end_time"),
        "message": (detail.get("error") or {}).get("message", ""), "children": [],
    }  # fmt: skip


def _order(shown: str) -> int:
    match = TRY.fullmatch(shown)
    return int(match[1]) if match is not None and match[1] else -1


def _pods(step: Json, inside: list[tuple[str, str]], cached: bool) -> dict[str, Json]:
    """The nodes in a step's DAG: its pod, or the pods that were tried one after another. The last one is where the step is."""
    found: dict[str, Json] = {}
    tries = [i for i, shown in inside if shown != EXECUTOR] or [i for i, _ in inside]
    for node, shown in inside:
        last = node == tries[-1]
        kind = "Pod" if node in tries else "Retry"
        if cached:
            kind = "Skipped"
        phase = step["phase"] if last or kind == "Retry" else "Failed"
        found[node] = {
            **step, "id": node, "displayName": shown, "boundaryID": step["id"], "type": kind, "phase": phase,
            "children": tries if kind == "Retry" else [],
        }  # fmt: skip
    return found
