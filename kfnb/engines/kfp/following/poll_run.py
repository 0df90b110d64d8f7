"""Follows a run of Kubeflow Pipelines by polling its REST API, where Kubernetes itself cannot be read.

All runs that a process follows on a server share their requests. A run, and a log, is asked for more seldom while nothing changes in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.following.logs.pod_logs import RecordedLog
from kfnb.engines.cluster.following.noted_pods import NotedPods
from kfnb.engines.cluster.following.observed_steps import Attempt, ObservedStep, timestamp_of
from kfnb.engines.cluster.following.run_recorder import Recorder
from kfnb.engines.cluster.following.words.skip_words import SkipWords
from kfnb.engines.cluster.lowering.jobs_and_blocks import distinct_jobs
from kfnb.engines.kfp.following.node_states import CANCELLED, DRIVER_TEMPLATE, Jobs, observe_steps, pod_of
from kfnb.engines.kfp.following.pace import Pace
from kfnb.engines.kfp.following.shared_poll import FollowedRun, SharedPoll
from kfnb.engines.kfp.following.stalled_record import last_change, stalled_step
from kfnb.engines.kfp.following.taken_texts import Taken, texts_in_log, with_taken_texts
from kfnb.engines.kfp.following.task_tree import history_of, nodes_from_details, time_of
from kfnb.engines.kfp.kfp_client import KfpClient
from kfnb.runs.record.run_store import RunStore
from kfnb.step_settings import Settings

EVERY = 2.0  #: seconds between two requests while something changes
LOG_SHARE = 10  #: wait this many times the duration of the last request for a log, because the server always sends the whole log
SILENT = 15  #: where there is no log, how many times as long as the shortest wait the longest is
LOG_PATIENCE = 10.0  #: seconds to wait for the log of a finished pod, until the server has failed to send one
SETTLING = 60.0  #: seconds after the end of a run in which the server may still write down how its tasks ended
WAITING = 30.0  #: seconds after which a step without a log is said to wait for something that the server does not tell
NO_LIVE_LOG = (
    "its log comes when it has ended, because a server for a single user shows none before, and no server tells what a step waits for; "
    "with `kubeconfig` or `context` in the target, kfnb reads both from the pod"
)
NO_WAITS = (
    "it has no log yet, and Kubeflow Pipelines does not tell what its pod waits for, such as an image or room on a node; with "
    "`kubeconfig` or `context` in the target, kfnb reads it from the pod"
)
RUN_STATES = {"SUCCEEDED": "succeeded", "FAILED": "failed", "CANCELED": "cancelled", "SKIPPED": "succeeded"}


@dataclass(frozen=True)
class ServerRun:
    """A run on a server.

    Parameters
    ----------
    client, poll
        How its logs and its state are asked for.
    id
        Its id there.
    cancelled
        When kfnb has asked the server to stop it. The server itself forgets that when the run ends at once.
    """

    client: KfpClient
    poll: SharedPoll
    id: str
    cancelled: Callable[[], float | None]


class PollFollower(Recorder):
    """Brings one run's record up to date."""

    def __init__(
        self,
        store: RunStore,
        run_id: str,
        server: ServerRun,
        tasks: Jobs,
        blocks: Jobs,
        taken: Collection[Taken],
        stopping: Callable[[], bool],
        earlier_attempts: dict[str, int] | None = None,
        skip_words: SkipWords | None = None,
    ) -> None:
        super().__init__(store, run_id, tasks, stopping, earlier_attempts, skip_words)
        self.server, self.blocks, self.taken = server, blocks, taken
        self._noted_pods = NotedPods(self._attempt_folder)
        self._cancelling: float | None = None  #: when the server was first seen to stop the run
        self._pace = Pace(EVERY)
        self._answer: dict[str, Any] = {}  #: what the server last said of the run
        self._log_paces: dict[str, Pace] = {}  #: by node
        self._next: dict[str, float] = {}  #: the time of the next request for the log of each node
        self._lengths: dict[str, int] = {}  #: of the last log of each node
        self._patience = LOG_PATIENCE
        self._unread: dict[str, str] = {}  #: by the path of a step, why its log could not be read
        self._silent: tuple[str, str] | None = (
            None  #: the first step whose log the server does not show, and why: it says so for all
        )
        self._ended: dict[
            str, float
        ] = {}  #: by the path of a step that the server calls running, when its log was complete
        self._single_user: bool | None = None  #: whether the server is one for a single user, once it is known

    def run(self) -> None:
        with self.server.poll.following(self.server.id) as followed:
            while not self.stopping() and not self.final:
                try:
                    if followed.is_due():
                        self._record_newest(followed)
                    else:
                        self._record_run(self._answer, follow=True)
                except ClusterError as error:
                    if not error.retryable:
                        raise
                self.pause(0.0 if self.final else EVERY)

    def update(self, log_of: str = "") -> None:
        with self._recording_deletion():
            self._record_run(self.server.client.run(self.server.id), follow=False)
        self.record_log_so_far(log_of)

    def _record_newest(self, followed: FollowedRun) -> None:
        with self._recording_deletion():
            answer = self.server.poll.ask(followed)
            changed = any(answer.get(k) != self._answer.get(k) for k in ("state", "run_details"))
            self._pace.note(changed or answer.get("state") in RUN_STATES)
            self._answer, followed.wait = answer, self._pace.wait
            self._record_run(answer, follow=True)

    @contextmanager
    def _recording_deletion(self) -> Iterator[None]:
        try:
            yield
        except ClusterError as error:
            if error.kind != "missing":
                raise
            self.record_deleted(f"the run {self.server.id} is no longer there")

    def _record_run(self, run: dict[str, Any], follow: bool) -> None:
        if self.state == "pending" and run.get("state") not in (None, "PENDING"):
            self.record_start(timestamp_of(run.get("created_at")))
        details = (run.get("run_details") or {}).get("task_details") or []
        nodes, cancelled = nodes_from_details(details, self.tasks), self._cancelled_at(run)
        self.stopped = CANCELLED if cancelled is not None else ""
        steps = [self._explained(s) for s in observe_steps(nodes, self.tasks, self.blocks)]
        has_ended = run.get("state") in RUN_STATES and has_settled(run, details)
        if has_ended:
            steps = with_taken_texts(steps, nodes, self.taken, self._resolved_by)
        if run.get("state") not in RUN_STATES:
            steps = self._with_stalled(steps, last_change(run, details))
        self._note_pods(steps, nodes)
        self.record_steps([with_cancellation(s, cancelled) for s in steps], follow)
        if has_ended:
            self._end(run)

    def _note_pods(self, steps: list[ObservedStep], nodes: dict[str, Any]) -> None:
        """Note the pods, of which the server tells neither node nor events, but which states their tasks had when."""
        own_pod = (s for s in steps if not self.has_ended(s.path) and not self.waits_in_pod(s))
        self._noted_pods.note(
            own_pod,
            lambda step, attempt: {
                "name": pod_of(attempt, step.job.step.settings), "namespace": "", "node": "",
                "events": history_of(nodes[attempt.node]),
            },
        )  # fmt: skip

    def _cancelled_at(self, run: dict[str, Any]) -> float | None:
        """When a run was cancelled. The server writes it into its history only when the run takes a while to stop."""
        if run.get("state") == "CANCELING" and self._cancelling is None:
            self._cancelling = time.time()
        told = cancelled_at(run) or self._cancelling
        return self.server.cancelled() if told is None and run.get("state") == "FAILED" else told

    def _end(self, run: dict[str, Any]) -> None:
        message = (run.get("error") or {}).get("message") or "the run failed"
        failure = {"kind": "run", "type": "FAILED", "message": message}
        state = RUN_STATES[run["state"]]
        if state == "failed" and self._cancelled_at(run) is not None:
            state = "cancelled"
        self.record_end(state, timestamp_of(run.get("finished_at")), failure)

    # ---------------------------------------------------------------- logs
    def watch_log(self, step: ObservedStep, attempt: Attempt) -> None:
        began = time.monotonic()
        if began < self._next.get(attempt.node, 0.0):
            return
        recorded, pace = self.recorded_log(step, attempt), self._log_paces.setdefault(attempt.node, Pace(EVERY))
        try:
            text = self.server.client.log(self.server.id, pod_of(attempt, step.job.step.settings))
            recorded.append_untimed(text, time.time(), ended=False)
            pace.note(len(text) != self._lengths.get(attempt.node))
            self._lengths[attempt.node] = len(text)
        except ClusterError:
            # There is no pod yet, or the server has no logs. `read_log` tries again at the end of the step.
            self._note_silence(step)
            pace.note(False, SILENT)
        if recorded.report.state is not None and attempt is step.attempts[-1] and not step.pod:
            self._ended.setdefault(step.path, time.time())
        self._next[attempt.node] = began + max(pace.wait - EVERY / 2, LOG_SHARE * (time.monotonic() - began))

    def read_log_so_far(self, step: ObservedStep, attempt: Attempt) -> None:
        self.watch_log(step, attempt)  # it reads the log once, too

    def read_log(self, step: ObservedStep, attempt: Attempt) -> RecordedLog:
        recorded = self.recorded_log(step, attempt)
        end = time.monotonic() + self._patience
        while recorded.report.state is None:
            try:
                text = self.server.client.log(self.server.id, pod_of(attempt, step.job.step.settings))
                recorded.append_untimed(text, attempt.finished or time.time())
                break
            except ClusterError as error:
                if time.monotonic() > end:
                    self._patience = 0.0
                if not error.retryable or self.stopping() or not self._patience:
                    self._unread[step.path] = str(error)
                    break
                self.pause(0.3)
        return recorded

    def _resolved_by(self, driver: str) -> dict[str, Any]:
        """What a driver has resolved, from its log. The last look at a run reads it."""
        attempt = Attempt(1, driver, "succeeded", None, None, "", DRIVER_TEMPLATE)
        try:
            return texts_in_log(self.server.client.log(self.server.id, pod_of(attempt, Settings())))
        except ClusterError:  # who cannot read it does not know the values
            return {}

    def _note_silence(self, step: ObservedStep) -> None:
        if self._silent is not None:
            return
        if self._is_for_single_user():
            self._silent = step.path, NO_LIVE_LOG
        elif step.started is not None and time.time() - step.started > WAITING:
            self._silent = step.path, NO_WAITS

    def _explained(self, step: ObservedStep) -> ObservedStep:
        """A running step, with why its log is empty."""
        if self._silent is None or step.state != "running" or step.path != self._silent[0]:
            return step
        return step.noted(self._silent[1])

    def _with_stalled(self, steps: list[ObservedStep], changed: float | None) -> list[ObservedStep]:
        """The steps, of which one says when the server no longer records what the run does."""
        stalled = stalled_step(steps, distinct_jobs(self.tasks), self._ended, changed)
        return steps if stalled is None else [*(s for s in steps if s.path != stalled.path), stalled]

    def _is_for_single_user(self) -> bool:
        if self._single_user is None:
            self._single_user = not self.server.client.multi_user()
        return self._single_user

    def _record(self, step: ObservedStep, state: str, attempts: int, fields: dict[str, Any]) -> None:
        """Record a step, and what is not known of it when its log could not be read."""
        unread = self._unread.pop(step.path, "")
        if unread and state in ("succeeded", "failed"):
            message = f"{step.message or f'it {state}'}; its log and its values are not known: {unread}"
            fields = {**fields, "reason": message}
            if state == "failed":
                fields["error"] = {**fields["error"], "message": message}
        super()._record(step, state, attempts, fields)


def has_settled(run: dict[str, Any], details: list[dict[str, Any]]) -> bool:
    """Whether the server has written down how each task ended: a busy one does so seconds after the end of the run."""
    finished = timestamp_of(time_of(run.get("finished_at")))
    if finished is None:
        return False
    unsettled = any(
        d.get("state") in ("PENDING", "RUNNING") or not d.get("state") and not time_of(d.get("end_time"))
        for d in details
    )
    return not unsettled or time.time() - finished > SETTLING


def cancelled_at(run: dict[str, Any]) -> float | None:
    """When a run was cancelled. Its last state is `FAILED`, as that of a run that failed by itself.

    The history of a run that was retried also has what came before.
    """
    time = None
    for entry in run.get("state_history") or ():
        if entry.get("state") == "CANCELING":
            time = timestamp_of(entry.get("update_time"))
        elif entry.get("state") in ("PENDING", "RUNNING"):
            time = None
    return time


def with_cancellation(step: ObservedStep, cancelled: float | None) -> ObservedStep:
    """The step as `cancelled` when it was running at that time. Exit handlers run to their end."""
    if cancelled is None or step.state != "failed" or step.job.in_handler or (step.finished or cancelled) < cancelled:
        return step
    return replace(step, state="cancelled", message=CANCELLED)
