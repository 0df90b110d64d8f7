"""Follows runs for their views. One thread follows a run; it ends when the run ends or when no view is left."""

from __future__ import annotations

import threading
import time
from typing import Protocol

from kfnb.runs.record.run_store import RunStore
from kfnb.runs.step_progress import printed
from kfnb.widgets.view_protocols import FollowedRun
from kfnb.widgets.view_state import Json, Standing

LOOK_EVERY = 0.05  #: seconds between two looks at the record
SEND_EVERY = 0.1  #: seconds between two changes that are sent
LINES_EVERY = 0.5  #: seconds between two looks at what running steps print
CHECK_EVERY = 1.0  #: seconds between two looks at whether somebody still carries the run
MOST_LINES = 20  #: running steps whose last lines are read
PATIENCE = 5.0  #: seconds that the end of a cell waits for a view of a run that has ended


class Viewer(Protocol):
    """An object that shows a run. The thread that follows the run calls all of its methods."""

    def update(self, changes: Json) -> None:
        """Take the changes: ``run``, ``steps`` by name, ``notice``."""

    def tick(self, store: RunStore) -> None:
        """Some time has passed."""

    def flush(self, store: RunStore) -> None:
        """The run has ended, or cannot be followed: nothing more comes."""


class Follower:
    """Sends every viewer of a run what changes in it. ``standing`` is the state of the run that was sent last."""

    def __init__(self, run: FollowedRun) -> None:
        self.run = run
        self._names = [step.name for step in run.pipeline.steps()]
        with run.record() as store:
            self.standing = self._read(store)
        self.viewers: list[Viewer] = []
        self._sizes: dict[str, int] = {}  #: of the logs whose last lines were sent
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"kfnb-view-{run.id}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Look now: a viewer wants something else, or is gone."""
        self._wake.set()

    def join(self, timeout: float | None = None) -> None:
        """Wait until the viewers have received the end."""
        if self._thread.ident is not None:  # an interrupt of the kernel may have come before its start
            self._thread.join(timeout)

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def _read(self, store: RunStore) -> Standing:
        seq = store.last_event(self.run.id)
        return Standing(store.head(self.run.id), store.steps(self.run.id), seq, self._names)

    # ---------------------------------------------------------------- the thread
    def _follow(self) -> None:
        with self.run.record() as store:
            while True:
                lost = False
                try:
                    self._look_on(store)
                except Exception as error:  # a cluster that does not answer, a record that is gone: the views say so
                    lost = True
                    self._send({"notice": {"kind": "error", "text": f"the run cannot be followed: {error}"}})
                with LOCK:
                    viewers = list(self.viewers)
                    if lost or self.standing.ended or not viewers:
                        FOLLOWED.pop(self.run.id, None)
                        ENDING.add(self)
                        break
            try:
                for viewer in viewers:
                    viewer.flush(store)
            finally:
                with LOCK:
                    ENDING.discard(self)

    def _look_on(self, store: RunStore) -> None:
        lines = check = time.monotonic()
        with self.run.opened_engine() as engine, engine.following(self.run.id) as following:
            while self.viewers:
                now = time.monotonic()
                if now >= check:
                    store.head(self.run.id)  # records the end of a run whose scheduler is gone
                    following.look()
                    check = now + CHECK_EVERY
                changes = self.standing.apply(store.events(self.run.id, self.standing.seq))
                self._send(changes)
                if self.standing.ended:
                    return
                if now >= lines:
                    self._send_last_lines(store)
                    lines = now + LINES_EVERY
                for viewer in list(self.viewers):
                    viewer.tick(store)
                self._wake.wait(SEND_EVERY if changes else LOOK_EVERY)
                self._wake.clear()

    def _send(self, changes: Json) -> None:
        if changes:
            for viewer in list(self.viewers):
                viewer.update(changes)

    def _send_last_lines(self, store: RunStore) -> None:
        steps: Json = {}
        for one in self.standing.running()[:MOST_LINES]:
            log = store.attempt_folder(self.run.id, one["path"], one.get("attempts") or 1) / "log"
            size = log.stat().st_size if log.exists() else 0
            if self._sizes.get(one["path"], 0) == size:
                continue
            self._sizes[one["path"]] = size
            printed_line = printed(log)
            if printed_line is not None:
                steps.update(self.standing.print(one["path"], printed_line.line, printed_line.percent).get("steps", {}))
        self._send({"steps": steps} if steps else {})


# Every cell may show the same run again: whoever follows it already does so for all of them.
FOLLOWED: dict[str, Follower] = {}
#: They follow their run no longer, and their views show its end soon.
ENDING: set[Follower] = set()
LOCK = threading.Lock()


def follow(run: FollowedRun, viewer: Viewer) -> Follower:
    """Send a viewer the changes of a run from now on. ``standing`` of the result is the present state of the run."""
    with LOCK:
        known = FOLLOWED.get(run.id)
        if known is None:
            known = Follower(run)
            if not known.standing.ended:
                FOLLOWED[run.id] = known
        known.viewers.append(viewer)
        if FOLLOWED.get(run.id) is known and not known._thread.ident:
            known.start()
    return known


def leave(follower: Follower, viewer: Viewer) -> None:
    """Send a viewer nothing more; the thread ends with the last viewer."""
    with LOCK:
        if viewer in follower.viewers:
            follower.viewers.remove(viewer)
    follower.wake()


def catch_up(*_: object) -> None:
    """Wait until the views of ended runs show the end, which takes no longer than one look at the record."""
    with LOCK:
        followers = [*FOLLOWED.values(), *ENDING]
    for follower in followers:
        if follower.run.ended:
            follower.join(PATIENCE)
