"""The local engine: a run is a process of its own, followed through the record of runs."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from kfnb.engines.engine_interface import OPTIONS, RunOptions
from kfnb.engines.follow_record import LOOK_EVERY, follow_events, follow_log
from kfnb.engines.local.earlier_results import earlier, parameter_problems
from kfnb.engines.local.processes.launch_run_process import Launch, launch
from kfnb.engines.local.scheduling.step_graph import downstream
from kfnb.pipeline.checks.isolated_files import apart
from kfnb.pipeline.model import Pipeline
from kfnb.pipeline.serialize import to_json
from kfnb.problems import Problem
from kfnb.runs.attempt_logs import LogLine
from kfnb.runs.kept_pipeline import PIPELINE, check_step, kept_pipeline
from kfnb.runs.record.file_lock import holding, is_held
from kfnb.runs.record.private_record_files import append_to, read_object, write_file
from kfnb.runs.record.run_store import INTERRUPTED, LAUNCH, SCHEDULER, Event, RunStore, UnknownRun
from kfnb.states import FINAL

VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"
SLOW = 20.0  #: seconds for an interpreter to say its version: it may lie on a slow disk
PATIENCE = 30.0  #: seconds to wait for another command that begins the same run


class LocalEngine:
    """Runs pipelines on this machine."""

    name = "local"

    def __init__(self, store: RunStore, launch: Launch = launch) -> None:
        self.store, self._launched = store, launch

    def check(self, pipeline: Pipeline, options: RunOptions) -> list[Problem]:
        """Steps that the options name but the pipeline has not; an interpreter that is none."""
        names = [s.name for s in pipeline.steps()]
        found = []
        for name in (options.only, options.start):
            if name is not None and name not in names:
                found.append(
                    Problem("KF401", f"there is no step `{name}`", f"the steps are {', '.join(names)}", name=name)
                )
        if options.isolated:
            found += apart(pipeline)
        if not found and (options.only or options.start):
            found += parameter_problems(self.store, pipeline, options)
        return found if options.python is None else [*found, *_unfit(options.python)]

    def compile(self, pipeline: Pipeline, folder: str = ".") -> str:
        return json.dumps(to_json(pipeline), indent=1)

    # ---------------------------------------------------------------- beginning
    def submit(self, pipeline: Pipeline, options: RunOptions) -> str:
        """Begin a run in a process of its own and give its id."""
        run_id = self.store.reserve()
        folder = self.store.folder(run_id)
        options = replace(options, folder=os.path.abspath(options.folder))
        with holding(folder / LAUNCH):
            write_file(folder / PIPELINE, self.compile(pipeline))
            write_file(folder / OPTIONS, json.dumps(options.to_json()))
            kept = {
                path: {**t.step, "key": None, "state": "cached", "reason": f"taken from run {t.run}"}
                for path, t in earlier(self.store, pipeline, options, run_id).items()
            }
            self.store.add(
                run_id, pipeline.name, options.notebook, options.experiment, self.name, options.parameters, kept
            )
            self._launch(run_id)
        return run_id

    def retry(self, run_id: str, start: str | None = None, pipeline: Pipeline | None = None, **options: Any) -> str:
        """Take a run up again where it stood: what succeeded with the same code and inputs is not run again.

        Parameters
        ----------
        start
            Run this step and all after it again, whatever their state.
        pipeline
            The pipeline as it is now, when the notebook was edited since.
        options
            `RunOptions` that are others now.

        Raises
        ------
        UnknownRun
            When the run still runs, another takes it up, or it has no step ``start``.
        """
        folder = self.store.kept_folder(run_id)
        self._has_ended(run_id)
        with holding(folder / LAUNCH, patience=PATIENCE) as mine:
            if not mine:
                raise UnknownRun(
                    f"run {run_id} is being taken up again by another command: wait for it, then look where it stands"
                )
            self._has_ended(run_id)
            now = pipeline or kept_pipeline(self.store, run_id)
            if start is not None:
                check_step(now, run_id, start)
            again = downstream(now, start) if start is not None else set()
            if pipeline is not None:
                write_file(folder / PIPELINE, self.compile(pipeline))
            if options:
                write_file(folder / OPTIONS, json.dumps({**read_object(folder / OPTIONS), **options}))
            (folder / "cancel").unlink(missing_ok=True)
            self.store.take_up(run_id, again)
            self._launch(run_id)
        return run_id

    def _has_ended(self, run_id: str) -> None:
        if self.store.head(run_id)["state"] not in FINAL:
            raise UnknownRun(f"run {run_id} has not ended: cancel it first")

    def _launch(self, run_id: str) -> None:
        """Start the run's scheduler and wait until it has taken the run; the lock ``LAUNCH`` is held by who asks."""
        folder = self.store.folder(run_id)
        (folder / "scheduler.pid").unlink(missing_ok=True)
        process = self._launched(self.store.home, run_id, folder / "scheduler.log")
        while self.store.state(run_id) == "pending" and process.poll() is None:
            time.sleep(LOOK_EVERY)
        if process.poll() is not None and self.store.state(run_id) == "pending":
            self.store.record_run(run_id, "failed", finished=time.time(), error=_stillborn(process.poll(), folder))

    # ---------------------------------------------------------------- following
    def events(self, run_id: str, since: int = 0) -> Iterator[Event]:
        """Events after number ``since``, as they come, until the run has ended."""
        return follow_events(self.store, run_id, since)

    def logs(self, run_id: str, path: str, attempt: int | None = None, follow: bool = False) -> Iterator[LogLine]:
        """The log of a step's attempt (default: the last); ``follow``: as it grows, until the step is final."""
        return follow_log(self.store, run_id, path, attempt, follow)

    @contextmanager
    def following(self, run_id: str) -> Iterator[LocalEngine]:
        """The run itself writes the record."""
        yield self

    def look(self) -> None:
        """Nothing can go wrong between the record and its reader."""

    def refresh(self, run_id: str) -> None:
        """The record is always up to date: the run itself writes it."""

    def cancel(self, run_id: str) -> bool:
        """Ask the run to end; asked again, it ends at once and without its exit handler."""
        folder = self.store.folder(run_id)
        if self.store.head(run_id)["state"] in FINAL or not any(is_held(folder / n) for n in (LAUNCH, SCHEDULER)):
            return False
        with append_to(folder / "cancel") as file:
            file.write(b"x")  # signals of one kind may melt into one; how often it was asked stands here
        with contextlib.suppress(
            OSError, ValueError
        ):  # one that has only begun looks for itself whether it was cancelled
            os.kill(int((folder / "scheduler.pid").read_text()), signal.SIGTERM)
        return True


def _stillborn(status: int | None, folder: Path) -> dict[str, Any]:
    """What to say of a scheduler that ended before it began; one that cannot start says why in its log."""
    if status is not None and status < 0:
        return INTERRUPTED
    with contextlib.suppress(OSError):
        last = (folder / "scheduler.log").read_text("utf-8", "replace").strip().rsplit("\n", 1)[-1]
        return {"kind": "scheduler", "type": "RuntimeError", "message": f"the run could not be started: {last}"}
    return INTERRUPTED


def _unfit(python: str) -> list[Problem]:
    """Why steps cannot be run by an interpreter, if they cannot."""
    try:
        bare = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}  # nothing beside the notebook is imported
        told = subprocess.run(
            [python, "-Sc", VERSION], capture_output=True, text=True, timeout=SLOW, env=bare, cwd=os.sep
        )
        words = told.stdout.strip() if told.returncode == 0 else told.stderr.strip().rpartition("\n")[2]
    except (OSError, subprocess.TimeoutExpired) as error:
        words = str(error)
    if re.fullmatch(r"3\.(9|\d\d+)", words):
        return []
    why = f"it is Python {words}" if re.fullmatch(r"\d\.\d+", words) else words or "it says nothing"
    hint = "name a Python of 3.9 or newer, or leave it out: then steps run with kfnb's own"
    return [Problem("KF707", f"steps cannot be run by `{python}`: {why}", hint, name=python)]
