"""What a step waits for, from its node in the Workflow, its pod and the pod's events."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from kfnb.engines.cluster.following.words.image_words import IMAGE_REASONS, image_words, own_words
from kfnb.engines.cluster.following.words.refusal_words import refusal_words
from kfnb.engines.cluster.following.words.scheduling_words import scheduling_words
from kfnb.states import STARTING

CONTAINER_REASONS = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CrashLoopBackOff", "PreStartHookError"}
)
USUAL_REASONS = frozenset({"PodInitializing", "ContainerCreating"})
MISSING = re.compile(r'(secret|configmap) "([^"]+)" not found')
MOUNTS = {"FailedMount": "mounted", "FailedAttachVolume": "attached to the node", "FailedMapVolume": "mapped"}
BACK_OFF = re.compile(r'Back-off pulling image "([^"]+)"')


@dataclass(frozen=True)
class Wait:
    """What a step waits for.

    Parameters
    ----------
    text
        The reason in the user's words.
    is_blocked
        Whether something is in the way. Otherwise the step will start by itself.
    """

    text: str
    is_blocked: bool


@dataclass(frozen=True)
class PodEvent:
    """An event of a pod: seconds since 1970, and what the cluster says."""

    time: float
    reason: str
    message: str


def waiting_for(message: str, pod: dict[str, Any] | None, events: Iterable[PodEvent] = ()) -> Wait:
    """What the step of a node waits for.

    Parameters
    ----------
    message
        The message of the node.
    pod
        The pod of the node, as far as it is known.
    events
        The pod's events, in the order of their times.
    """
    known = list(events)
    for words in (*_blocks(pod or {}, known), *_block_in(message, pod or {})):
        return Wait(words, True)
    return Wait(f"{STARTING}{_progress(pod, known)}", False)


def _blocks(pod: dict[str, Any], events: list[PodEvent]) -> Iterator[str]:
    status = pod.get("status") or {}
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = (container.get("state") or {}).get("waiting") or {}
        reason, message = waiting.get("reason", ""), waiting.get("message", "")
        if reason in IMAGE_REASONS:
            yield image_words(container.get("image", ""), reason, _pull_error(message, events))
        elif reason in CONTAINER_REASONS:
            yield _container_words(reason, message)
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            if condition.get("reason") == "SchedulingGated":
                yield "the cluster holds its pod back with a scheduling gate"
            elif condition.get("reason") == "Unschedulable":
                yield scheduling_words(condition.get("message", ""), pod)
    if _is_starting(status) and events:
        yield from _start_errors(events)


def _pull_error(message: str, events: list[PodEvent]) -> str:
    """The words of the registry. Older versions of the kubelet have them in an event only."""
    if not BACK_OFF.fullmatch(message) and message:
        return message
    failed = [e.message for e in events if e.reason == "Failed" and e.message.startswith("Failed to pull image")]
    return failed[-1] if failed else message


def _container_words(reason: str, message: str) -> str:
    missing = MISSING.search(message)
    if missing is not None:
        kind = "secret" if missing[1] == "secret" else "ConfigMap"
        return f"the {kind} `{missing[2]}` does not exist in its namespace: create it, or correct the mark"
    if "runAsNonRoot" in message:
        return f"its image would run as root, which the pod does not allow: use an image with another user ({own_words(message)})"
    return f"its container cannot be started: {own_words(message) or reason}"


def _is_starting(status: dict[str, Any]) -> bool:
    containers = (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))
    states = [(c.get("state") or {}) for c in containers]
    return status.get("phase", "Pending") == "Pending" and not any("running" in s for s in states)


def _start_errors(events: list[PodEvent]) -> Iterator[str]:
    """Why a pod that has a node does not start. An error that is followed by progress is over."""
    last = next((e for e in reversed(events) if e.reason not in ("Scheduled", "BackOff")), None)
    if last is None:
        return
    if last.reason in MOUNTS:
        missing = MISSING.search(last.message)
        if missing is not None:
            yield _container_words(last.reason, last.message)
        else:
            yield f"its volume cannot be {MOUNTS[last.reason]}: {own_words(last.message)}"
    elif last.reason == "FailedCreatePodSandBox":
        yield f"the node cannot set up its pod: {own_words(last.message)}"
    elif last.reason in ("FailedBinding", "ProvisioningFailed"):
        yield f"its claim has no storage: {own_words(last.message)}"


def _block_in(message: str, pod: dict[str, Any]) -> Iterator[str]:
    """What the node's message alone says, where there is no pod or it cannot be read."""
    reason, _, rest = message.partition(": ")
    if reason in IMAGE_REASONS:
        found = BACK_OFF.match(rest) or re.search(r'image "([^"]+)"', rest)
        yield image_words(found[1] if found else "", reason, rest)
    elif reason in CONTAINER_REASONS:
        yield _container_words(reason, rest)
    elif reason == "Unschedulable":
        yield scheduling_words(rest, pod)
    elif refusal_words(message):
        yield refusal_words(message)
    elif reason and reason not in USUAL_REASONS and not pod:
        yield own_words(message)


def _progress(pod: dict[str, Any] | None, events: list[PodEvent]) -> str:
    """What happens to a pod that nothing stands in the way of."""
    if pod is None:
        return "its pod is being made"
    if not (pod.get("spec") or {}).get("nodeName"):
        return "a node is being chosen for its pod"
    pull = next((e for e in reversed(events) if e.reason in ("Pulling", "Pulled")), None)
    if pull is not None and pull.reason == "Pulling":
        found = re.search(r'image "([^"]+)"', pull.message)
        return f"the image `{found[1]}` is being pulled" if found else "its image is being pulled"
    return "its containers are being started"
