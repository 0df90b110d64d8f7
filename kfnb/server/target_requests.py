"""Answers the form that makes a target of a cluster: the contexts of the user's kubeconfig, what a cluster has, and a trial run there.

All that it decides is decided as by ``kfnb init-target``. Credentials stay on the server.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from kfnb.engines.cluster.clients.cluster_errors import BadTarget, ClusterError
from kfnb.engines.cluster.targets.config_files import own_paths
from kfnb.engines.cluster.targets.connection import Connection
from kfnb.engines.cluster.targets.target_settings import USUAL_NAMES, Stores
from kfnb.engines.cluster.targets.targets import Target
from kfnb.engines.cluster.targets.write_target import add_target, replace_target
from kfnb.problems import NotebookError

if TYPE_CHECKING:  # the form imports what speaks with clusters when it asks one, so that the server starts without it
    from kfnb.engines.cluster.targets.proposed_target import ProposedTarget
    from kfnb.engines.cluster.targets.survey import Survey


@dataclass(frozen=True)
class Choice:
    """What the user has chosen in the form. Without an engine or a name, the usual one counts."""

    context: str
    namespace: str
    engine: str
    name: str
    stores: Stores

    def survey(self) -> Survey:
        """What the cluster has. Raises `ClusterError` when it does not answer."""
        from kfnb.engines.cluster.clients.kubernetes_client import connect
        from kfnb.engines.cluster.targets.survey import survey

        return survey(connect(self._connection))

    def proposal(self, found: Survey) -> ProposedTarget:
        """The target for what was found. Raises `BadTarget` when the cluster has no engine."""
        from kfnb.engines.cluster.targets.proposed_target import propose, settings_for, usual_engine

        engine = self.engine or usual_engine(found)
        return propose(
            self.name or USUAL_NAMES[engine], settings_for(found, engine, self._connection, self.stores), found
        )

    @property
    def _connection(self) -> Connection:
        return Connection(context=self.context, namespace=self.namespace)


def clusters() -> dict[str, Any]:
    """The contexts of the user's kubeconfig with their namespaces. A server in a pod has none, and uses the pod's own cluster."""
    from kfnb.engines.cluster.clients.kubeconfig import contexts_of, read_access

    contexts, current = contexts_of(Connection())
    namespace = "" if contexts else read_access(Connection()).namespace
    return {"contexts": contexts, "current": current, "namespace": namespace or "default"}


def proposal(choice: Choice) -> dict[str, Any]:
    """What the cluster has, and the target that fits it."""
    from kfnb.engines.cluster.targets.proposed_target import engines_of

    found = choice.survey()
    answer = {"found": found.lines(), "engines": engines_of(found), "file": str(own_paths()[0])}
    try:
        proposed = choice.proposal(found)
    except BadTarget as error:
        return {**answer, "name": "", "settings": {}, "text": "", "state": "missing", "told": [str(error)], "rbac": ""}
    told = {"state": proposed.diagnosis.state, "told": list(proposed.told), "rbac": proposed.roles}
    target = proposed.target
    return {**answer, "name": target.name, "settings": target.settings, "text": proposed.text, **told}


def proposed_target(choice: Choice) -> Target:
    """The target that fits the cluster."""
    return choice.proposal(choice.survey()).target


def write(choice: Choice, settings: dict[str, Any], replace: bool) -> str | None:
    """Write the target into the user's configuration and return the path of the file, unless it is not what the user was shown."""
    target = proposed_target(choice)
    if target.settings != settings:
        return None
    return str((replace_target if replace else add_target)(target.name, target.settings))


class Probes:
    """Trial runs on clusters: one at a time, in a thread of its own."""

    def __init__(self) -> None:
        self._stop: threading.Event | None = None

    @property
    def busy(self) -> bool:
        return self._stop is not None

    def stop(self) -> None:
        """End the trial run, which removes what it made."""
        if self._stop is not None:
            self._stop.set()

    async def lines(self, target: Target) -> AsyncIterator[dict[str, Any]]:
        """What each part of the way did, as soon as it is known."""
        from kfnb.client.probe_target import probe

        self._stop = threading.Event()
        thread = ThreadPoolExecutor(1, "kfnb-probe")  # the record of the run is used in one thread
        lines = probe(target, stop=self._stop)
        try:
            while True:
                line = await asyncio.get_running_loop().run_in_executor(thread, next, lines, None)
                if line is None:
                    return
                yield asdict(line)
        except (ClusterError, NotebookError) as error:
            yield {"state": "failed", "text": str(error), "seconds": None}
        finally:
            self.stop()
            self._stop = None
            thread.submit(lines.close)
            thread.shutdown(wait=False)
