"""The local engine: each run is a process of its own, and is followed through the record of runs."""

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

from kfnb.engines.engine_interface import OPTIONS, RunOptions, recorded_options
from kfnb.engines.follow_record import LOOK_EVERY, follow_events, follow_log
from kfnb.engines.local.earlier_results import find_reusable, parameter_problems
from kfnb.engines.local.processes.launch_run_process import Launch, launch
from kfnb.engines.local.scheduling.step_graph import downstream
from kfnb.pipeline.checks.isolated_files import apart
from kfnb.pipeline.model import Pipeline
from kfnb.pipeline.serialize import to_json
from kfnb.problems import Problem
from kfnb.runs.attempt_logs import LogLine
from kfnb.runs.kept_pipeline import PIPELINE, check_step, kept_pipeline
from kfnb.runs.record.file_lock import holding, is_held
from kfnb.runs.record.lookup_by_name import UnknownRun
from kfnb.runs.record.private_record_files import append_to, read_object, write_file
from kfnb.runs.record.run_store import INTERRUPTED, LAUNCH, SCHEDULER, Event, RunStore
from kfnb.runs.run_environment import RunEnvironment, record_environment
from kfnb.states import FINAL

VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"
SLOW = 20.0  #: seconds in which an interpreter must print its version; it may be on a slow disk
PATIENCE = 30.0  #: seconds to wait for another command that starts the same run


class LocalEngine:
    """Runs pipelines on this machine."""

    name = "local"

    def __init__(self, store: RunStore, launch: Launch = launch) -> None:
        self.store, self._start_process = store, launch

    def check(self, pipeline: Pipeline, options: RunOptions) -> list[Problem]:
        """Problems of the options: unknown steps, unusable interpreters, and values made with other parameters."""
        names = [s.name for s in pipeline.steps()]
        problems = []
        for name in (options.only, options.start):
            if name is not None and name not in names:
                problems.append(
                    Problem("KF401", f"there is no step `{name}`", f"the steps are {', '.join(names)}", name=name)
                )
        if options.isolated:
            problems += apart(pipeline)
        if options.containers is not None:
            from kfnb.engines.local.containers.container_checks import container_problems

            problems += container_problems(pipeline, options)
        elif any(s.settings.cpu or s.settings.memory for s in pipeline.steps()):
            from kfnb.engines.local.limits.limit_checks import limit_problems

            problems += limit_problems(pipeline)
        if not problems and (options.only or options.start):
            problems += parameter_problems(self.store, pipeline, options)
        return problems if options.python is None else [*problems, *_interpreter_problems(options.python)]

    def compile(self, pipeline: Pipeline, folder: str = ".", python: str | None = None) -> str:
        return json.dumps(to_json(pipeline), indent=1)

    # ---------------------------------------------------------------- beginning
    def submit(self, pipeline: Pipeline, options: RunOptions) -> str:
        """Start a run in a process of its own and return its id."""
        run_id = self.store.reserve()
        folder = self.store.folder(run_id)
        options = replace(options, folder=os.path.abspath(options.folder), image=_from_anywhere(options.image))
        with holding(folder / LAUNCH):
            write_file(folder / PIPELINE, self.compile(pipeline))
            write_file(folder / OPTIONS, json.dumps(options.to_json()))
            reused = {
                path: {**t.step, "key": None, "state": "cached", "reason": f"taken from run {t.run}"}
                for path, t in find_reusable(self.store, pipeline, options, run_id).items()
            }
            self.store.add(
                run_id, pipeline.name, options.notebook, options.experiment, self.name, options.parameters, reused,
                notebook_id=options.notebook_id, name=options.name,
            )  # fmt: skip
            self._launch(run_id, options)
        return run_id

    def retry(self, run_id: str, start: str | None = None, pipeline: Pipeline | None = None, **options: Any) -> str:
        """Continue a run that has ended. Steps that succeeded with the same code and inputs do not run again.

        Parameters
        ----------
        start
            Run this step and all steps after it again, whatever their state.
        pipeline
            The current pipeline, when the notebook was edited since.
        options
            Fields of `RunOptions` that have changed.

        Raises
        ------
        UnknownRun
            When the run still runs, another command continues it, or it has no step ``start``.
        """
        folder = self.store.kept_folder(run_id)
        self._require_ended(run_id)
        with holding(folder / LAUNCH, patience=PATIENCE) as acquired:
            if not acquired:
                raise UnknownRun(
                    f"run {run_id} is being taken up again by another command: wait for it, then look where it stands"
                )
            self._require_ended(run_id)
            current = pipeline or kept_pipeline(self.store, run_id)
            if start is not None:
                check_step(current, run_id, start)
            rerun = downstream(current, start) if start is not None else set()
            if pipeline is not None:
                write_file(folder / PIPELINE, self.compile(pipeline))
            if options:
                write_file(folder / OPTIONS, json.dumps({**read_object(folder / OPTIONS), **options}))
            (folder / "cancel").unlink(missing_ok=True)
            self.store.take_up(run_id, rerun)
            self._launch(run_id, recorded_options(folder))
        return run_id

    def _require_ended(self, run_id: str) -> None:
        if self.store.head(run_id)["state"] not in FINAL:
            raise UnknownRun(f"run {run_id} has not ended: cancel it first")

    def _launch(self, run_id: str, options: RunOptions) -> None:
        """Start the run's process and wait until it has begun the run. The caller holds the lock ``LAUNCH``."""
        folder = self.store.folder(run_id)
        (folder / "scheduler.pid").unlink(missing_ok=True)
        process = self._start_process(self.store.home, run_id, folder / "scheduler.log")
        if options.containers is None:  # while the process starts; what containers get it finds itself
            record_environment(folder, _environment(options.python))
        while self.store.state(run_id) == "pending" and process.poll() is None:
            time.sleep(LOOK_EVERY)
        if process.poll() is not None and self.store.state(run_id) == "pending":
            self.store.record_run(run_id, "failed", finished=time.time(), error=_start_failure(process.poll(), folder))

    # ---------------------------------------------------------------- following
    def events(self, run_id: str, since: int = 0) -> Iterator[Event]:
        """The events after number ``since``, as they happen, until the run has ended."""
        return follow_events(self.store, run_id, since)

    def logs(
        self, run_id: str, path: str, attempt: int | None = None, follow: bool = False, verbose: bool = False
    ) -> Iterator[LogLine]:
        """The log of a step's attempt, by default the last. With ``follow`` new lines are added until the step has ended."""
        return follow_log(self.store, run_id, path, attempt, follow, verbose)

    @contextmanager
    def following(self, run_id: str) -> Iterator[LocalEngine]:
        """Nothing to do: the run's own process writes the record."""
        yield self

    def look(self) -> None:
        """Nothing to do: reading the record cannot fail."""

    def refresh(self, run_id: str) -> None:
        """Nothing to do: the run's own process keeps the record up to date."""

    def cancel(self, run_id: str) -> bool:
        """Ask the run to end. A second request ends it at once and without its exit handlers."""
        folder = self.store.folder(run_id)
        if self.store.head(run_id)["state"] in FINAL or not any(is_held(folder / n) for n in (LAUNCH, SCHEDULER)):
            return False
        with append_to(folder / "cancel") as file:
            file.write(b"x")  # several signals may arrive as one; the size of this file is the number of requests
        with contextlib.suppress(OSError, ValueError):  # a process that has only just started reads this file itself
            os.kill(int((folder / "scheduler.pid").read_text()), signal.SIGTERM)
        return True


def _environment(python: str | None) -> RunEnvironment:
    """The packages that steps can import."""
    from kfnb.images.needs.installed_packages import installed_packages

    found = installed_packages(python)
    return RunEnvironment(found.python, {name: one.version for name, one in found.distributions.items()})


def _from_anywhere(image: str | None) -> str | None:
    """The name of an image. One in a folder has the whole path, because the run's process works in another folder."""
    if image is None or not image.startswith("oci:"):
        return image
    return "oci:" + os.path.abspath(image.removeprefix("oci:"))


def _start_failure(status: int | None, folder: Path) -> dict[str, Any]:
    """The error of a run whose process ended before it began the run. Its log has the reason."""
    if status is not None and status < 0:
        return INTERRUPTED
    with contextlib.suppress(OSError):
        last = (folder / "scheduler.log").read_text("utf-8", "replace").strip().rsplit("\n", 1)[-1]
        return {"kind": "scheduler", "type": "RuntimeError", "message": f"the run could not be started: {last}"}
    return INTERRUPTED


def _interpreter_problems(python: str) -> list[Problem]:
    """Problems of an interpreter that cannot run steps."""
    try:
        environment = {
            k: v for k, v in os.environ.items() if k != "PYTHONPATH"
        }  # no module beside the notebook is imported
        process = subprocess.run(
            [python, "-Sc", VERSION], capture_output=True, text=True, timeout=SLOW, env=environment, cwd=os.sep
        )
        output = process.stdout.strip() if process.returncode == 0 else process.stderr.strip().rpartition("\n")[2]
    except (OSError, subprocess.TimeoutExpired) as error:
        output = str(error)
    if re.fullmatch(r"3\.(9|\d\d+)", output):
        return []
    reason = f"it is Python {output}" if re.fullmatch(r"\d\.\d+", output) else output or "it printed nothing"
    hint = "name a Python of 3.9 or newer, or leave it out, so that steps run with kfnb's own Python"
    return [Problem("KF707", f"`{python}` cannot run steps: {reason}", hint, name=python)]
