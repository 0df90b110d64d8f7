"""The size of the Workflow that the backend makes of a specification, at the end of a run.

The controller does not keep a Workflow above 1 MiB: it compresses the nodes in the status, and fails the run when that is not enough
(argo-workflows `workflow/packer/packer.go`). The backend writes components and containers into the Workflow's arguments, once for equal
containers, and each task into the arguments of its driver. At run time, a driver's node takes all three, and puts out a patch with the
container and its inputs, which the nodes of the step and of its pod take again (kubeflow/pipelines `argocompiler`,
`driver/container.go`).
"""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]
WORKFLOW_LIMIT = 1024 * 1024  #: bytes; `MAX_WORKFLOW_SIZE` of the controller
TEMPLATES = 12_000  #: bytes of the templates that every Workflow has
NODE = 700  #: bytes of a node without its inputs and outputs
UNIQUE = 60  #: bytes of a node that no other node has
TASK = 1_500  #: bytes that the templates of one task need beside its specification
LAUNCHER = 1_600  #: bytes of the launcher's own arguments in the patch of a pod
PATCH_COPIES = 3  #: the driver's output, and the inputs of two nodes


def workflow_size(ir: Json, platform: Json, pods: Mapping[str, int]) -> int:
    """The size in bytes. It is an estimate from below.

    Parameters
    ----------
    pods
        How many pods a task has, by the task's name. The others have one.
    """
    executors = ir["deploymentSpec"]["executors"]
    components = ir["components"]
    containers = {json.dumps(e["container"]) for e in executors.values() if "container" in e}
    specification = TEMPLATES + sum(map(_escaped, containers)) + _escaped(json.dumps(platform))
    specification += sum(_escaped(json.dumps(c)) for c in components.values())
    nodes: list[str] = []
    ids = random.Random(0)
    for component in (ir["root"], *components.values()):
        for name, task in component.get("dag", {}).get("tasks", {}).items():
            text = json.dumps(task)
            specification += (_escaped(text) + TASK) * (2 if "parameterIterator" in task else 1)
            called = components[task["componentRef"]["name"]]
            container = executors.get(called.get("executorLabel"), {}).get("container")
            if container is None:
                nodes.append(_node(ids, text, json.dumps(called)))
            else:
                for _ in range(pods.get(name, 1)):
                    copies = PATCH_COPIES + ("retryPolicy" in task)
                    nodes += _nodes_of_step(ids, text, json.dumps(called), container, copies)
    status = sum(map(len, nodes))
    if specification + status > WORKFLOW_LIMIT:
        status = _compressed(nodes)
    return specification + status


def _escaped(text: str) -> int:
    """The length of a JSON text as a text inside JSON."""
    return len(json.dumps(text))


def _nodes_of_step(ids: random.Random, task: str, component: str, container: Json, patches: int) -> list[str]:
    """The inputs and outputs of a step's nodes: of its driver, of the DAG around its pod, of what tries again, and of its pod."""
    patch = json.dumps(json.dumps([container["command"], container["args"], component]))
    patch += "l" * LAUNCHER
    copies = [_node(ids, patch) for _ in range(patches - 1)]
    return [_node(ids, task, component, json.dumps(container), patch), *copies]


def _node(ids: random.Random, *texts: str) -> str:
    """A node with its inputs and outputs. Its id, the ids of its pod and of its execution and its times cannot be compressed."""
    return f"{ids.getrandbits(UNIQUE * 8):x}" + "n" * NODE + "".join(json.dumps(t) for t in texts)


def _compressed(nodes: list[str]) -> int:
    """The size of the nodes as the controller compresses them, in base64. They stand in the order of their ids, which are hashes."""
    shuffled = random.Random(0).sample(nodes, len(nodes))
    return len(zlib.compress("".join(shuffled).encode(), 6)) * 4 // 3
