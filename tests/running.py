"""Runs notebooks on the local engine inside a test: `Here(tmp_path).run(cell("x = 1", "step:a"))`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kfnb.engines.engine_interface import RunOptions
from kfnb.engines.local import LocalEngine
from kfnb.notebook import notebook_from_json
from kfnb.pipeline.build.build_pipeline import build
from kfnb.pipeline.model import Pipeline
from kfnb.pipeline.parameters.bind_values import bind
from kfnb.runs.record.run_store import RunStore
from tests.notebooks import notebook


def pipeline_of(*cells: dict[str, Any]) -> Pipeline:
    built = build(notebook_from_json(notebook(*cells)))
    assert built.pipeline is not None, "\n".join(str(p) for p in built.problems)
    return built.pipeline


@dataclass
class Here:
    """A home for runs, and a folder to run in."""

    tmp_path: Path
    store: RunStore = field(init=False)
    engine: LocalEngine = field(init=False)

    def __post_init__(self) -> None:
        self.store = RunStore(self.tmp_path / "home")
        self.engine = LocalEngine(self.store)

    def start(self, *cells: dict[str, Any], given: dict[str, str] | None = None, **options: Any) -> str:
        pipeline = pipeline_of(*cells)
        values = bind(pipeline, given or {})
        options = {"folder": str(self.tmp_path), "notebook": "here.ipynb", **options}
        return self.engine.submit(pipeline, RunOptions(parameters=values, **options))

    def run(self, *cells: dict[str, Any], **options: Any) -> dict[str, Any]:
        return self.finish(self.start(*cells, **options))

    def finish(self, run_id: str) -> dict[str, Any]:
        for _ in self.engine.events(run_id):
            pass
        return self.store.summary(run_id)

    def until(self, run_id: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Follow the run's events until its summary is as wanted."""
        for _ in self.engine.events(run_id):
            summary = self.store.summary(run_id)
            if wanted(summary):
                return summary
        raise AssertionError(f"the run ended before: {self.store.summary(run_id)}")

    def let_go(self, run_id: str) -> None:
        """Wait until the run's process has ended: until then files of the database come and go."""
        carrier = int((self.store.folder(run_id) / "scheduler.pid").read_text())
        wait_for(lambda: not is_alive(carrier))

    def log(self, run: dict[str, Any], path: str, attempt: int | None = None) -> str:
        return "\n".join(line.text for line in self.store.logs(run["run"], path, attempt))


def states(run: dict[str, Any]) -> dict[str, str]:
    return {n: s["state"] for n, s in run["steps"].items()}


def processes_with(marker: str) -> list[int]:
    """Living processes whose command line or environment has the marker."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if marker.encode() in text and state != "Z":
                found.append(int(entry.name))
    return found


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until a condition is true; for what sends no event."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it did not happen within {seconds:.0f} seconds"
        time.sleep(0.02)


def as_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
