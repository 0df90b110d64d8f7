"""`Run`: a run as a Python object, with its state, its steps, and methods that wait for it, cancel it and retry it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from kfnb.client.step_object import RunStep
from kfnb.engines.engine_interface import Engine
from kfnb.engines.open_engine import engine_of
from kfnb.notebook.notebook_source import AnyNotebook, division_in, source_of
from kfnb.pipeline.model import Pipeline
from kfnb.problems import UserError
from kfnb.runs.kept_notebook import keep_notebook, kept_notebook
from kfnb.runs.kept_pipeline import kept_pipeline
from kfnb.runs.record.lookup_by_name import UnknownRun
from kfnb.runs.record.run_store import Event, RunStore
from kfnb.runs.run_as_text import summary_as_text
from kfnb.states import FINAL
from kfnb.terminal_escapes import without_codes
from kfnb.wording import elapsed, error_line, error_place, load_hint


class RunFailed(UserError, Exception):
    """A run failed or was cancelled while the program waited for it; ``run`` is the run."""

    def __init__(self, run: Run) -> None:
        error = run.error
        if error is None:
            message = f"run {run.id} {run.state}: it was {run.state}"
        else:
            place, hint = error_place(error), load_hint(run.id, error)
            line = without_codes(error_line(error))
            message = f"run {run.id} {run.state}{' in ' if place else ': '}{line}" + (f"\n{hint}" if hint else "")
        super().__init__(message)
        self.run = run


class Run:
    """A run of a pipeline, here or on a cluster. Several threads may use it at once.

    Parameters
    ----------
    run
        The run's id, the beginning of one, or ``last``.
    home
        The folder of the record of runs; by default that of this process.

    Raises
    ------
    UnknownRun
        When there is no such run.

    Examples
    --------
    >>> run = kfnb.run("train.ipynb", {"epochs": 3})
    >>> run.wait().state
    'succeeded'
    >>> run["train"]["model"]
    LogisticRegression()
    """

    def __init__(self, run: str, home: Path | None = None) -> None:
        self._home = home
        with self.record() as store:
            self._home = store.home
            self.id = store.resolve(run)
            head = store.head(self.id)
        self.name: str = head["pipeline"]
        self.notebook: str | None = head["notebook"]
        self.engine: str = head["engine"]
        self.experiment: str | None = head["experiment"]
        self.parameters: dict[str, Any] = head["parameters"]

    @contextmanager
    def record(self) -> Iterator[RunStore]:
        """The record of runs, opened for this thread."""
        store = RunStore(self._home)
        try:
            yield store
        finally:
            store.close()

    # ---------------------------------------------------------------- where it stands
    def _head(self) -> dict[str, Any]:
        with self._now() as store:
            return store.head(self.id)

    @contextmanager
    def _now(self) -> Iterator[RunStore]:
        """Open the record after updating it: a local run updates it by itself, a cluster has to be asked."""
        with self.record() as store:
            if self.engine != "local" and store.state(self.id) not in FINAL:
                engine_of(store, self.id).refresh(self.id)
            yield store

    @property
    def state(self) -> str:
        """``pending``, ``running``, ``succeeded``, ``failed`` or ``cancelled``."""
        return str(self._head()["state"])

    @property
    def ended(self) -> bool:
        return self.state in FINAL

    @property
    def started(self) -> float | None:
        """Seconds since 1970; ``None`` before it has begun."""
        found: float | None = self._head()["started"]
        return found

    @property
    def finished(self) -> float | None:
        found: float | None = self._head()["finished"]
        return found

    @property
    def duration(self) -> float | None:
        """Seconds, until now while it runs; ``None`` before it has begun."""
        return elapsed(self._head())

    @property
    def error(self) -> dict[str, Any] | None:
        """The first error: ``step``, ``cell``, ``line``, ``type``, ``message``; ``None`` when there is none."""
        found: dict[str, Any] | None = self._head()["error"]
        return found

    @property
    def metrics(self) -> dict[str, Any]:
        found: dict[str, Any] = self.summary()["metrics"]
        return found

    def summary(self) -> dict[str, Any]:
        """The run as ``kfnb status --json`` prints it."""
        with self._now() as store:
            return store.summary(self.id)

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline that was run. Raises `UnknownRun` when the folder of the run is gone."""
        with self.record() as store:
            return kept_pipeline(store, self.id)

    # ---------------------------------------------------------------- its steps
    @property
    def steps(self) -> dict[str, RunStep]:
        """Every step that the record knows, by its name, in the order of the pipeline."""
        return {name: RunStep(self, name) for name in self.summary()["steps"]}

    def __getitem__(self, step: str) -> RunStep:
        """A step, or an iteration such as ``train[2]``. Raises `UnknownRun` with the nearest name."""
        with self.record() as store:
            if step not in store.summary(self.id)["steps"]:
                store.find_step(self.id, step)
        return RunStep(self, step)

    def __iter__(self) -> Iterator[RunStep]:
        return iter(self.steps.values())

    # ---------------------------------------------------------------- following and acting
    @contextmanager
    def opened_engine(self) -> Iterator[Engine]:
        """Open the engine of the run for this thread."""
        with self.record() as store:
            yield engine_of(store, self.id)

    def events(self, since: int = 0) -> Iterator[Event]:
        """Yield every event after number ``since`` as it happens, until the run has ended."""
        with self.opened_engine() as engine:
            yield from engine.events(self.id, since)

    def wait(self, check: bool = True, since: int = 0) -> Run:
        """Wait until the run has ended.

        Parameters
        ----------
        check
            Raise `RunFailed` when it did not succeed.
        """
        for _ in self.events(since):
            pass
        if check and self.state != "succeeded":
            raise RunFailed(self)
        return self

    def cancel(self) -> bool:
        """Cancel the run. Its exit handler still runs, unless you cancel a second time. Returns False when the run has ended already."""
        with self.opened_engine() as engine:
            return engine.cancel(self.id)

    def retry(self, step: str | None = None, notebook: AnyNotebook | None = None) -> Run:
        """Run again the steps that have not succeeded, or ``step`` and all steps after it.

        Parameters
        ----------
        notebook
            The notebook as it is now, if it was edited since. By default, the pipeline of the run is run again.

        Raises
        ------
        UnknownRun
            When the run has not ended, or has no such step.
        NotebookError
            When the notebook has errors.
        """
        from kfnb.pipeline.build.build_from_source import build_again

        with self.opened_engine() as engine:
            division = division_in(kept_notebook(engine.store, self.id))
            source = replace(source_of(notebook), division=division).snapshot() if notebook else None
            pipeline = build_again(source, self.name).require() if source is not None else None
            engine.retry(self.id, step, pipeline)
            if source is not None:
                keep_notebook(engine.store, self.id, source.data())
        return self

    def report(self, path: str | Path = ".") -> Path:
        """Write the report of the run and return its file. Raises `NoReport`.

        ``path`` is a ``.html`` page, an executed ``.ipynb`` notebook, or a folder, in which a page is written.
        """
        from kfnb.reports import write

        self._head()
        return write(self.id, path, self._home)

    def log(self, step: str | None = None) -> str:
        """What a step printed; without ``step``, what all steps printed, each line after the name of its step."""
        if step is not None:
            return self[step].log
        with self.record() as store:
            paths = [s["path"] for s in store.steps(self.id) if s["attempts"]]
            return "\n".join(f"[{p}] {line.text}" for p in paths for line in store.logs(self.id, p))

    # ---------------------------------------------------------------- for those who await
    def __await__(self) -> Generator[Any, None, Run]:
        """``await run``: wait without blocking the loop. Raises `RunFailed`."""
        return self.wait_async().__await__()

    async def wait_async(self, check: bool = True) -> Run:
        """`wait`, without blocking the loop."""
        async for _ in self.events_async():
            pass
        if check and self.state != "succeeded":
            raise RunFailed(self)
        return self

    async def events_async(self, since: int = 0) -> AsyncIterator[Event]:
        """`events`, without blocking the loop. A listener may stop at any time."""
        from kfnb.engines.follow_record import LOOK_EVERY

        with self.opened_engine() as engine, engine.following(self.id) as following:
            while True:
                ended = engine.store.head(self.id)["state"] in FINAL
                found = engine.store.events(self.id, since)
                for event in found:
                    since = event.seq
                    yield event
                if ended and not found:
                    return
                following.look()
                await asyncio.sleep(LOOK_EVERY)

    # ---------------------------------------------------------------- how it looks
    def _ipython_display_(self) -> None:
        from kfnb.widgets.run_view import show_run

        show_run(self)

    def __repr__(self) -> str:
        return f"<Run {self.id} of {self.name}: {self.state}>"

    def __str__(self) -> str:
        return summary_as_text(self.summary())


__all__ = ["AnyNotebook", "Run", "RunFailed", "UnknownRun"]
