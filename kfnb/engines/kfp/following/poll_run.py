"""Following a run of Kubeflow Pipelines by asking its API again and again, where Kubernetes itself cannot be asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.following.observed_steps import Attempt, Seen, when
from kfnb.engines.cluster.following.pod_logs import KeptLog
from kfnb.engines.cluster.following.run_recorder import Recorder
from kfnb.engines.kfp.following.node_states import Jobs, pod_of, seen
from kfnb.engines.kfp.following.task_tree import nodes_told
from kfnb.engines.kfp.kfp_client import KfpClient
from kfnb.runs.record.run_store import RunStore

EVERY = 2.0  #: seconds between two questions
LOG_SHARE = 10  #: a log is asked for again after that many times what the last answer took: it always comes whole
LOG_PATIENCE = 10.0  #: seconds that the log of a finished pod is waited for, until the server did not give one
RUN_STATES = {"SUCCEEDED": "succeeded", "FAILED": "failed", "CANCELED": "cancelled", "SKIPPED": "succeeded"}


class PollFollower(Recorder):
    """Brings one run's record up to date. ``remote``: the server's id of the run."""

    def __init__(
        self,
        store: RunStore,
        run_id: str,
        client: KfpClient,
        remote: str,
        tasks: Jobs,
        blocks: Jobs,
        stopping: Callable[[], bool],
        before: dict[str, int] | None = None,
    ) -> None:
        super().__init__(store, run_id, tasks, stopping, before)
        self.client, self.remote, self.blocks = client, remote, blocks
        self._next: dict[str, float] = {}  #: when a log may be asked for again
        self._patience = LOG_PATIENCE

    def run(self) -> None:
        while not self.stopping() and not self.final:
            try:
                self._take(follow=True)
            except ClusterError as error:
                if not error.again:
                    raise
            self.pause(0.0 if self.final else EVERY)

    def once(self) -> None:
        """Bring the record up to date."""
        self._take(follow=False)

    def _take(self, follow: bool) -> None:
        try:
            found = self.client.run(self.remote)
        except ClusterError as error:
            if error.kind != "missing":
                raise
            self.lost(f"the run {self.remote} is no longer there")
            return
        if self.state == "pending" and found.get("state") not in (None, "PENDING"):
            self.begin(when(found.get("created_at")))
        details = (found.get("run_details") or {}).get("task_details") or []
        self.take(seen(nodes_told(details, self.tasks), self.tasks, self.blocks), follow)
        if found.get("state") in RUN_STATES and found.get("finished_at"):
            self._end(found)

    def _end(self, found: dict[str, Any]) -> None:
        message = (found.get("error") or {}).get("message") or "the run failed"
        failure = {"kind": "run", "type": "FAILED", "message": message}
        self.end(RUN_STATES[found["state"]], when(found.get("finished_at")), failure)

    # ---------------------------------------------------------------- logs
    def watch_log(self, one: Seen, attempt: Attempt) -> None:
        began = time.monotonic()
        if began < self._next.get(attempt.node, 0.0):
            return
        try:
            text = self.client.log(self.remote, pod_of(attempt.node, one.job.step.settings))
        except ClusterError:  # there is no pod yet, or the server gives no logs: its end will tell
            return
        self.kept_log(one, attempt).take_plain(text, time.time(), ended=False)
        self._next[attempt.node] = time.monotonic() + LOG_SHARE * (time.monotonic() - began)

    def read_log(self, one: Seen, attempt: Attempt) -> KeptLog:
        kept = self.kept_log(one, attempt)
        end = time.monotonic() + self._patience
        while kept.told.state is None:
            try:
                text = self.client.log(self.remote, pod_of(attempt.node, one.job.step.settings))
                kept.take_plain(text, attempt.finished or time.time())
                break
            except ClusterError as error:
                if not error.again or self.stopping():
                    break
                if time.monotonic() > end:
                    self._patience = 0.0
                    break
                self.pause(0.3)
        return kept
