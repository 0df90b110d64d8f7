"""The record of runs: SQLite in WAL mode and a folder per run. Several processes may use it at once.

Every state change is an event with a number, written together with the state it leads to.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import re
import secrets
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kfnb.problems import UserError
from kfnb.runs.home import home_folder
from kfnb.runs.lock import is_held
from kfnb.runs.logs import LogLine, read_log
from kfnb.texts import encodable

SCHEMA = """
create table if not exists runs (
    id text primary key, pipeline text, notebook text, experiment text, engine text, state text, parameters text,
    created real, started real, finished real, error text);
create table if not exists events (run text, seq integer, time real, kind text, data text, primary key (run, seq));
create table if not exists steps (
    run text, path text, step text, position integer, state text, started real, finished real, attempts integer, reason text,
    key text, result text, error text, primary key (run, path));
create table if not exists cache (key text primary key, result text, used real);
"""
INDEX = re.compile(r"\[(\d+)\]")
FINAL = ("succeeded", "failed", "cancelled")
STEP_FINAL = ("succeeded", "failed", "skipped", "omitted", "cached", "cancelled")
INTERRUPTED = {
    "kind": "interrupted",
    "type": "Interrupted",
    "message": "interrupted: the run's scheduler ended before the run did",
}


class UnknownRun(UserError, LookupError):
    """No run, step or value of that name; the message says what there is."""


@dataclass(frozen=True)
class Event:
    """``kind`` is ``run`` or ``step``; ``data`` holds the fields that changed."""

    seq: int
    time: float
    kind: str
    data: dict[str, Any]


class RunStore:
    """All runs under one home folder.

    Parameters
    ----------
    home
        Default: `kfnb.runs.home.home_folder`.
    """

    def __init__(self, home: Path | None = None) -> None:
        self.home = Path(home) if home is not None else home_folder()
        (self.home / "runs").mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(self.home / "runs.db", timeout=30, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = normal")
        self._db.executescript(SCHEMA)

    @property
    def values(self) -> Path:
        """The content-addressed store that all runs share."""
        return self.home / "store"

    def folder(self, run_id: str) -> Path:
        return self.home / "runs" / run_id

    def close(self) -> None:
        self._db.close()

    # ---------------------------------------------------------------- writing
    def create(
        self, pipeline: str, notebook: str | None, experiment: str | None, engine: str, parameters: dict[str, Any]
    ) -> str:
        """A new run in state ``pending``; its folder exists."""
        now = time.time()
        run_id = self._new_id(now)
        self._db.execute(
            "insert into runs values (?,?,?,?,?,?,?,?,?,?,?)",
            (
                run_id,
                encodable(pipeline),
                notebook and encodable(notebook),
                experiment and encodable(experiment),
                engine,
                "pending",
                json.dumps(parameters),
                now,
                None,
                None,
                None,
            ),
        )
        return run_id

    def _new_id(self, now: float) -> str:
        """An id that no other run has, which its folder makes sure of, whoever else begins one now."""
        while True:
            run_id = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now)) + "-" + secrets.token_hex(2)
            with contextlib.suppress(FileExistsError):
                self.folder(run_id).mkdir(parents=True)
                return run_id

    def record_run(self, run_id: str, state: str, **fields: Any) -> None:
        """Move a run to a state; ``fields`` among ``started``, ``finished``, ``error``."""
        data = {"state": state, **fields}
        with self._transaction():
            columns = {k: json.dumps(v) if k == "error" and v is not None else v for k, v in data.items()}
            self._update("runs", columns, {"id": run_id})
            self._event(run_id, "run", data)

    def record_step(self, run_id: str, path: str, step: str, state: str, **fields: Any) -> None:
        """Move a step (an iteration has a path of its own, such as ``train[2]``) to a state.

        ``fields`` among ``position started finished attempts reason key result error``.
        """
        columns = {k: json.dumps(v) if k in ("result", "error") and v is not None else v for k, v in fields.items()}
        columns.update({k: encodable(v) for k, v in columns.items() if isinstance(v, str)})
        with self._transaction():
            self._db.execute("insert or ignore into steps (run, path, step) values (?,?,?)", (run_id, path, step))
            self._update("steps", {"state": state, **columns}, {"run": run_id, "path": path})
            shown = {k: v for k, v in fields.items() if k not in ("result", "key")}
            self._event(run_id, "step", {"path": path, "step": step, "state": state, **shown})

    def forget_steps(self, run_id: str, paths: list[str]) -> None:
        """Take steps out of a run that is to be tried again."""
        with self._transaction():
            self._db.executemany("delete from steps where run = ? and path = ?", [(run_id, p) for p in paths])

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db)

    def _update(self, table: str, columns: dict[str, Any], where: dict[str, Any]) -> None:
        sets = ", ".join(f"{k} = ?" for k in columns)
        match = " and ".join(f"{k} = ?" for k in where)
        self._db.execute(f"update {table} set {sets} where {match}", (*columns.values(), *where.values()))

    def _event(self, run_id: str, kind: str, data: dict[str, Any]) -> None:
        self._db.execute(
            "insert into events select ?, coalesce(max(seq), 0) + 1, ?, ?, ? from events where run = ?",
            (run_id, time.time(), kind, json.dumps(data), run_id),
        )

    # ---------------------------------------------------------------- the cache
    def cached(self, key: str) -> dict[str, Any] | None:
        row = self._db.execute("select result from cache where key = ?", (key,)).fetchone()
        found: dict[str, Any] | None = json.loads(row["result"]) if row else None
        return found

    def remember(self, key: str, result: dict[str, Any]) -> None:
        self._db.execute("insert or replace into cache values (?,?,?)", (key, json.dumps(result), time.time()))

    # ---------------------------------------------------------------- reading
    def runs(self, limit: int = 50) -> list[dict[str, Any]]:
        """The newest runs first."""
        rows = self._db.execute("select id from runs order by created desc, rowid desc limit ?", (limit,)).fetchall()
        return [self.head(r["id"]) for r in rows]

    def resolve(self, ref: str) -> str:
        """The run's id from an id, the beginning of one, or ``last``. Raises `UnknownRun`."""
        ids = [r["id"] for r in self._db.execute("select id from runs order by created, rowid")]
        if ref == "last" and ids:
            return str(ids[-1])
        found = (
            [i for i in ids if i == ref]
            or [i for i in ids if i.startswith(ref)]
            or [i for i in ids if i.endswith(f"-{ref}")]
        )
        if len(found) == 1:
            return str(found[0])
        if found:
            raise UnknownRun(f"several runs begin with `{ref}`: {', '.join(found[-5:])}")
        near = difflib.get_close_matches(ref, ids, 1)
        hint = f"did you mean `{near[0]}`?" if near else "`kfnb runs` lists them" if ids else "there is no run yet"
        raise UnknownRun(f"there is no run `{ref}`; {hint}")

    def head(self, run_id: str) -> dict[str, Any]:
        """The run without its steps. A run whose scheduler died is recorded as interrupted first."""
        broken = self._interrupted(run_id)
        row = self._db.execute("select * from runs where id = ?", (run_id,)).fetchone()
        if row is None:
            raise UnknownRun(f"there is no run `{run_id}`")
        return {
            "run": row["id"], "pipeline": row["pipeline"], "engine": row["engine"],
            "state": "failed" if broken else row["state"],
            "parameters": json.loads(row["parameters"]), "experiment": row["experiment"], "notebook": row["notebook"],
            "created": row["created"], "started": row["started"], "finished": row["finished"],
            "error": broken or (json.loads(row["error"]) if row["error"] else None),
        }  # fmt: skip

    def steps(self, run_id: str) -> list[dict[str, Any]]:
        """One entry per step and iteration, in the order of the pipeline."""
        rows = self._db.execute("select * from steps where run = ?", (run_id,)).fetchall()
        rows.sort(key=lambda r: (r["position"] or 0, [int(n) for n in INDEX.findall(r["path"])]))
        return [
            {**{k: r[k] for k in ("path", "step", "state", "started", "finished", "attempts", "reason", "key")},
             "result": json.loads(r["result"]) if r["result"] else {}, "error": json.loads(r["error"]) if r["error"] else None}
            for r in rows
        ]  # fmt: skip

    def summary(self, run_id: str) -> dict[str, Any]:
        """The run as ``--json`` prints it."""
        from kfnb.runs.summary import summarize

        return summarize(self.head(run_id), self.steps(run_id))

    def events(self, run_id: str, since: int = 0) -> list[Event]:
        """Events with a number above ``since``."""
        # one row, whatever their number: between two rows a thread that computes may keep the interpreter to itself
        found = self._db.execute(
            "select json_group_array(json_array(seq, printf('%.6f', time), kind, data)) as found from"
            " (select * from events where run = ? and seq > ? order by seq)",
            (run_id, since),
        ).fetchone()["found"]
        return [Event(seq, float(time), kind, json.loads(data)) for seq, time, kind, data in json.loads(found)]

    def last_event(self, run_id: str) -> int:
        """The number of a run's newest event; 0 when it has none."""
        row = self._db.execute("select coalesce(max(seq), 0) as last from events where run = ?", (run_id,)).fetchone()
        return int(row["last"])

    def state(self, run_id: str) -> str:
        row = self._db.execute("select state from runs where id = ?", (run_id,)).fetchone()
        return str(row["state"]) if row else "unknown"

    def find_step(self, run_id: str, name: str) -> dict[str, Any]:
        """A step's (or iteration's) record. Raises `UnknownRun` with the nearest name."""
        steps = self.steps(run_id)
        for step in steps:
            if step["path"] == name:
                return step
        names = [s["path"] for s in steps]
        inside = [n for n in names if n.startswith(f"{name}[")]
        if inside:
            raise UnknownRun(f"step `{name}` ran once per item: say which, such as `{inside[0]}`")
        near = difflib.get_close_matches(name, names, 1)
        hint = f"did you mean `{near[0]}`?" if near else f"the steps are {', '.join(names[:20])}"
        raise UnknownRun(f"run {run_id} has no step `{name}`; {hint}")

    def attempt_folder(self, run_id: str, path: str, attempt: int) -> Path:
        return self.folder(run_id) / "steps" / path / str(attempt)

    def logs(self, run_id: str, path: str, attempt: int | None = None) -> Iterator[LogLine]:
        """The log of a step's attempt; by default the last one."""
        step = self.find_step(run_id, path)
        number = attempt or step["attempts"] or 1
        if attempt is not None and not 1 <= attempt <= (step["attempts"] or 0):
            raise UnknownRun(f"step `{path}` has {step['attempts'] or 0} attempts, not {attempt}")
        for line, _ in read_log(self.attempt_folder(run_id, path, number) / "log"):
            yield line

    def value(self, run_id: str, path: str, name: str) -> Any:
        """A value that a step left. Raises `UnknownRun` when it left none of that name."""
        step = self.find_step(run_id, path)
        result = step["result"]
        kept = {**result.get("results", {}), **result.get("outputs", {})}
        entry = kept.get(name)
        if entry is not None and "bundle" in entry:
            from kfnb.runtime.values import load_value

            return load_value(str(self.values), entry["bundle"], name)
        if name in result.get("exports", {}):
            return result["exports"][name]
        if name in result.get("metrics", {}):
            return result["metrics"][name]
        if entry is not None:
            raise UnknownRun(f"`{name}` of `{path}` was not kept: {entry.get('skipped')}")
        names = sorted({*kept, *result.get("exports", {}), *result.get("metrics", {})})
        near = difflib.get_close_matches(name, names, 1)
        hint = (
            f"did you mean `{near[0]}`?"
            if near
            else f"it left {', '.join(names)}"
            if names
            else f"it left nothing (state {step['state']})"
        )
        raise UnknownRun(f"step `{path}` left no value `{name}`; {hint}")

    def _interrupted(self, run_id: str) -> dict[str, Any] | None:
        """The error of a run whose scheduler is gone; it is recorded, unless the disk does not allow it."""
        row = self._db.execute("select state, engine from runs where id = ?", (run_id,)).fetchone()
        if row is None or row["state"] in FINAL or row["engine"] != "local":
            return None
        if row["state"] == "pending" and not (self.folder(run_id) / "scheduler.pid").exists():
            return None  # its scheduler has not come up yet
        if is_held(self.folder(run_id) / "scheduler.lock"):
            return None
        try:
            for step in self.steps(run_id):
                if step["state"] in ("running", "pending"):
                    state = "failed" if step["state"] == "running" else "omitted"
                    self.record_step(
                        run_id, step["path"], step["step"], state, finished=time.time(), reason="interrupted",
                        error=INTERRUPTED if state == "failed" else None,
                    )  # fmt: skip
            self.record_run(run_id, "failed", finished=time.time(), error=INTERRUPTED)
        except sqlite3.OperationalError as error:
            return {**INTERRUPTED, "message": f"{INTERRUPTED['message']} ({disk_words(error, self.home)})"}
        return None


def disk_words(error: Exception, home: Path) -> str:
    """What to say when the record cannot be written."""
    full = "full" in str(error) or getattr(error, "errno", None) in (28, 122)
    hint = "free some space there, or set KFNB_HOME to another disk" if full else "see that it can be written to"
    return f"the record of runs in {home} cannot be written: {'the disk is full' if full else error}; {hint}"


class _Transaction:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("begin immediate")

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            self._db.execute("rollback" if kind is not None else "commit")
        except sqlite3.OperationalError:
            if self._db.in_transaction:
                self._db.execute("rollback")
            raise
