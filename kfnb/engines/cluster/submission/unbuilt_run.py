"""A run whose images are being built: nothing of it is on the cluster yet, and its steps wait in the record."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kfnb.engines.cluster.submission.delivery import Delivery, DeliveryProgress, begun
from kfnb.images.build_watch import Watch
from kfnb.runs.record.file_lock import hold, is_held
from kfnb.runs.record.run_store import RunStore
from kfnb.states import FINAL

BUILD_LOCK = "build.lock"  #: in the run's folder: the process that holds it builds the run's images
EVERY = 1.0  #: seconds between two looks at what a build has done
LEFT = {
    "kind": "submit",
    "type": "unreachable",
    "message": "the program that built the images of the steps has ended before it was done: retry the run",
}


class BuildCancelled(Exception):
    """The run was cancelled whose images are built. Nobody needs to be told: the record says it."""


def end_unbuilt(store: RunStore, run_id: str, state: str, reason: str, error: dict[str, Any] | None) -> None:
    """Record that a run never reaches its cluster, unless it has ended already."""
    now = time.time()
    with store.changing():
        if store.state(run_id) in FINAL:
            return
        for step in store.steps(run_id):
            if step["state"] == "pending":
                store.record_step(run_id, step["path"], step["step"], "omitted", finished=now, reason=reason)
        store.record_run(run_id, state, finished=now, error=error, delivery=None)


#: The locks that this process holds, by their files. One is held from the beginning of its run, so that nobody takes it for left.
_HELD: dict[Path, int] = {}


def hold_build(store: RunStore, run_id: str) -> None:
    """Say that this process builds the images of a run."""
    path = store.folder(run_id) / BUILD_LOCK
    handle = hold(path) if path not in _HELD else None
    if handle is not None:
        _HELD[path] = handle


def release_build(store: RunStore, run_id: str) -> None:
    """Say that it does so no more."""
    handle = _HELD.pop(store.folder(run_id) / BUILD_LOCK, None)
    if handle is not None:
        os.close(handle)


@contextmanager
def building_images(store: RunStore, run_id: str) -> Iterator[None]:
    """Hold the lock of the run's build. Record that the run has ended when the block fails or is interrupted; a block whose run was cancelled just ends."""
    hold_build(store, run_id)
    try:
        yield
    except BuildCancelled:
        pass
    except BaseException as error:
        reason = "the run never reached its cluster"
        failure = {"kind": "submit", "type": getattr(error, "kind", type(error).__name__), "message": str(error)}
        if isinstance(error, KeyboardInterrupt):
            end_unbuilt(store, run_id, "cancelled", reason, None)
        else:
            end_unbuilt(store, run_id, "failed", reason, failure)
        raise
    finally:
        release_build(store, run_id)


def end_if_left(store: RunStore, run_id: str) -> None:
    """End a run when nobody builds its images any more."""
    if store.state(run_id) not in FINAL and not is_held(store.folder(run_id) / BUILD_LOCK):
        end_unbuilt(store, run_id, "failed", LEFT["message"], LEFT)


class UnbuiltRun:
    """Follows a run until its images are built."""

    def __init__(
        self, store: RunStore, run_id: str, is_unbuilt: Callable[[], bool], stopping: Callable[[], bool]
    ) -> None:
        self._store, self._run, self._is_unbuilt, self._stopping = store, run_id, is_unbuilt, stopping

    def run(self) -> None:
        pause = threading.Event()
        while not self._stopping() and self._is_unbuilt() and self._store.state(self._run) not in FINAL:
            self.update()
            pause.wait(EVERY / 2)

    def update(self, log_of: str = "") -> None:
        end_if_left(self._store, self._run)


class BuildTeller:
    """Records how far the build of a run's images is, once in a while, and lets the build end when the run is cancelled.

    Several threads may tell it, as a `kfnb.images.build_watch.Watch`. It then raises `BuildCancelled` after the run has ended.

    Parameters
    ----------
    watch
        Is told the same at once.
    """

    def __init__(self, home: Path, run_id: str, watch: Watch) -> None:
        self._home, self._run, self._watch = home, run_id, watch
        self._progress, self._delivery = DeliveryProgress(), begun("package")
        self._ended, self._cancelled = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._record, daemon=True)

    def __call__(self, title: str, doing: str, done: int, size: int) -> None:
        if self._cancelled.is_set():
            raise BuildCancelled(self._run)
        self._delivery = self._progress.told(title, doing, done, size)
        self._watch(title, doing, done, size)

    def __enter__(self) -> BuildTeller:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _record(self) -> None:
        if self._ended.wait(EVERY):  # most builds have nothing to do
            return
        store = RunStore(self._home)  # a connection to SQLite belongs to its thread
        try:
            first = next((step for step in store.steps(self._run) if step["state"] == "pending"), None)
            told: Delivery | None = None
            while first is not None and not self._cancelled.is_set() and not self._ended.wait(EVERY):
                if self._delivery != told:
                    told = self._delivery
                    self._tell(store, first, told)
                elif store.state(self._run) in FINAL:
                    self._cancelled.set()
            if first is not None and told is not None:
                self._tell(store, first, begun("submit"))
        finally:
            store.close()

    def _tell(self, store: RunStore, step: dict[str, Any], delivery: Delivery) -> None:
        """Record it with the run, for the bar, and with its first step, for those who see the steps only."""
        reason = None if delivery.phase == "submit" else f"its image is built: kfnb {delivery}"
        with store.changing():
            if store.state(self._run) in FINAL:
                self._cancelled.set()
                return
            store.record_run(self._run, "pending", delivery=asdict(delivery))
            store.record_step(self._run, step["path"], step["step"], "pending", reason=reason)
