"""Follows the events and logs of a run through the record of runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from kfnb.runs.attempt_logs import LogLine, read_log
from kfnb.runs.record.run_store import Event, RunStore
from kfnb.states import FINAL, STEP_FINAL

if TYPE_CHECKING:
    from kfnb.engines.engine_interface import Engine

LOOK_EVERY = 0.015  #: seconds between two reads of the record


def follow_events(
    store: RunStore, run_id: str, since: int = 0, look: Callable[[], None] | None = None
) -> Iterator[Event]:
    """The events after number ``since``, as they happen, until the run has ended. ``look`` is called while waiting."""
    quiet = 0
    while True:
        events = store.events(run_id, since)
        for event in events:
            since = event.seq
            yield event
        if events:
            quiet = 0
            last = events[-1]
            if last.kind == "run" and last.data["state"] in FINAL and not store.events(run_id, since):
                return
            continue
        quiet += 1
        if quiet % 20 == 0 and store.head(run_id)["state"] in FINAL and not store.events(run_id, since):
            return
        if look is not None:
            look()
        time.sleep(LOOK_EVERY)


def follow_log(
    store: RunStore, run_id: str, path: str, attempt: int | None = None, follow: bool = False
) -> Iterator[LogLine]:
    """The log of a step's attempt, by default the last. With ``follow`` new lines are added until the step has ended."""
    at, number = 0, attempt
    while True:
        step = store.find_step(run_id, path)
        number = attempt or step["attempts"] or number or 1
        done = step["state"] in STEP_FINAL or not follow
        for line, after in read_log(store.attempt_folder(run_id, path, number) / "log", at):
            at = after
            yield line
        if done:
            return
        time.sleep(LOOK_EVERY)


def follow_all_logs(engine: Engine, run_id: str) -> Iterator[tuple[str, LogLine]]:
    """The log lines of all steps as they are written, each with its step's path, until the run has ended."""
    store, read = engine.store, {}  # type: tuple[RunStore, dict[tuple[str, int], int]]

    def news() -> Iterator[tuple[str, LogLine]]:
        for step in store.steps(run_id):
            for number in range(1, (step["attempts"] or 0) + 1):
                key = (step["path"], number)
                for line, after in read_log(store.attempt_folder(run_id, *key) / "log", read.get(key, 0)):
                    read[key] = after
                    yield step["path"], line

    with engine.following(run_id) as following:
        while store.head(run_id)["state"] not in FINAL:
            yield from news()
            following.look()
            time.sleep(LOOK_EVERY)
        yield from news()
