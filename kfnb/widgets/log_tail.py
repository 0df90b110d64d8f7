"""Reads the end of one step's log as it grows."""

from __future__ import annotations

from pathlib import Path

from kfnb.runs.attempt_logs import read_log, tail_of
from kfnb.runs.record.run_store import RunStore
from kfnb.widgets.view_state import Json, Standing

MOST_LINES, MOST_PATHS, LONGEST_LINE = 1_000, 500, 2_000


class LogTail:
    """Which log is shown, and how far it has been read. Only the chosen step's is ever read."""

    def __init__(self) -> None:
        self._step: str | None = None
        self._path: str | None = None
        self._attempt: int | None = None
        self._read: tuple[str, int] | None = None
        self._at = 0

    def choose(self, step: str, path: str | None = None, attempt: int | None = None) -> None:
        """Show another log; without ``path`` and ``attempt`` what is of interest, as the run goes on."""
        self._step, self._path, self._attempt, self._read = step, path, attempt, None

    def news(self, store: RunStore, standing: Standing) -> Json:
        """What is new: the whole of ``log`` where another one is shown, else the lines to ``add`` to it."""
        if self._step is None:
            return {}
        shown = standing.step(self._step)
        path = self._path or (shown["path"] if shown else None)
        record = standing.record(path) if path else None
        if path is None or record is None:
            return self._whole({"path": None, "paths": [], "attempt": 0, "attempts": 0, "lines": []}, ("", 0))
        attempts = record.get("attempts") or 0
        attempt = min(self._attempt or attempts, attempts) or 1
        file = store.attempt_folder(standing.id, path, attempt) / "log"
        if self._read == (path, attempt):
            lines = self._lines(file)
            return {"log": {"add": lines}} if lines else {}
        self._at = 0
        paths = standing.paths(self._step)[:MOST_PATHS]
        log = {"path": path, "paths": paths, "attempt": attempt, "attempts": attempts, "lines": self._lines(file)}
        return self._whole(log, (path, attempt))

    def _whole(self, log: Json, read: tuple[str, int]) -> Json:
        if self._read == read:
            return {}
        self._read = read
        return {"log": {"step": self._step, **log}}

    def _lines(self, path: Path) -> list[str]:
        self._at = max(self._at, tail_of(path))
        found: list[str] = []
        for line, after in read_log(path, self._at):
            self._at = after
            found.append(line.text[:LONGEST_LINE])
        return found[-MOST_LINES:]
