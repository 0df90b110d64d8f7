"""A probe of a target: a run of a few small steps that tells which part of the way works.

It is a pipeline as any other, with a record in a folder of its own, and it is removed from the cluster at its end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.submission.cluster_engine import ClusterEngine
from kfnb.engines.cluster.targets.targets import Target, options_of
from kfnb.engines.engine_interface import RunOptions
from kfnb.engines.open_engine import engine_for
from kfnb.notebook.notebook_source import Source
from kfnb.pipeline.build.build_from_source import build_source
from kfnb.problems import NotebookError, errors
from kfnb.runs.record.run_store import RunStore
from kfnb.states import FINAL

PATIENCE = 600.0  #: seconds after which a probe that has not ended is given up
EVERY = 0.3  #: seconds between looks at the record
RUNS = "a step runs"
HAND_ON = {"hand-on": f'value = "handed on" * 100\nprint("{RUNS}")'}
TAKE = {"take": 'assert value == "handed on" * 100\nprint("the value arrived")'}
#: With `packages = "auto"`: a package that is small, and that is installed wherever kfnb is.
INSTALL = {"install": 'import idna\nprint("packages are installed", idna.__name__)'}
MEANINGS = {
    "hand-on": f"{RUNS} and hands on a value",
    "take": "the next step takes the value",
    "install": "a step installs a package",
}


@dataclass(frozen=True)
class ProbeLine:
    """What one part of the way did.

    Parameters
    ----------
    state
        ``done``, ``waiting`` or ``failed``.
    seconds
        The time since the probe began.
    """

    state: str
    text: str
    seconds: float

    def __str__(self) -> str:
        sign = {"done": "✓", "waiting": "…", "failed": "✗"}[self.state]
        return f"{sign} {self.text} ({self.seconds:.1f} s)"


def probe(
    target: Target, patience: float = PATIENCE, stop: threading.Event | None = None
) -> Generator[ProbeLine, None, None]:
    """Run a few small steps on a cluster and say what each part of the way did. The last line failed when the probe did.

    Parameters
    ----------
    stop
        Ends the probe when it is set. What the probe made is removed then too.

    Raises
    ------
    ClusterError
        When the cluster refuses the run, or does not answer any more.
    NotebookError
        When the settings of the target do not allow any run.
    """
    began, stop = time.monotonic(), stop or threading.Event()

    def line(state: str, text: str) -> ProbeLine:
        return ProbeLine(state, text, time.monotonic() - began)

    with TemporaryDirectory(prefix="kfnb-probe-") as folder, _submitted(target, Path(folder)) as (engine, run_id):
        location = engine.record.location(run_id)
        yield line("done", f"the cluster accepts the run ({location.get('name') or location.get('run')})")
        try:
            yield from _follow(engine, run_id, line, began + patience, stop)
        finally:
            left = _discard(engine, run_id)
        yield line("waiting", left) if left else line("done", "what the probe made is removed again")


def _notebook(cells: dict[str, str]) -> dict[str, Any]:
    """A notebook whose steps have these names and sources."""
    code: list[dict[str, Any]] = [
        {"cell_type": "code", "metadata": {"tags": [f"step:{name}"]}, "source": source, "outputs": [], "execution_count": None}
        for name, source in cells.items()
    ]  # fmt: skip
    return {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": code}


def _cells(target: Target) -> dict[str, str]:
    """The steps that try each part of the way.

    On Argo a value that passes in the Workflow needs no step that takes it: that the controller has it shows in the Workflow, and the
    step's code came in the same way. Such a step would cost another ten seconds, since the controller looks at a run that often.
    """
    options = options_of(target)
    takes = target.engine != "argo" or options.values != "parameters"
    return {**HAND_ON, **(TAKE if takes else {}), **(INSTALL if options.packages == "auto" else {})}


@contextmanager
def _submitted(target: Target, folder: Path) -> Iterator[tuple[ClusterEngine[Any, Any], str]]:
    cells = _cells(target)
    source = Source(folder / "kfnb-probe.ipynb", folder, "kfnb-probe", _notebook(cells))
    pipeline = build_source(source).pipeline
    assert pipeline is not None
    store = RunStore(folder / "record")
    try:
        engine = engine_for(store, replace(target, settings={**target.settings, "cache": False}))
        assert isinstance(engine, ClusterEngine)
        options = RunOptions(notebook=source.key, folder=str(folder))
        found = errors(engine.check(pipeline, options))
        if found:
            raise NotebookError(found)
        yield engine, engine.submit(pipeline, options)
    finally:
        store.close()


def _follow(
    engine: ClusterEngine[Any, Any],
    run_id: str,
    line: Callable[[str, str], ProbeLine],
    end: float,
    stop: threading.Event,
) -> Iterator[ProbeLine]:
    """The states of the steps as they change, until the run has ended or is given up."""
    told: set[tuple[str, str]] = set()

    def news() -> Iterator[ProbeLine]:
        for step in engine.store.steps(run_id):
            words = _words(str(step["path"]), str(step["state"]), str(step.get("reason") or ""))
            if words is not None and words not in told:
                told.add(words)
                yield line(*words)

    with engine.following(run_id) as following:
        while engine.store.head(run_id)["state"] not in FINAL:
            following.look()
            yield from news()
            if time.monotonic() > end:
                yield line("failed", "the probe has not ended: the lines above say how far it came")
                return
            if stop.wait(EVERY):
                return
    yield from news()  # the last step may be recorded after its run
    yield from _end(engine, run_id, line)


def _words(name: str, state: str, reason: str) -> tuple[str, str] | None:
    """What a step's state means for the probe: whether that part of the way is done, and what is told of it."""
    meaning = MEANINGS.get(name, name)
    if state == "succeeded":
        return "done", meaning
    if state == "running":
        return "waiting", f"{name} runs"
    if state == "pending" and reason:
        return "waiting", f"{name} waits: {reason}"
    if state in ("failed", "error"):
        return "failed", f"{meaning}: it failed{f' ({reason})' if reason else ''}"
    return None


def _end(engine: ClusterEngine[Any, Any], run_id: str, line: Callable[[str, str], ProbeLine]) -> Iterator[ProbeLine]:
    head = engine.store.head(run_id)
    if head["state"] != "succeeded":
        message = (head.get("error") or {}).get("message") or "no step says why"
        yield line("failed", f"the run {head['state']}: {message}")
        return
    if any(log.text == RUNS for log in engine.store.logs(run_id, "hand-on")):
        yield line("done", "the log of a step can be read")
    else:
        yield line("failed", "the steps ran, but their logs cannot be read: ask for the right to get pods/log")


def _discard(engine: ClusterEngine[Any, Any], run_id: str) -> str:
    """Remove the run from the cluster, and return why it is still there."""
    try:
        engine.discard(run_id)
    except ClusterError as error:
        return f"what the probe made could not be removed: {error}"
    return ""
