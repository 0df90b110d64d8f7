"""Runs steps for real, one process each, the way an engine does: `Chain(tmp_path).step(...)`."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import kfnb.runtime
from kfnb.runtime.values.load_stored_values import load_value

MAIN = str(Path(kfnb.runtime.__file__).with_name("__main__.py"))


@dataclass
class Done:
    """What a step left: its status, its log and its result."""

    status: int
    log: str
    result: dict[str, Any]
    folder: Path

    @property
    def error(self) -> dict[str, Any]:
        return self.result["error"]

    @property
    def displays(self) -> list[dict[str, Any]]:
        path = self.folder / "display.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@dataclass
class Chain:
    """Steps in a row: each loads the names it reads from the newest step that stored them."""

    tmp_path: Path
    python: str = sys.executable
    stored: dict[str, str] = field(default_factory=dict)
    count: int = 0

    def step(
        self,
        *cells: str,
        reads: str = "",
        outputs: str = "",
        results: str = "",
        run: tuple[str, ...] = (),
        values: dict[str, Any] | None = None,
        **more: Any,
    ) -> Done:
        """Run one step of these cells; ``reads`` and ``outputs`` are names, ``run`` is shared code."""
        self.count += 1
        folder = self.tmp_path / f"step{self.count}"
        folder.mkdir()
        prepare: list[dict[str, Any]] = [{"run": {"cell": 100 + i, "source": s}} for i, s in enumerate(run)]
        prepare += [{"value": n, "json": v} for n, v in (values or {}).items()]
        prepare += [{"load": n, "bundle": self.stored[n]} for n in reads.split() if n in self.stored]
        first = self.count * 10
        spec = {
            "kfnb": 1, "step": f"step{self.count}", "path": f"step{self.count}", "shell": False, "prepare": prepare,
            "cells": [{"cell": first + i, "source": s} for i, s in enumerate(cells)],
            "outputs": outputs.split(), "results": results.split(), "exports": [], "shell_outputs": [],
            "sources": {str(first + i): s for i, s in enumerate(cells)}, "env": {}, "cwd": str(self.tmp_path),
            "store": str(self.tmp_path / "store"), "folder": str(folder), **more,
        }  # fmt: skip
        path = folder / "spec.json"
        path.write_text(json.dumps(spec))
        done = subprocess.run(
            [self.python, MAIN, str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=60,
        )
        written = folder / "result.json"
        assert written.exists(), done.stdout
        result = json.loads(written.read_text())
        self.stored.update({n: o["bundle"] for n, o in result["outputs"].items()})
        return Done(done.returncode, done.stdout, result, folder)

    def value(self, name: str) -> Any:
        return load_value(str(self.tmp_path / "store"), self.stored[name], name)
