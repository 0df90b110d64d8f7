"""What happens in a namespace, watched once for all runs that this process follows there: Workflows, pods, and the pods' events.

However many runs are followed, there is one watch for each kind. Each run is told when something of its own has changed.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.clients.kubernetes_client import Kube
from kfnb.engines.cluster.following.observed_steps import timestamp_of
from kfnb.engines.cluster.following.resource_watch import Json, Kind, ResourceWatch
from kfnb.engines.cluster.following.words.waiting_words import PodEvent
from kfnb.engines.cluster.targets.connection import Connection

WORKFLOW_LABEL, COMPLETED = "workflows.argoproj.io/workflow", "workflows.argoproj.io/completed"
NODE_ID = "workflows.argoproj.io/node-id"
MOST_EVENTS = 20  #: the events of a pod that are remembered
MOST_STATES = 16  #: the states of a Workflow that wait to be recorded; of more, only the newest count
MOST_ASKED = 10  #: the waiting pods whose events are asked for, when a run is looked at once

_watches: dict[tuple[Connection, str, str, str], NamespaceWatch] = {}
_watches_lock = threading.Lock()


class FollowedWorkflow:
    """What is known of one Workflow, and whether it has changed since it was last looked at."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._changed = threading.Condition()
        self._version = 0
        self._seen = -1
        self._workflows: deque[Json] = deque(maxlen=MOST_STATES)
        self._is_absent = False
        self._pods: dict[str, Json] = {}  #: by the id of the node
        self._events: dict[str, list[PodEvent]] = {}  #: by the name of the pod
        self._error: ClusterError | None = None

    def wait(self, seconds: float) -> bool:
        """Wait until something has changed since the last call, and return whether it has. Raises `ClusterError`."""
        with self._changed:
            self._changed.wait_for(lambda: self._version != self._seen or self._error is not None, seconds)
            if self._error is not None:
                raise self._error
            has_changed = self._version != self._seen
            self._seen = self._version
            return has_changed

    def take_workflows(self) -> tuple[list[Json], bool]:
        """The states of the Workflow since the last call, and whether the watch no longer has it, so that it must be asked for."""
        with self._changed:
            workflows, is_absent = list(self._workflows), self._is_absent
            self._workflows.clear()
            self._is_absent = False
            return workflows, is_absent

    def pod(self, node: str) -> Json | None:
        """The pod of a node. Its name is not computed, because versions of Argo form it in different ways."""
        with self._changed:
            return self._pods.get(node)

    def events(self, pod: str) -> list[PodEvent]:
        with self._changed:
            return sorted(self._events.get(pod, ()), key=lambda e: e.time)

    def remember_pods(self, pods: list[Json]) -> None:
        """Add pods that were listed."""
        with self._changed:
            for pod in pods:
                node = _node_of(pod)
                if node:
                    self._pods.setdefault(node, pod)

    def look_once(self, kube: Kube) -> None:
        """Ask for the pods once, and for the events of those that wait, where nothing is watched."""
        with suppress(ClusterError):  # who may not see pods hears what the Workflow says
            pods = kube.pods(f"{WORKFLOW_LABEL}={self.name}")
            self.remember_pods(pods)
            waiting = [p for p in pods if (p.get("status") or {}).get("phase") == "Pending"]
            for pod in waiting[:MOST_ASKED]:
                name = pod["metadata"]["name"]
                self.set_events(name, [_event(e) for e in kube.pod_events(name)])

    # ---------------------------------------------------------------- what the watches say
    def _notify(self) -> None:
        self._version += 1
        self._changed.notify_all()

    def set_workflow(self, workflow: Json) -> None:
        with self._changed:
            self._workflows.append(workflow)
            self._is_absent = False
            self._notify()

    def set_absent(self) -> None:
        with self._changed:
            self._is_absent = True
            self._notify()

    def set_pod(self, pod: Json, events: list[PodEvent]) -> None:
        with self._changed:
            self._pods[_node_of(pod)] = pod
            self._events[pod["metadata"]["name"]] = events
            self._notify()

    def set_events(self, pod: str, events: list[PodEvent]) -> None:
        with self._changed:
            self._events[pod] = events
            self._notify()

    def set_error(self, error: ClusterError | None) -> None:
        with self._changed:
            self._error = error
            if error is not None:
                self._notify()


class NamespaceWatch:
    """The watches of one namespace, for one user.

    Parameters
    ----------
    label
        The label of the Workflows that are watched.
    """

    def __init__(self, kube: Kube, label: str) -> None:
        self._lock = threading.RLock()
        self._followed: dict[str, list[FollowedWorkflow]] = {}
        self._pods: dict[str, Json] = {}  #: of followed Workflows and others, by their names
        self._events: dict[str, list[PodEvent]] = {}
        workflows = Kind(kube.workflows_path, (("labelSelector", f"{label},{COMPLETED}!=true"),))
        pods = Kind(kube.core_path("pods"), (("labelSelector", f"{WORKFLOW_LABEL},{COMPLETED}!=true"),))
        events = Kind(kube.core_path("events"), (("fieldSelector", "involvedObject.kind=Pod"),))
        self._watches = (
            ResourceWatch(kube, workflows, self._list_workflows, self._change_workflow, self._set_error),
            ResourceWatch(kube, pods, self._list_pods, self._change_pod, _ignore),
            ResourceWatch(kube, events, self._list_events, self._change_event, _ignore),
        )

    @contextmanager
    def following(self, name: str) -> Iterator[FollowedWorkflow]:
        """A context in which a Workflow is followed."""
        followed = FollowedWorkflow(name)
        with self._lock:
            self._followed.setdefault(name, []).append(followed)
            for pod in [p for p in self._pods.values() if _workflow_of(p) == name]:
                followed.set_pod(pod, self._events.get(pod["metadata"]["name"], []))
            for watch in self._watches:
                watch.start()
        try:
            yield followed
        finally:
            with self._lock:
                self._followed[name].remove(followed)
                if not self._followed[name]:
                    del self._followed[name]
                if not self._followed:
                    for watch in self._watches:
                        watch.stop()

    # ---------------------------------------------------------------- Workflows
    def _list_workflows(self, workflows: list[Json]) -> None:
        by_name = {w["metadata"]["name"]: w for w in workflows}
        with self._lock:
            for name, all_followed in self._followed.items():
                for followed in all_followed:
                    followed.set_workflow(by_name[name]) if name in by_name else followed.set_absent()

    def _change_workflow(self, change: str, workflow: Json) -> None:
        with self._lock:
            for followed in self._followed.get(workflow["metadata"]["name"], ()):
                # A Workflow that has ended no longer has the labels that are watched, so it leaves the watch with its last state but one.
                followed.set_absent() if change == "DELETED" else followed.set_workflow(workflow)

    def _set_error(self, error: ClusterError | None) -> None:
        with self._lock:
            for all_followed in self._followed.values():
                for followed in all_followed:
                    followed.set_error(error)

    # ---------------------------------------------------------------- pods
    def _list_pods(self, pods: list[Json]) -> None:
        with self._lock:
            self._pods = {}
            for pod in pods:
                self._change_pod("ADDED", pod)

    def _change_pod(self, change: str, pod: Json) -> None:
        name = pod["metadata"]["name"]
        with self._lock:
            if change == "DELETED":
                self._pods.pop(name, None)
                self._events.pop(name, None)
            else:
                self._pods[name] = pod
            for followed in self._followed.get(_workflow_of(pod), ()):
                followed.set_pod(pod, list(self._events.get(name, ())))

    # ---------------------------------------------------------------- events
    def _list_events(self, events: list[Json]) -> None:
        with self._lock:
            self._events = {}
            for event in events:
                self._change_event("ADDED", event)

    def _change_event(self, change: str, event: Json) -> None:
        pod = (event.get("involvedObject") or {}).get("name", "")
        if change == "DELETED" or not pod:
            return
        with self._lock:
            known = self._events.setdefault(pod, [])
            known.append(_event(event))
            del known[:-MOST_EVENTS]
            if pod in self._pods:
                for followed in self._followed.get(_workflow_of(self._pods[pod]), ()):
                    followed.set_events(pod, list(known))


def shared_watch(kube: Kube, label: str, connection: Connection) -> NamespaceWatch:
    """The watch of a namespace that all runs in this process share.

    Parameters
    ----------
    connection
        How the server is reached. Two users of one server have watches of their own, since they may have other rights.
    """
    key = (connection, kube.server, kube.namespace, label)
    with _watches_lock:
        if key not in _watches:
            _watches[key] = NamespaceWatch(kube, label)
        return _watches[key]


def _ignore(error: ClusterError | None) -> None:
    """Who may not watch pods or events still follows runs, and hears less of what they wait for."""


def _workflow_of(pod: Json) -> str:
    return str((pod["metadata"].get("labels") or {}).get(WORKFLOW_LABEL, ""))


def _node_of(pod: Json) -> str:
    return str((pod["metadata"].get("annotations") or {}).get(NODE_ID, ""))


def _event(event: Json) -> PodEvent:
    series = (event.get("series") or {}).get("lastObservedTime")
    moment = (
        event.get("lastTimestamp") or series or event.get("eventTime") or event["metadata"].get("creationTimestamp")
    )
    seconds = timestamp_of(moment)
    return PodEvent(time.time() if seconds is None else seconds, event.get("reason", ""), event.get("message") or "")
