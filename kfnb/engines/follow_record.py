"""Follows the events and logs of a run through the record of runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kfnb.runs.attempt_logs import EXECUTOR, LOG, LogLine, read_log
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
    store: RunStore, run_id: str, path: str, attempt: int | None = None, follow: bool = False, verbose: bool = False
) -> Iterator[LogLine]:
    """The log of a step's attempt, by default the last. With ``follow`` new lines are added until the step has ended.

    ``verbose`` adds the lines of the cluster's own tools, in the order of their times.
    """
    names = (LOG, EXECUTOR) if verbose else (LOG,)
    read: dict[tuple[int, str], int] = {}
    first = attempt
    while True:
        step = store.find_step(run_id, path)
        last = attempt or step["attempts"] or first or 1
        first = first or last
        done = step["state"] in STEP_FINAL or not follow
        for number in range(first, last + 1):  # an attempt may end and the next begin between two reads
            yield from _news(store.attempt_folder(run_id, path, number), number, names, read)
        if done:
            return
        time.sleep(LOOK_EVERY)


def _news(folder: Path, number: int, names: tuple[str, ...], read: dict[tuple[int, str], int]) -> list[LogLine]:
    """The new lines of an attempt in several files, in the order of their times. ``read`` has the byte after what is read."""
    news: list[LogLine] = []
    for name in names:
        for line, after in read_log(folder / name, read.get((number, name), 0)):
            read[number, name] = after
            news.append(line)
    return sorted(news, key=lambda line: line.time) if len(names) > 1 else news


def follow_all_logs(engine: Engine, run_id: str, verbose: bool = False) -> Iterator[tuple[str, LogLine]]:
    """The log lines of all steps as they are written, each with its step's path, until the run has ended."""
    store, names = engine.store, (LOG, EXECUTOR) if verbose else (LOG,)
    read: dict[str, dict[tuple[int, str], int]] = {}

    def news() -> Iterator[tuple[str, LogLine]]:
        for step in store.steps(run_id):
            path = step["path"]
            for number in range(1, (step["attempts"] or 0) + 1):
                folder = store.attempt_folder(run_id, path, number)
                for line in _news(folder, number, names, read.setdefault(path, {})):
                    yield path, line

    with engine.following(run_id) as following:
        while store.head(run_id)["state"] not in FINAL:
            yield from news()
            following.look()
            time.sleep(LOOK_EVERY)
        yield from news()
