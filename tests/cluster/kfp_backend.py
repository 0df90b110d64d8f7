"""What Kubeflow Pipelines' backend makes of an IR: the nodes of the Workflow that runs it, and the task details of its API.

As kubeflow/pipelines `backend/src/v2/compiler/argocompiler` and argo-workflows `workflow/controller/dag.go` have it: a driver
and a DAG around the pod for each step, an ``onExit`` DAG for what an exit task does, numbered DAGs for iterations. A node's children
are what stands in it first, or what comes after it; its id is the FNV-1a hash of its full name.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
START, END = "2026-01-01T00:00:01Z", "2026-01-01T00:00:05Z"
STATES = {
    "Succeeded": "SUCCEEDED",
    "Failed": "FAILED",
    "Running": "RUNNING",
    "Skipped": "SKIPPED",
    "Pending": "PENDING",
}


def node_id(workflow: str, name: str) -> str:
    digest = 2166136261
    for byte in name.encode():
        digest = ((digest ^ byte) * 16777619) & 0xFFFFFFFF
    return workflow if name == workflow else f"{workflow}-{digest}"


@dataclass
class Backend:
    """Makes the nodes.

    Parameters
    ----------
    phases
        Of tasks, by their name with the indexes of the iterations around them; the others have succeeded. What is behind a failure is
        omitted; ``Cached`` is a step whose result was found.
    items
        How many iterations a loop has.
    tries
        How many pods a step had that was tried again.
    """

    ir: Json
    phases: dict[str, str] = field(default_factory=dict)
    items: dict[str, int] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)
    workflow: str = "words-x7f2p"
    nodes: dict[str, Json] = field(default_factory=dict)

    def workflow_nodes(self) -> dict[str, Json]:
        top = self._node(self.workflow, "", "DAG", "entrypoint", "Succeeded")
        driver = self._node(f"{self.workflow}.root-driver", self.workflow, "Pod", "system-dag-driver", "Succeeded")
        top["children"].append(driver["id"])
        root = self._node(f"{self.workflow}.root", self.workflow, "DAG", "root", "Succeeded")
        driver["children"].append(root["id"])
        self._dag(self.ir["root"], root, "")
        return self.nodes

    def details(self) -> list[Json]:
        """As the API has them: no names, no pods, and nothing at all of what was omitted."""
        details = []
        for node in self.nodes.values():
            state = STATES.get(node["phase"])
            details.append(
                {
                    "task_id": str(uuid.uuid4()),
                    "display_name": node["displayName"],
                    "create_time": START,
                    "start_time": node["startedAt"],
                    **({"end_time": node["finishedAt"]} if node["finishedAt"] else {}),
                    **({"state": state} if state else {}),
                    **({"child_tasks": [{"pod_name": c} for c in node["children"]]} if node["children"] else {}),
                }
            )
        return details

    def _node(self, name: str, boundary: str, kind: str, template: str, phase: str) -> Json:
        node: Json = {
            "id": node_id(self.workflow, name), "name": name, "displayName": name[len(boundary) + 1 :] if boundary else name,
            "type": kind, "templateName": template, "phase": phase, "startedAt": START,
            "finishedAt": END if phase not in ("Running", "Pending") else None, "children": [],
        }  # fmt: skip
        if kind == "Skipped" or phase == "Omitted":
            node["finishedAt"] = START
        if boundary:
            node["boundaryID"] = node_id(self.workflow, boundary)
        self.nodes[node["id"]] = node
        return node

    # ---------------------------------------------------------------- one DAG
    def _dag(self, component: Json, boundary: Json, indexes: str) -> list[Json]:
        """The nodes that what comes after the DAG hangs on."""
        tasks = component["dag"]["tasks"]
        exits = {t["dependentTasks"][0]: n for n, t in tasks.items() if self._exit(t)}
        ends: dict[str, list[Json]] = {}
        waiting = [n for n, t in tasks.items() if not self._exit(t)]
        while waiting:
            name = next(n for n in waiting if set(tasks[n].get("dependentTasks", ())) <= set(ends))
            waiting.remove(name)
            previous = [e for n in tasks[name].get("dependentTasks", ()) for e in ends[n]] or [boundary]
            ends[name] = self._task(name, tasks[name], boundary, indexes, previous)
            if name in exits:
                hook = self._node(
                    f"{boundary['name']}.{name}.onExit", boundary["name"], "DAG", "exit-hook", "Succeeded"
                )
                self.nodes[node_id(self.workflow, f"{boundary['name']}.{name}")]["children"].append(hook["id"])
                self._task(exits[name], tasks[exits[name]], hook, indexes, [hook])
        dependencies = {n for t in tasks.values() if not self._exit(t) for n in t.get("dependentTasks", ())}
        return [e for n, nodes in ends.items() if n not in dependencies for e in nodes]

    @staticmethod
    def _exit(task: Json) -> bool:
        return bool(task.get("triggerPolicy", {}).get("strategy") == "ALL_UPSTREAM_TASKS_COMPLETED")

    def _task(self, name: str, task: Json, boundary: Json, indexes: str, previous: list[Json]) -> list[Json]:
        """The nodes of a task; what comes after it hangs on those that are given back."""
        component = self.ir["components"][task["componentRef"]["name"]]
        if "parameterIterator" in task:
            return self._loop(name, task, component, boundary, indexes, previous)
        phase = self.phases.get(f"{name}{indexes}", "Succeeded")
        kind = "Skipped" if phase == "Omitted" else "Pod"
        within = boundary["name"]
        driver = self._node(
            f"{within}.{name}-driver", within, kind, "system-driver", phase if kind == "Skipped" else "Succeeded"
        )
        for one in previous:
            one["children"].append(driver["id"])
        if phase in ("Skipped", "Omitted"):
            skipped = self._node(f"{within}.{name}", within, "Skipped", "x", phase)
            driver["children"].append(skipped["id"])
            return [skipped]
        node = self._node(f"{within}.{name}", within, "DAG", "x", "Succeeded" if phase == "Cached" else phase)
        driver["children"].append(node["id"])
        if "dag" in component:
            return self._dag(component, node, indexes)
        return self._pods(f"{name}{indexes}", task, node, phase)

    def _pods(self, path: str, task: Json, node: Json, phase: str) -> list[Json]:
        name = f"{node['name']}.executor"
        if phase == "Cached":
            node["finishedAt"] = START
            executor = self._node(name, node["name"], "Skipped", "system-container-impl", "Skipped")
            node["children"].append(executor["id"])
            return [executor]
        retry = "retryPolicy" in task
        executor = self._node(name, node["name"], "Retry" if retry else "Pod", "system-container-impl", phase)
        node["children"].append(executor["id"])
        count = self.tries.get(path, 1) if retry else 0
        last = executor
        for number in range(count):
            last = self._node(
                f"{name}({number})",
                node["name"],
                "Pod",
                "retry-system-container-impl",
                phase if number == count - 1 else "Failed",
            )
            executor["children"].append(last["id"])
        return [last]

    def _loop(
        self, name: str, task: Json, component: Json, boundary: Json, indexes: str, previous: list[Json]
    ) -> list[Json]:
        around = self._node(f"{boundary['name']}.{name}", boundary["name"], "DAG", "iterator", "Succeeded")
        for one in previous:
            one["children"].append(around["id"])
        within = around["name"]
        driver = self._node(f"{within}.iteration-driver", within, "Pod", "system-dag-driver", "Succeeded")
        around["children"].append(driver["id"])
        group = self._node(f"{within}.iteration-iterations", within, "TaskGroup", "x", "Succeeded")
        driver["children"].append(group["id"])
        ends = []
        for index in range(self.items.get(f"{name}{indexes}", self.items.get(name, 2))):
            one = self._node(f"{within}.iteration-iterations({index}:{index})", within, "DAG", "x", "Succeeded")
            group["children"].append(one["id"])
            item = {"componentRef": task["componentRef"]}
            ends += self._task("iteration-item", item, one, f"{indexes}[{index}]", [one])
        return ends or [group]
