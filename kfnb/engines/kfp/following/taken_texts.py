"""What commands of images wrote into their outputs, from the drivers of the steps that take it.

Neither the REST API nor a Workflow has the outputs of a task. The launcher in the pod of a command keeps them in the metadata store. But the driver of
a step that takes such a text resolves it: it writes the executor input into its log, and into the patch of the pod that it hands to the
Workflow (kubeflow/pipelines `backend/src/v2/cmd/driver/main.go`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
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


@dataclass(frozen=True)
class TakenText:
    """A text that the driver with an id has resolved, as the output of the step with a path."""

    driver: str
    taken: Taken
    path: str


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


def taken_texts(nodes: Nodes, taken: Collection[Taken]) -> Iterator[TakenText]:
    """What the drivers of a run have resolved so far."""
    for node in nodes.values():
        for one in taken:
            if node["displayName"] == one.taker + DRIVER and node.get("phase") == "Succeeded":
                suffix = "".join(f"[{i}]" for i in indexes_of(node, nodes))
                yield TakenText(node["id"], one, one.step + suffix)


def texts_in_log(log: str) -> Json:
    """The parameters of the executor input in the log of a driver, by the names of the inputs."""
    _, found, rest = log.partition(IN_LOG)
    return _parameters(rest) if found else {}


def with_texts_of_nodes(steps: Iterable[ObservedStep], nodes: Nodes, taken: Collection[Taken]) -> list[ObservedStep]:
    """The steps with the outputs that the nodes of drivers show."""
    texts: dict[str, dict[str, str]] = {}
    for one in taken_texts(nodes, taken):
        outputs = (nodes[one.driver].get("outputs") or {}).get("parameters") or ()
        patch = next((p.get("value") for p in outputs if p.get("name") == IN_PATCH), None)
        add_text(texts, one, _texts_in_patch(patch or ""))
    return [replace(s, outputs={**s.outputs, **texts.get(s.path, {})}) for s in steps]


def add_text(texts: dict[str, dict[str, str]], one: TakenText, parameters: Json) -> None:
    """Add the text of an output to those of its step, without the newline at its end, as a step gets it."""
    text = parameters.get(one.taken.key)
    if isinstance(text, str):
        texts.setdefault(one.path, {})[one.taken.output] = text.removesuffix("\n")


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
