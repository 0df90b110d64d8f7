"""What commands of images wrote into their outputs, from the drivers of the steps that take it.

Neither the REST API nor a Workflow has the outputs of a task. The launcher in the pod of a command keeps them in the metadata store. But the driver of
a step that takes such a text resolves it: it writes the executor input into its log, and into the patch of the pod that it hands to the
Workflow (kubeflow/pipelines `backend/src/v2/cmd/driver/main.go`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

from kfnb.engines.argo.following.workflow_nodes import indexes_of
from kfnb.engines.cluster.following.observed_steps import ObservedStep
from kfnb.engines.kfp.following.node_states import DRIVER, Jobs, Nodes

IN_LOG = "output ExecutorInput:"
IN_PATCH = "pod-spec-patch"  #: the output of a driver that has the command of the pod
ARGUMENT = "--executor_input"
Json = dict[str, Any]


@dataclass(frozen=True)
class Taken:
    """An input of a task that takes an output of a command.

    Parameters
    ----------
    taker, key
        The task and the name of its input.
    step, output
        The step that runs the command, and the name of its output.
    """

    taker: str
    key: str
    step: str
    output: str


def taken_outputs(ir: Json, tasks: Jobs) -> tuple[Taken, ...]:
    """The inputs of the steps of a pipeline that take an output of a command. Scripts report what they write themselves."""
    commands = {t: jobs[0].name for t, jobs in tasks.items() if jobs[0].plain_container and not jobs[0].step.shell}
    return tuple(
        Taken(name, key, commands[source["producerTask"]], source["outputParameterKey"])
        for component in (ir["root"], *ir["components"].values())
        for name, task in component.get("dag", {}).get("tasks", {}).items()
        for key, value in task.get("inputs", {}).get("parameters", {}).items()
        if name in tasks and (source := value.get("taskOutputParameter", {})).get("producerTask") in commands
    )


def with_taken_texts(
    steps: Iterable[ObservedStep], nodes: Nodes, taken: Collection[Taken], resolved_by: Callable[[str], Json]
) -> list[ObservedStep]:
    """The steps with what their commands wrote, as far as drivers have resolved it.

    Parameters
    ----------
    resolved_by
        Says what the driver with an id has resolved: texts by the names of the inputs of its task.
    """
    texts: dict[str, dict[str, str]] = {}
    for node in nodes.values():
        inputs = [one for one in taken if node["displayName"] == one.taker + DRIVER]
        if not inputs or node.get("phase") != "Succeeded":
            continue
        resolved = resolved_by(node["id"])
        suffix = "".join(f"[{i}]" for i in indexes_of(node, nodes))
        for one in inputs:
            text = resolved.get(one.key)
            if isinstance(text, str):  # a step gets it without the newline at its end
                texts.setdefault(one.step + suffix, {})[one.output] = text.removesuffix("\n")
    return [replace(s, outputs={**s.outputs, **texts.get(s.path, {})}) for s in steps]


def texts_in_log(log: str) -> Json:
    """The parameters of the executor input in the log of a driver, by the names of the inputs."""
    _, found, rest = log.partition(IN_LOG)
    return _parameters(rest) if found else {}


def texts_in_node(node: Json) -> Json:
    """The parameters of the executor input in the outputs of the node of a driver, by the names of the inputs."""
    outputs = (node.get("outputs") or {}).get("parameters") or ()
    return _texts_in_patch(next((p.get("value") for p in outputs if p.get("name") == IN_PATCH), None) or "")


def _texts_in_patch(patch: str) -> Json:
    try:
        (container, *_) = json.loads(patch)["containers"]
        command = [str(word) for word in (*container.get("command", ()), *container.get("args", ()))]
        return _parameters(command[command.index(ARGUMENT) + 1])
    except (ValueError, KeyError, TypeError, IndexError):
        return {}


def _parameters(text: str) -> Json:
    """The parameters of an executor input at the beginning of a text."""
    try:
        request, _ = json.JSONDecoder().raw_decode(text)
        parameters = request["inputs"]["parameterValues"]
    except (ValueError, KeyError, TypeError):
        return {}
    return parameters if isinstance(parameters, dict) else {}
