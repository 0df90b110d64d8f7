"""One notebook, two ways: its cells in order in one kernel, and as a pipeline on the local engine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kfnb.engines.engine_interface import RunOptions
from kfnb.engines.local import LocalEngine
from kfnb.notebook import notebook_from_json
from kfnb.pipeline.build.build_pipeline import Built, build
from kfnb.pipeline.model import Pipeline
from kfnb.pipeline.parameters.bind_values import bind
from kfnb.runs.record.run_store import RunStore
from tests.differential.fingerprint import fingerprints
from tests.warm_launch import warm_launch

ADDRESS = re.compile(r"( object)? at 0x[0-9a-f]+")


@dataclass
class Outcome:
    """What a person sees of a run: the text of each step's cells, the error's type, and the values left."""

    texts: dict[tuple[int, ...], str] = field(default_factory=dict)
    error: str | None = None
    values: dict[str, str] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    traceback: str = ""


class Reference:
    """The reference kernel; one server for many notebooks."""

    def __init__(self) -> None:
        here = Path(__file__).with_name("kernel.py")
        self._process = subprocess.Popen(
            [sys.executable, str(here)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, cells: list[str], folder: Path, kfnb: bool = False) -> Outcome:
        assert self._process.stdin is not None and self._process.stdout is not None
        request = {"cells": cells, "cwd": str(folder), "kfnb": kfnb}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        texts = {(n,): c["text"] for n, c in enumerate(answer["cells"], 1)}
        error = next((c["error"] for c in answer["cells"] if c["error"]), None)
        return Outcome(texts, error, answer["values"])

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


@contextmanager
def reference() -> Iterator[Reference]:
    server = Reference()
    try:
        yield server
    finally:
        server.close()


class Refused(Exception):
    """The notebook has errors; nothing was run."""

    def __init__(self, built: Built) -> None:
        super().__init__("\n".join(str(p) for p in built.problems))
        self.codes = {p.code for p in built.problems if p.severity == "error"}


def run_pipeline(data: dict[str, Any], folder: Path, home: Path, **options: Any) -> Outcome:
    """Run a notebook as a pipeline. Raises `Refused` when it has errors."""
    built = build(notebook_from_json(data, folder=folder))
    if built.pipeline is None:
        raise Refused(built)
    store = RunStore(home)
    engine = LocalEngine(store, warm_launch)
    given = options.pop("given", {})
    run_id = engine.submit(
        built.pipeline, RunOptions(parameters=bind(built.pipeline, given), folder=str(folder), **options)
    )
    for _ in engine.events(run_id):
        pass
    outcome = recorded(store, run_id, built.pipeline)
    store.close()
    return outcome


def recorded(store: RunStore, run_id: str, pipeline: Pipeline) -> Outcome:
    """What a run has left in its record."""
    summary = store.summary(run_id)
    outcome = Outcome(summary=summary)
    values: dict[str, Any] = {}
    collected: dict[tuple[str, str], list[Any]] = {}
    for step in store.steps(run_id):
        if step["attempts"]:
            cells = tuple(c.cell for s in pipeline.steps() if s.name == step["step"] for c in s.cells)
            text = "".join(line.text + "\n" for line in store.logs(run_id, step["path"]))
            outcome.texts[cells] = outcome.texts.get(cells, "") + text
        kept = {**step["result"].get("results", {}), **step["result"].get("outputs", {})}
        for name, entry in kept.items():
            if "bundle" in entry and not name.startswith(("@", "_")):
                value = store.value(run_id, step["path"], name)
                if step["path"] != step["step"]:  # an iteration: the notebook's name is the list
                    collected.setdefault((step["step"], name), []).append(value)
                    value = collected[step["step"], name]
                values[name] = value
    outcome.values = fingerprints(values)
    if summary["error"]:
        outcome.error = summary["error"]["type"]
        outcome.traceback = summary["error"].get("traceback", "") or summary["error"]["message"]
    return outcome


def same(mine: Outcome, theirs: Outcome, names: Set[str] | None = None) -> list[str]:
    """Where a pipeline's outcome differs from the kernel's; empty: nowhere. ``names``: compare these values only."""
    found = []
    if (mine.error or None) != theirs.error:
        found.append(f"error: {mine.error} instead of {theirs.error}\n{mine.traceback}")
    last = max(theirs.texts, default=())
    for cells, text in mine.texts.items():
        if theirs.error and last[0] in cells:
            continue  # the traceback's wording is each one's own
        expected = "".join(theirs.texts.get((c,), "") for c in cells)
        if _plain(text) != _plain(expected) and (cells <= last or not theirs.error):
            found.append(f"cells {cells} printed {text!r} instead of {expected!r}")
    for name, value in mine.values.items():
        wanted = names is None or name in names
        if wanted and name in theirs.values and value != theirs.values[name] and not theirs.error:
            found.append(f"{name} is {value} instead of {theirs.values[name]}")
    return found


def _plain(text: str) -> str:
    """Without what differs from run to run: times, addresses, and the `Out[n]:` that a shell prints before a display."""
    lines = []
    for line in text.split("\n"):
        if line.startswith("Out["):
            line = line.partition("]: ")[2]
        if not line.startswith(("CPU times:", "Wall time:")):
            lines.append(ADDRESS.sub("", line).rstrip())
    return "\n".join(line for line in lines if line).strip()
