"""From the REST API's task details to Workflow nodes: the API leaves out each node's parent and the name of its pod.

A detail has a display name and the ids of the nodes that come after it; an id is the workflow's name and the FNV-1a hash of the
node's full name (argo-workflows `workflow/util/pod_name.go`, `pkg/apis/workflow/v1alpha1` ``NodeID``). So the full names can be
recovered: a name is right when the API lists its id. The backend turns a step ``train`` into ``….train-driver`` and ``….train``. The
latter is a DAG around ``….train.executor``, and around ``….train.executor(0)`` and so on when the step has retries.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any

from kfnb.engines.cluster.following.observed_steps import timestamp_of

Json = dict[str, Any]
EXECUTOR = "executor"
ATTEMPT = re.compile(r"executor(?:\((\d+)\))?")  #: the names of the nodes inside a step's DAG
PHASES = {
    "PENDING": "Pending", "RUNNING": "Running", "SUCCEEDED": "Succeeded", "SKIPPED": "Skipped", "FAILED": "Failed",
    "CANCELING": "Running", "CANCELED": "Failed", "PAUSED": "Pending", "CACHED": "Succeeded", "ERROR": "Error",
}  # fmt: skip


def nodes_from_details(details: list[Json], steps: Collection[str]) -> dict[str, Json]:
    """The nodes in the form of a Workflow's status. ``steps`` are the tasks that are steps."""
    ids = {c["pod_name"] for d in details for c in d.get("child_tasks") or () if c.get("pod_name")}
    if not ids:
        return {}
    root = min(ids).rpartition("-")[0]
    names = {d.get("display_name", "") for d in details}
    tree = _find_nodes(root, ids, names, steps)
    matched = _match_details(details, tree)
    skipped = {
        d.get("start_time") for d in details if d.get("display_name") == EXECUTOR and d.get("state") == "SKIPPED"
    }
    nodes: dict[str, Json] = {}
    inside: dict[str, list[tuple[int, str, str]]] = {}
    for node, (boundary, display_name) in tree.items():
        if boundary and tree[boundary][1] in steps:
            inside.setdefault(boundary, []).append((_order(display_name), node, display_name))
        elif node in matched:
            nodes[node] = _node(node, boundary, display_name, matched[node])
    for step in [n for n in nodes.values() if n["displayName"] in steps]:
        cached = step["startedAt"] in skipped and step["startedAt"] == step["finishedAt"]
        nodes.update(
            _pods(step, [(n, display_name) for _, n, display_name in sorted(inside.get(step["id"], ()))], cached)
        )
    return nodes


def _find_nodes(root: str, ids: set[str], names: set[str], steps: Collection[str]) -> dict[str, tuple[str, str]]:
    """By the id of a node: the id of the DAG that it stands in, and its display name."""
    tries = {n for n in names if ATTEMPT.fullmatch(n)}
    tasks = names - tries
    tree: dict[str, tuple[str, str]] = {root: ("", root)}
    pending = [(root, root, False)]
    while pending:
        boundary, name, in_step = pending.pop()
        prefix = _hash(f"{name}.")
        for display_name in tries if in_step else tasks:
            node = f"{root}-{_hash(display_name, prefix)}"
            if node in ids and node not in tree:
                tree[node] = (boundary, display_name)
                step = display_name in steps
                if not in_step and (step or not display_name.endswith("-driver")):
                    pending.append((node, f"{name}.{display_name}", step))
    return tree


def _hash(text: str, start: int = 2166136261) -> int:
    """The FNV-1a hash with 32 bits, continued from ``start``."""
    for byte in text.encode():
        start = ((start ^ byte) * 16777619) & 0xFFFFFFFF
    return start


def _match_details(details: Iterable[Json], tree: dict[str, tuple[str, str]]) -> dict[str, Json]:
    """The detail of each node: the one whose child tasks are in the same DAG, or one with the same name when it has no child tasks."""
    free: dict[str, list[str]] = {}
    for node, (_, display_name) in tree.items():
        free.setdefault(display_name, []).append(node)
    matched: dict[str, Json] = {}
    rest: list[Json] = []
    for detail in details:
        display_name = detail.get("display_name", "")
        around = {tree[c["pod_name"]][0] for c in detail.get("child_tasks") or () if c.get("pod_name") in tree}
        candidates = [n for n in free.get(display_name, ()) if n in around]
        if candidates:
            matched[candidates[0]] = detail
        else:
            rest.append(detail)
    for detail in rest:
        pending = [n for n in free.get(detail.get("display_name", ""), ()) if n not in matched]
        if pending:
            matched[pending[0]] = detail
    return matched


def time_of(text: str | None) -> str | None:
    """A time of the API, which writes the year 1970 for what has not happened."""
    return None if not text or text.startswith("1970-01-01T00:00:00") else text


def _node(node: str, boundary: str, display_name: str, detail: Json) -> Json:
    state = detail.get("state")
    ended = time_of(detail.get("end_time"))
    phase = PHASES.get(state or "", "Omitted" if ended else "Pending")
    return {
        "id": node, "displayName": display_name, "boundaryID": boundary, "type": "Skipped" if phase in ("Skipped", "Omitted") else "DAG",
        "phase": phase, "startedAt": detail.get("start_time"), "finishedAt": ended,
        "message": (detail.get("error") or {}).get("message", ""), "children": [],
        "history": detail.get("state_history") or [],
    }  # fmt: skip


def history_of(node: Json) -> list[Json]:
    """The states that the server has seen a node in, as events of its pod. An error of its task stands with the last one."""
    seen = [(timestamp_of(time_of(e.get("update_time"))), e.get("state")) for e in node["history"]]
    events = [{"time": time, "reason": state, "message": ""} for time, state in seen if time is not None and state]
    if events:
        events[-1]["message"] = node["message"]
    return events


def _order(display_name: str) -> int:
    match = ATTEMPT.fullmatch(display_name)
    return int(match[1]) if match is not None and match[1] else -1


def _pods(step: Json, inside: list[tuple[str, str]], cached: bool) -> dict[str, Json]:
    """The nodes in a step's DAG: one pod for each attempt. The state of the last one is the state of the step."""
    nodes: dict[str, Json] = {}
    tries = [i for i, display_name in inside if display_name != EXECUTOR] or [i for i, _ in inside]
    for node, display_name in inside:
        last = node == tries[-1]
        kind = "Pod" if node in tries else "Retry"
        if cached:
            kind = "Skipped"
        phase = step["phase"] if last or kind == "Retry" else "Failed"
        nodes[node] = {
            **step, "id": node, "displayName": display_name, "boundaryID": step["id"], "type": kind, "phase": phase,
            "children": tries if kind == "Retry" else [],
        }  # fmt: skip
    return nodes
