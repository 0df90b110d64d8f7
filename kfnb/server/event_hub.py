"""Sends what happens in runs to every browser that watches them: a snapshot first, then each change."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Iterable
from typing import Any

from kfnb.notebook.formats.text_cells import is_text
from kfnb.runs.record.lookup_by_name import UnknownRun
from kfnb.runs.record.private_record_files import DamagedRecord
from kfnb.runs.record.run_store import RunStore
from kfnb.runs.step_progress import Printed, printed
from kfnb.server.run_requests import Runs, snapshot
from kfnb.states import FINAL

LOG = logging.getLogger("kfnb")
Message = dict[str, Any]
LINES_EVERY = 10  #: looks at the record for one look at what running steps print


class Listener:
    """One browser's queue. One that does not read fast enough loses what waits, and gets snapshots instead."""

    def __init__(self, length: int) -> None:
        self.queue: asyncio.Queue[Message] = asyncio.Queue(length)
        self.watched: set[str] = set()
        self.behind: set[str] = set()  #: runs of which messages were lost

    def put(self, message: Message) -> None:
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            while not self.queue.empty():
                lost = self.queue.get_nowait()
                self.behind.add(lost["id"])
            self.behind.add(message["id"])


class Hub:
    """Looks at the record of the runs that somebody watches.

    Parameters
    ----------
    look_every
        Seconds between two looks.
    length
        Messages that may wait for one listener.
    """

    def __init__(self, runs: Runs, look_every: float, length: int) -> None:
        self._runs, self._look_every, self._length = runs, look_every, length
        self._listeners: set[Listener] = set()
        self._last_events: dict[str, int] = {}  #: of every watched run, the number of the last event that was sent
        self._lines: dict[tuple[str, str], Printed] = {}  #: the last line of every running step that was sent
        self._looks = 0
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._trouble = ""  #: what was said last of a record that cannot be looked at

    def join(self) -> Listener:
        listener = Listener(self._length)
        self._listeners.add(listener)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._look())
        return listener

    def leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)

    def watch(self, listener: Listener, runs: Iterable[str]) -> None:
        """Tell the listener of these runs and of no others; those that are new to it begin with a snapshot."""
        wanted = set(runs)
        listener.behind |= wanted - listener.watched
        listener.watched = wanted
        self._wake.set()

    def again(self, run_id: str) -> None:
        """A run was taken up again, and its steps were forgotten: whoever watches it gets a snapshot."""
        for listener in self._listeners:
            if run_id in listener.watched:
                listener.behind.add(run_id)
        self._wake.set()

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # ---------------------------------------------------------------- looking
    async def _look(self) -> None:
        """Look again and again. What cannot be read now is said once, and may be there at the next look."""
        store: RunStore | None = None
        try:
            while True:
                active = False
                try:
                    store = self._runs.current(store)
                    if store is None:
                        self._report_missing()
                    else:
                        active = self._send_news(store)  # reading it takes far less than a millisecond
                        self._trouble = ""
                except (OSError, sqlite3.Error, DamagedRecord) as error:
                    self._log_trouble(str(error))
                self._wake.clear()
                with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._look_every if active else 1.0)
        finally:
            if store is not None:
                store.close()

    def _log_trouble(self, trouble: str) -> None:
        if trouble != self._trouble:
            LOG.warning("the record of runs cannot be looked at: %s", trouble)
        self._trouble = trouble

    def _report_missing(self) -> None:
        """There is no record: tell every listener that its runs do not exist."""
        for run_id in sorted({r for one in self._listeners for r in one.behind}):
            self._send_gone(run_id, f"there is no run `{run_id}`")

    def _send_news(self, store: RunStore) -> bool:
        """Tell every listener what is new to it; whether a run that is watched still goes on."""
        watched = {r for one in self._listeners for r in one.watched}
        self._last_events = {r: n for r, n in self._last_events.items() if r in watched}
        self._lines = {k: line for k, line in self._lines.items() if k[0] in watched}
        self._looks += 1
        active = False
        for run_id in sorted(watched):
            try:
                self._news(store, run_id)
                if store.head(run_id)["state"] not in FINAL:
                    active = True
                    if self._looks % LINES_EVERY == 0:
                        self._printed(store, run_id)
            except (UnknownRun, DamagedRecord) as error:
                self._send_gone(run_id, str(error))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                LOG.warning("run %s cannot be shown", run_id, exc_info=True)
                self._send_gone(
                    run_id, f"what the record has of run {run_id} cannot be read: {type(error).__name__}: {error}"
                )
        return active

    def _news(self, store: RunStore, run_id: str) -> None:
        if run_id not in self._last_events:
            self._last_events[run_id] = store.last_event(run_id)
        events = store.events(run_id, self._last_events[run_id])
        # a run is seen before its notebook is kept, which has the lines on which a text file's cells begin
        failed = any(event.kind == "run" and event.data.get("error") for event in events)
        as_whole = failed and is_text(store.head(run_id)["notebook"])
        for listener in self._listeners:
            if run_id in listener.behind or (as_whole and run_id in listener.watched):
                listener.behind.discard(run_id)
                listener.put({"type": "snapshot", "id": run_id, **snapshot(store, run_id)})
            elif run_id in listener.watched:
                for event in events:
                    listener.put(
                        {"type": event.kind, "id": run_id, "seq": event.seq, "time": event.time, "data": event.data}
                    )
        if events:
            self._last_events[run_id] = events[-1].seq

    def _printed(self, store: RunStore, run_id: str) -> None:
        """Tell what running steps printed last, and how far they say they are."""
        for step in store.steps(run_id):
            if step["state"] != "running":
                continue
            path = step["path"]
            found = printed(store.attempt_folder(run_id, path, step["attempts"] or 1) / "log")
            if found is not None and self._lines.get((run_id, path)) != found:
                self._lines[run_id, path] = found
                message = {"type": "line", "id": run_id, "path": path, "line": found.line, "percent": found.percent}
                for listener in self._listeners:
                    if run_id in listener.watched:
                        listener.put(message)

    def _send_gone(self, run_id: str, why: str) -> None:
        for listener in self._listeners:
            if run_id in listener.watched:
                listener.watched.discard(run_id)
                listener.behind.discard(run_id)
                listener.put({"type": "gone", "id": run_id, "message": why})
