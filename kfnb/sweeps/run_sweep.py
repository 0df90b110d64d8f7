"""Runs a sweep: dispatches its runs, a limited number at a time, and follows them to their ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from kfnb.client.run_object import Run
from kfnb.engines.engine_interface import Following
from kfnb.engines.local.processes.launch_run_process import WarmProcess, launch
from kfnb.pipeline.model import Json
from kfnb.runs.record.run_store import RunStore
from kfnb.states import FINAL
from kfnb.sweeps.sweep_plan import Plan
from kfnb.sweeps.sweep_results import Goal, Results, Row
from kfnb.wording import elapsed, error_line

LOOK_EVERY = 0.03  #: seconds between two looks at the runs


@dataclass
class Trial:
    """One combination of the grid, and its run when that has begun.

    Parameters
    ----------
    problem
        Why it could not be begun, or not be followed to its end.
    ended
        The run's summary when it has ended.
    """

    number: int
    parameters: dict[str, Json]
    run: Run | None = None
    problem: str | None = None
    omitted: bool = False
    ended: dict[str, Any] | None = None

    def row(self) -> Row:
        """The row of this run in the results, in its present state."""
        if self.run is None:
            state = "failed" if self.problem else "omitted" if self.omitted else "pending"
            return Row(self.number, self.parameters, state, problem=self.problem)
        summary = self.ended or self.run.summary()
        return Row(
            self.number, self.parameters, summary["state"], self.run.id, summary["metrics"], elapsed(summary),
            self.problem or error_line(summary["error"]) or None,
        )  # fmt: skip


class Sweep:
    """Runs of one pipeline over a grid of parameters. They run in the background; `wait` waits for them.

    A run that fails does not stop the others. When this process ends, runs that have started go on, and no other run starts.

    Examples
    --------
    >>> sweep = kfnb.sweep("train.ipynb", {"lr": [0.1, 0.01], "depth": range(2, 5)}, maximize="accuracy")
    >>> sweep.wait().best()
    <Run 20261124-154314-6caa of train: succeeded>
    >>> pandas.DataFrame(sweep.table())
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.experiment, self.goal = plan.experiment, plan.goal
        self.trials = [Trial(n, c) for n, c in enumerate(plan.combinations, 1)]
        for at, run_id in plan.earlier.items():
            self.trials[at].run = run = Run(run_id)
            self.trials[at].ended = run.summary()
        self._cancel_requests = 0
        self._stopped = False
        self._error: BaseException | None = None
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run_trials, name=f"kfnb sweep {self.experiment}", daemon=True)

    def start(self) -> Sweep:
        """Start the sweep."""
        self._thread.start()
        return self

    # ---------------------------------------------------------------- state
    @property
    def ended(self) -> bool:
        """Whether all runs have ended and no other run will start."""
        return not self._thread.is_alive()

    @property
    def state(self) -> str:
        """``running`` until the sweep ends; then ``cancelled``, ``succeeded`` if all runs succeeded, or ``failed``."""
        if not self.ended:
            return "running"
        good = all(t.ended is not None and t.ended["state"] == "succeeded" for t in self.trials)
        return "succeeded" if good else "cancelled" if self._cancel_requests else "failed"

    @property
    def runs(self) -> list[Run]:
        """The runs that have started, in the order of the grid."""
        return [t.run for t in self.trials if t.run is not None]

    def results(self) -> Results:
        """The results of all runs so far."""
        rows = tuple(t.row() for t in self.trials)
        plan = self.plan
        return Results(plan.pipeline.name, plan.experiment, plan.target.name, plan.grid.swept, plan.goal, rows)

    def table(self) -> list[dict[str, Any]]:
        """A dict for each run, the best first: swept parameters, metrics, ``state``, ``duration``, ``run``."""
        return self.results().table()

    def best(self, *, maximize: str | None = None, minimize: str | None = None) -> Run:
        """The run with the highest or lowest value of a metric; by default the goal with which the sweep was started.

        Raises
        ------
        ValueError
            When it is not said which metric.
        LookupError
            When no run that succeeded left a number for it.
        """
        goal = goal_of(maximize, minimize) or self.goal
        results = self.results()
        if goal is None:
            known = ", ".join(results.numeric) or "none yet"
            raise ValueError(
                f'say by which metric: best(maximize="accuracy") or best(minimize="loss"); there are {known}'
            )
        found = results.best(goal)
        if not found:
            raise LookupError(f"no run that succeeded left a number for `{goal.metric}`")
        return next(r for r in self.runs if r.id == found[0].run)

    # ---------------------------------------------------------------- waiting and ending
    def wait(self) -> Sweep:
        """Wait until all runs have ended, in whatever state. Raises the error of the sweep itself, if there is one."""
        while self._thread.is_alive():
            self._thread.join(0.2)  # in parts: Ctrl-C is not heard meanwhile on every system
        if self._error is not None:
            raise self._error
        return self

    def __await__(self) -> Generator[Any, None, Sweep]:
        """``await sweep``: `wait`, without blocking the loop."""
        return self._wait_async().__await__()

    async def _wait_async(self) -> Sweep:
        while self._thread.is_alive():
            await asyncio.sleep(LOOK_EVERY)
        return self.wait()

    def cancel(self) -> None:
        """End the sweep: no other run starts, and the current runs are cancelled and run their exit handlers. A second call ends them at once."""
        self._cancel_requests += 1
        self._wake.set()

    # ---------------------------------------------------------------- the thread
    def _run_trials(self) -> None:
        waiting = [t for t in self.trials if t.run is None]
        here = self.plan.target.engine == "local"
        slots = min(self.plan.jobs, len(waiting)) if here else 0
        warm_processes = [WarmProcess(0.0, -(-(len(waiting) - n) // slots)) for n in range(slots)]
        try:
            for one in warm_processes:
                one.prepare()
            self._dispatch(waiting, warm_processes)
        except BaseException as error:
            self._error = error
        finally:
            for one in warm_processes:
                one.close()

    def _dispatch(self, waiting: list[Trial], warm_processes: list[WarmProcess]) -> None:
        active: dict[int, _FollowedRun] = {}
        started_count, cancelled = 0, 0
        try:
            while waiting or active:
                while waiting and len(active) < self.plan.jobs and not self._cancel_requests and not self._stopped:
                    trial = waiting.pop(0)
                    launch_run = (
                        warm_processes[started_count % len(warm_processes)].launch if warm_processes else launch
                    )
                    started_count += 1
                    if self._begin(trial, launch_run):
                        active[trial.number] = _FollowedRun(trial)
                if self._cancel_requests or self._stopped:
                    for trial in waiting:
                        trial.omitted = True
                    waiting = []
                if self._cancel_requests > cancelled:
                    cancelled += 1
                    for followed in active.values():
                        followed.cancel()
                remaining = {n: f for n, f in active.items() if not f.look()}
                if len(remaining) == len(active):
                    self._wake.wait(LOOK_EVERY)
                    self._wake.clear()
                active = remaining
        finally:
            for followed in active.values():
                followed.close()

    def _begin(self, trial: Trial, launch_run: Any) -> bool:
        """Start the run of a row. If it cannot start, no other run starts either, because it would be refused for the same reason."""
        from kfnb.engines.cluster.clients.cluster_errors import ClusterError

        try:
            trial.run = self.plan.prepared[trial.number - 1].submit(launch_run)
        except (ClusterError, OSError) as error:
            trial.problem = f"it could not be begun: {error}"
            self._stopped = True
        return trial.run is not None

    # ---------------------------------------------------------------- display
    def __repr__(self) -> str:
        states = [t.row().state for t in self.trials]
        counts = ", ".join(f"{states.count(s)} {s}" for s in dict.fromkeys(states))
        return f"<Sweep {self.experiment} of {self.plan.pipeline.name}: {len(states)} runs, {counts}>"

    def __str__(self) -> str:
        results = self.results()
        return "\n".join([results.text(), *results.verdict()])

    def _ipython_display_(self) -> None:
        from kfnb.widgets.sweep_view import show_sweep

        show_sweep(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """A table and a plot, in every MIME type that a front end may show."""
        from kfnb.sweeps.plot.sweep_html import fragment
        from kfnb.sweeps.plot.sweep_plot import plot

        results = self.results()
        bundle = {"text/plain": "\n".join([results.text(), *results.verdict()]), "text/html": fragment(results)}
        return {**bundle, "image/svg+xml": plot(results)} if results.numeric else bundle


class _FollowedRun:
    """Follows a run from its start to its end."""

    def __init__(self, trial: Trial) -> None:
        assert trial.run is not None
        self.trial, self.run = trial, trial.run
        self._open = ExitStack()
        engine = self._open.enter_context(self.run.opened_engine())
        self._store: RunStore = engine.store
        self._following: Following = self._open.enter_context(engine.following(self.run.id))

    def look(self) -> bool:
        """Whether the run has ended and its results have been read."""
        if self._store.head(self.run.id)["state"] in FINAL:
            self.trial.ended = self._store.summary(self.run.id)
            self.close()
            return True
        try:
            self._following.look()
        except Exception as error:  # whatever a cluster answers: the other runs go on
            self.trial.problem = f"it can be followed no more: {error}"
            self.close()
            return True
        return False

    def cancel(self) -> None:
        try:
            self.run.cancel()
        except Exception as error:
            self.trial.problem = f"it could not be cancelled: {error}"

    def close(self) -> None:
        self._open.close()


def goal_of(maximize: str | None, minimize: str | None) -> Goal | None:
    """The goal by which runs are compared. Raises `ValueError` when both directions are given."""
    if maximize is not None and minimize is not None:
        raise ValueError("say either maximize or minimize")
    if maximize is not None:
        return Goal(maximize, True)
    return Goal(minimize, False) if minimize is not None else None
