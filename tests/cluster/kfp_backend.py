"""What Kubeflow Pipelines' backend makes of an IR: the nodes of the Workflow that runs it, and the task details of its API.

As kubeflow/pipelines `backend/src/v2/compiler/argocompiler` and argo-workflows `workflow/controller/dag.go` have it: a driver
and a DAG around the pod for each step, an ``onExit`` DAG for what an exit task does, numbered DAGs for iterations. A node's children
are what stands in it first, or what comes after it; its id is the FNV-1a hash of its full name.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from kfnb.engines.cluster.following.observed_steps import Attempt

Json = dict[str, Any]
START, END = "2026-01-01T00:00:01Z", "2026-01-01T00:00:05Z"
STATES = {
    "Succeeded": "SUCCEEDED",
    "Failed": "FAILED",
    "Running": "RUNNING",
    "Skipped": "SKIPPED",
    "Pending": "PENDING",
}


def as_kept(ir: Json) -> Json:
    """The IR as the backend keeps it: it stores the spec of a component under the hash of the container, so that components with equal
    containers have the spec of one of them (`argocompiler/argo.go`, ``hashComponentContainer``)."""
    executors = ir["deploymentSpec"]["executors"]
    by_container: dict[str, Json] = {}
    components = {}
    for name, component in sorted(ir["components"].items()):
        container = executors.get(component.get("executorLabel"), {}).get("container")
        key = name if container is None else json.dumps(container, sort_keys=True)
        components[name] = by_container.setdefault(key, component)
    return {**ir, "components": components}


def _parameters(task: Json) -> Json:
    parameters: Json = task.get("inputs", {}).get("parameters", {})
    return parameters


def missing_input(task: Json, component: Json) -> str:
    """What a driver says when a task does not give what the component's spec asks for (`driver/resolve.go`)."""
    given = _parameters(task)
    items = task.get("parameterIterator", {}).get("itemInput")
    for name, spec in component.get("inputDefinitions", {}).get("parameters", {}).items():
        if name not in given and name != items and not spec.get("isOptional") and "defaultValue" not in spec:
            return f'neither value nor default value provided for non-optional parameter "{name}"'
    return ""


def metadata_state(ir: Json, dag: str, conditions: dict[str, bool], cached: bool = False) -> str:
    """The state of a DAG that ended well, as its exit handler learns it, when what has no pod ends last.

    Only the launcher in a step's pod counts what has ended in its DAG; the drivers of branches that are not taken and of steps whose
    result was found do not (`metadata/client.go`, ``UpdateDAGExecutionsState``). ``conditions`` says which branches are taken.
    """
    tasks = ir["components"][dag]["dag"]["tasks"]
    for name, task in tasks.items():
        component = task["componentRef"]["name"]
        if "condition" in task.get("triggerPolicy", {}) and not conditions.get(name, True):
            return "RUNNING"
        if cached and "cachingOptions" in task:
            return "RUNNING"
        if "dag" in ir["components"][component] and metadata_state(ir, component, conditions, cached) == "RUNNING":
            return "RUNNING"
    return "COMPLETE"


def pod_node(node: str) -> Attempt:
    """The attempt whose pod is that of a node."""
    return Attempt(1, node, "succeeded", None, None, "")


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
        omitted; ``Cached`` is a step whose result was found; ``DriverFailed`` is a step that never began, and ``Preparing`` one
        whose driver runs.
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
    driver_logs: dict[str, str] = field(default_factory=dict)  #: of the drivers that failed, by node

    def workflow_nodes(self) -> dict[str, Json]:
        top = self._node(self.workflow, "", "DAG", "entrypoint", "Succeeded")
        driver = self._node(f"{self.workflow}.root-driver", self.workflow, "Pod", "system-dag-driver", "Succeeded")
        top["children"].append(driver["id"])
        root = self._node(f"{self.workflow}.root", self.workflow, "DAG", "root", "Succeeded")
        driver["children"].append(root["id"])
        self.ir = as_kept(self.ir)
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
                    **({"error": {"code": 2, "message": node["message"]}} if node.get("message") else {}),
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
    def _dag(self, component: Json, boundary: Json, indexes: str, iteration: bool = False) -> list[Json]:
        """The nodes that what comes after the DAG hangs on.

        In an ``iteration`` the metadata have another name for each task, under which a driver does not look for the task whose final
        status it wants (`metadata/client.go`, ``GetExecutionsInDAG``; `driver/resolve.go`, ``TaskFinalStatus``).
        """
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
                handler = tasks[exits[name]]
                unknown = iteration and any("taskFinalStatus" in v for v in _parameters(handler).values())
                trouble = "producer task, , not in tasks" if unknown else ""
                self._task(exits[name], handler, hook, indexes, [hook], trouble)
        dependencies = {n for t in tasks.values() if not self._exit(t) for n in t.get("dependentTasks", ())}
        return [e for n, nodes in ends.items() if n not in dependencies for e in nodes]

    @staticmethod
    def _exit(task: Json) -> bool:
        return bool(task.get("triggerPolicy", {}).get("strategy") == "ALL_UPSTREAM_TASKS_COMPLETED")

    def _task(
        self, name: str, task: Json, boundary: Json, indexes: str, previous: list[Json], trouble: str = ""
    ) -> list[Json]:
        """The nodes of a task; what comes after it hangs on those that are given back. ``trouble``: why its driver fails."""
        component = self.ir["components"][task["componentRef"]["name"]]
        if "parameterIterator" in task:
            return self._loop(name, task, component, boundary, indexes, previous)
        phase = self.phases.get(f"{name}{indexes}", "Succeeded")
        if name != "iteration-item":
            trouble = trouble or missing_input(task, component)
        if trouble or phase == "DriverFailed":
            return self._failed_driver(name, boundary, previous, trouble or "failed to execute: no metadata")
        kind = "Skipped" if phase == "Omitted" else "Pod"
        within = boundary["name"]
        if phase == "Preparing":  # the task itself has no node before its driver has ended
            return [self._node(f"{within}.{name}-driver", within, "Pod", "system-driver", "Running")]
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
            return self._dag(component, node, indexes, name == "iteration-item")
        return self._pods(f"{name}{indexes}", task, node, phase)

    def _failed_driver(self, name: str, boundary: Json, previous: list[Json], message: str) -> list[Json]:
        """A driver that fails says why in its log only; what it should have prepared is omitted."""
        within = boundary["name"]
        driver = self._node(f"{within}.{name}-driver", within, "Pod", "system-driver", "Failed")
        driver["message"] = "main: Error (exit code 1)"
        self.driver_logs[driver["id"]] = f"F1129 08:00:00.000000       1 main.go:79] KFP driver: {message}\n"
        for one in previous:
            one["children"].append(driver["id"])
        omitted = self._node(f"{within}.{name}", within, "Skipped", "x", "Omitted")
        omitted["message"] = "omitted: depends condition not met"
        driver["children"].append(omitted["id"])
        return [omitted]

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
