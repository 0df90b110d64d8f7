"""The record of runs: SQLite in WAL mode and a folder per run. Several processes may use it at once.

Every state change is an event with a number, written together with the state it leads to.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import sqlite3
import time
from collections.abc import Container, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kfnb.runs.attempt_logs import LogLine, read_log
from kfnb.runs.record.database import Database, write_error_text
from kfnb.runs.record.experiments import Experiment, experiments
from kfnb.runs.record.file_lock import is_held
from kfnb.runs.record.home_folder import home_folder
from kfnb.runs.record.lookup_by_name import UnknownRun, find_run, find_step, find_value
from kfnb.runs.record.notebook_identity import claim_notebook, file_at, newest_runs_elsewhere
from kfnb.runs.record.private_record_files import make_folder, tighten
from kfnb.runs.record.read_rows import RowReader
from kfnb.runs.record.run_labels import set_note, set_tags, tags_of
from kfnb.runs.record.run_query import RunQuery, choices, find_runs
from kfnb.states import ENDED, FINAL
from kfnb.surrogates import encodable

INDEX = re.compile(r"\[(\d+)\]")
#: The files and folders of the record in its home folder.
OWN = frozenset(
    ("runs", "store", "containers", "making", "collect.lock", "runs.db", "runs.db-wal", "runs.db-shm")
    + ("schedules.db", "schedules.db-wal", "schedules.db-shm", "schedules.lock", "schedules.log")
)
#: Lock files in a run's folder: held while the run starts, and by its scheduler.
LAUNCH, SCHEDULER = "launch.lock", "scheduler.lock"
INTERRUPTED = {
    "kind": "interrupted",
    "type": "Interrupted",
    "message": "interrupted: the run's scheduler ended before the run did",
}


@dataclass(frozen=True)
class Event:
    """``kind`` is ``run`` or ``step``; ``data`` holds the fields that changed."""

    seq: int
    time: float
    kind: str
    data: dict[str, Any]


def has_record(home: Path | None = None) -> bool:
    """Whether a home folder contains a record of runs. Default: the home folder of this process."""
    return ((home or home_folder()) / "runs.db").is_file()


class RunStore:
    """All runs under one home folder.

    Parameters
    ----------
    home
        Default: `kfnb.runs.record.home_folder.home_folder`.
    """

    def __init__(self, home: Path | None = None) -> None:
        self.home = Path(home).absolute() if home is not None else home_folder()
        if not (self.home / "runs").is_dir():
            make_folder(self.home / "runs")
        tighten(self.home, OWN)
        self._db = Database(self.home / "runs.db")
        self._rows = RowReader(self._db.path)

    @property
    def is_current(self) -> bool:
        """Whether the opened record is still the one on disk, because it may have been removed or replaced since."""
        return self._db.is_current

    @property
    def values(self) -> Path:
        """The content-addressed store that all runs share."""
        return self.home / "store"

    def folder(self, run_id: str) -> Path:
        return self.home / "runs" / run_id

    def kept_folder(self, run_id: str) -> Path:
        """The folder of a run. Raises `UnknownRun` when it is gone."""
        folder = self.folder(run_id)
        if not folder.is_dir():
            raise UnknownRun(f"what run {run_id} kept is gone: there is no {folder}; run the notebook again")
        return folder

    def close(self) -> None:
        self._db.close()

    # ---------------------------------------------------------------- writing
    def create(
        self, pipeline: str, notebook: str | None, experiment: str | None, engine: str, parameters: dict[str, Any],
        *, notebook_id: str | None = None, target: str | None = None, name: str | None = None,
    ) -> str:  # fmt: skip
        """Create a run in the state ``pending``, with its folder."""
        run_id = self.reserve()
        self.add(run_id, pipeline, notebook, experiment, engine, parameters, notebook_id=notebook_id, target=target, name=name)  # fmt: skip
        return run_id

    def reserve(self) -> str:
        """Reserve an unused run id by creating its folder, so that no other process gets the same id."""
        make_folder(self.home / "runs")
        while True:
            run_id = time.strftime("%Y%m%d-%H%M%S", time.gmtime(time.time())) + "-" + secrets.token_hex(2)
            with contextlib.suppress(FileExistsError):
                self.folder(run_id).mkdir(0o700)
                return run_id

    def add(
        self, run_id: str, pipeline: str, notebook: str | None, experiment: str | None, engine: str, parameters: dict[str, Any],
        kept: dict[str, dict[str, Any]] | None = None, *, notebook_id: str | None = None, target: str | None = None, name: str | None = None,
    ) -> None:  # fmt: skip
        """Add a run in the state ``pending``. ``kept``: the results that it reuses, by step; ``target``: its name, by default the engine's."""
        texts = [t and encodable(t) for t in (name, pipeline, notebook, experiment)]
        with self._db.transaction():
            self._db.change(
                "insert into runs (id, name, pipeline, notebook, experiment, engine, state, parameters, created, notebook_id, target, file) values (?,?,?,?,?,?,?,?,?,?,?,?)",
                (run_id, *texts, engine, "pending", json.dumps(parameters), time.time(), notebook_id, target or engine, file_at(notebook)),
            )  # fmt: skip
            self._keep(run_id, kept or {})

    def record_run(self, run_id: str, state: str, **fields: Any) -> None:
        """Set the state of a run, and any of the fields ``started``, ``finished``, ``error`` and ``delivery``."""
        data = {"state": state, **fields}
        with self._db.transaction():
            columns = {k: json.dumps(v) if k in ("error", "delivery") and v is not None else v for k, v in data.items()}
            self._update("runs", columns, {"id": run_id})
            self._event(run_id, "run", data)

    def record_step(self, run_id: str, path: str, step: str, state: str, **fields: Any) -> None:
        """Set the state of a step. An iteration has its own path, such as ``train[2]``.

        ``fields`` among ``position started finished attempts reason key result error``.
        """
        columns = {k: json.dumps(v) if k in ("result", "error") and v is not None else v for k, v in fields.items()}
        columns.update({k: encodable(v) for k, v in columns.items() if isinstance(v, str)})
        with self._db.transaction():
            self._db.change("insert or ignore into steps (run, path, step) values (?,?,?)", (run_id, path, step))
            self._update("steps", {"state": state, **columns}, {"run": run_id, "path": path})
            shown = {k: v for k, v in fields.items() if k not in ("result", "key")}
            self._event(run_id, "step", {"path": path, "step": step, "state": state, **shown})

    def record_result(self, run_id: str, path: str, result: dict[str, Any]) -> None:
        """Set the result of a step that has ended before its values were known. It is no event: the state is as it was."""
        with self._db.transaction():
            self._update("steps", {"result": json.dumps(result)}, {"run": run_id, "path": path})

    def changing(self) -> AbstractContextManager[None]:
        """A transaction: all changes inside it are recorded, or none."""
        return self._db.transaction()

    def forget_steps(self, run_id: str, paths: list[str]) -> None:
        """Delete steps of a run that will be retried."""
        with self._db.transaction():
            for path in paths:
                self._db.change("delete from steps where run = ? and path = ?", (run_id, path))

    def claim_notebook(self, path: str | None, written: str | None) -> str | None:
        """The id of a notebook (`kfnb.runs.record.notebook_identity`), whose runs are recorded with ``path`` from now on."""
        with self._db.transaction():
            return claim_notebook(self._db, path, written)

    def newest_runs_elsewhere(self, path: str) -> list[dict[str, Any]]:
        """``run notebook notebook_id file`` of the newest run of each other notebook; none for a path that has runs itself."""
        return newest_runs_elsewhere(self._db, path)

    def label(self, run_id: str, tags: Iterable[str] | None = None, note: str | None = None) -> None:
        """Set the tags of a run, its note, or both. Raises `UnknownRun`."""
        with self._db.transaction():
            self.head(run_id)
            if tags is not None:
                set_tags(self._db, run_id, tags)
            if note is not None:
                set_note(self._db, run_id, note)

    # ---------------------------------------------------------------- retries
    def begin(self, run_id: str) -> bool:
        """Start a pending run. ``False`` if it is no longer pending, because another scheduler took it or it was cancelled."""
        with self._db.transaction():
            if self.state(run_id) != "pending":
                return False
            self.record_run(run_id, "running", started=time.time(), finished=None, error=None)
            return True

    def take_up(self, run_id: str, again: Container[str]) -> None:
        """Set a run that has ended back to ``pending``, in one transaction. It reuses the results of steps that succeeded, except ``again``.

        The reused results stay in the record until the scheduler has recorded them again, so that a run can be retried
        whenever it was interrupted. Raises `UnknownRun` when the run has not ended.
        """
        with self._db.transaction():
            if self.state(run_id) not in FINAL:
                raise UnknownRun(f"run {run_id} has not ended: cancel it first")
            done = {s["path"]: s for s in self.steps(run_id) if s["state"] in ENDED}
            kept = {p: e for p, e in {**self.kept(run_id), **done}.items() if e["step"] not in again}
            self._keep(run_id, kept)
            self._db.change("delete from steps where run = ?", (run_id,))
            self.record_run(run_id, "pending", finished=None, error=None)

    def kept(self, run_id: str) -> dict[str, dict[str, Any]]:
        """The results that a run reuses when it starts, by path: from earlier runs, or from itself if it is retried."""
        rows = self._db.rows("select path, entry from kept where run = ?", (run_id,))
        return {r["path"]: self._rows.value(r["entry"], f"kept {run_id} {r['path']}") for r in rows}

    def _keep(self, run_id: str, kept: dict[str, dict[str, Any]]) -> None:
        self._db.change("delete from kept where run = ?", (run_id,))
        for path, entry in kept.items():
            self._db.change("insert into kept values (?,?,?)", (run_id, path, json.dumps(entry)))

    def _update(self, table: str, columns: dict[str, Any], where: dict[str, Any]) -> None:
        sets = ", ".join(f"{k} = ?" for k in columns)
        match = " and ".join(f"{k} = ?" for k in where)
        self._db.change(f"update {table} set {sets} where {match}", (*columns.values(), *where.values()))

    def _event(self, run_id: str, kind: str, data: dict[str, Any]) -> None:
        self._db.change(
            "insert into events select ?, coalesce(max(seq), 0) + 1, ?, ?, ? from events where run = ?",
            (run_id, time.time(), kind, json.dumps(data), run_id),
        )

    # ---------------------------------------------------------------- the cache
    def cached(self, key: str) -> dict[str, Any] | None:
        row = self._db.row("select result from cache where key = ?", (key,))
        found: dict[str, Any] | None = self._rows.value(row["result"], f"cache {key}") if row else None
        return found

    def remember(self, key: str, result: dict[str, Any]) -> None:
        self._db.change("insert or replace into cache values (?,?,?)", (key, json.dumps(result), time.time()))

    # ---------------------------------------------------------------- reading
    def runs(self, limit: int = 50) -> list[dict[str, Any]]:
        """The newest runs first."""
        return self.find(RunQuery(count=limit))[0]

    def find(self, query: RunQuery) -> tuple[list[dict[str, Any]], int]:
        """The heads of a page of the runs that a query asks for, and how many there are on all pages."""
        ids, count = find_runs(self._db, query)
        return [self.head(i) for i in ids], count

    def choices(self) -> dict[str, list[str]]:
        """What runs can be told apart by: the ``notebooks``, ``targets``, ``experiments`` and ``tags`` that there are."""
        return choices(self._db)

    def experiments(self) -> list[Experiment]:
        """All experiments, the one with the newest run first."""
        return experiments(self._db, self._rows)

    def ids(self) -> list[str]:
        """The ids of all runs, the oldest first."""
        return [str(r["id"]) for r in self._db.rows("select id from runs order by created, rowid")]

    def results(self) -> Iterator[dict[str, Any]]:
        """Every result in the record: of steps, of reused results, and of the cache."""
        for row in self._db.rows("select result, run || ' ' || path as name from steps where result is not null"):
            yield self._rows.object(row["result"], f"steps {row['name']} result")
        for row in self._db.rows("select entry, run || ' ' || path as name from kept"):
            yield self._rows.object(row["entry"], f"kept {row['name']}").get("result") or {}
        for row in self._db.rows("select result, key from cache"):
            yield self._rows.object(row["result"], f"cache {row['key']}")

    def drop(self, run_id: str) -> None:
        """Delete a run. Its results leave the cache too, unless another run uses them."""
        with self._db.transaction():
            self._db.change(
                "delete from cache where key in (select key from steps where run = ?1)"
                " and key not in (select key from steps where run <> ?1 and key is not null)",
                (run_id,),
            )
            for table in ("events", "steps", "kept", "tags"):
                self._db.change(f"delete from {table} where run = ?", (run_id,))
            self._db.change("delete from runs where id = ?", (run_id,))

    def resolve(self, ref: str) -> str:
        """The run's id from an id, the beginning or end of one, or ``last``. Raises `UnknownRun`."""
        return find_run(self.ids(), ref)

    def head(self, run_id: str) -> dict[str, Any]:
        """The run without its steps. A run whose scheduler died is recorded as interrupted first."""
        broken = self._interrupted(run_id)
        row = self._db.row("select * from runs where id = ?", (run_id,))
        if row is None:
            raise UnknownRun(f"there is no run `{run_id}`")
        self._rows.check(row, f"runs {run_id}", ("created", "started", "finished"))
        return {
            "run": row["id"], "name": row["name"], "pipeline": row["pipeline"], "engine": row["engine"],
            "state": "failed" if broken else row["state"],
            "parameters": self._rows.object(row["parameters"], f"runs {run_id} parameters"), "experiment": row["experiment"], "notebook": row["notebook"],
            "created": row["created"], "started": row["started"], "finished": row["finished"],
            "error": broken or self._rows.error(row["error"], f"runs {run_id} error"),
            "notebook_id": row["notebook_id"], "target": row["target"] or row["engine"], "note": row["note"] or "",
            "tags": tags_of(self._db, run_id), "delivery": self._rows.error(row["delivery"], f"runs {run_id} delivery"),
        }  # fmt: skip

    def steps(self, run_id: str) -> list[dict[str, Any]]:
        """One entry per step and iteration, in the order of the pipeline."""
        rows = self._db.rows("select * from steps where run = ?", (run_id,))
        for row in rows:
            self._rows.check(row, f"steps {run_id} {row['path']}", ("started", "finished", "position", "attempts"))
        rows.sort(key=lambda r: (r["position"] or 0, [int(n) for n in INDEX.findall(r["path"])]))
        return [
            {**{k: r[k] for k in ("path", "step", "state", "started", "finished", "attempts", "reason", "key")},
             "result": self._rows.object(r["result"] or "{}", f"steps {run_id} {r['path']} result"),
             "error": self._rows.error(r["error"], f"steps {run_id} {r['path']} error")}
            for r in rows
        ]  # fmt: skip

    def summary(self, run_id: str) -> dict[str, Any]:
        """The run as ``--json`` prints it."""
        from kfnb.runs.cluster_page import cluster_page
        from kfnb.runs.run_summary import summarize

        head, page = self.head(run_id), cluster_page(self.folder(run_id))
        return summarize({**head, "page": page} if page else head, self.steps(run_id))

    def events(self, run_id: str, since: int = 0) -> list[Event]:
        """Events with a number above ``since``."""
        # one row, whatever their number: between two rows a thread that computes may keep the interpreter to itself
        row = self._db.row(
            "select json_group_array(json_array(seq, printf('%.6f', time), kind, data)) as found from"
            " (select * from events where run = ? and seq > ? order by seq)",
            (run_id, since),
        )
        found = json.loads(row["found"]) if row else []
        return [
            Event(seq, float(time), kind, self._rows.object(data, f"events {run_id} {seq}"))
            for seq, time, kind, data in found
        ]

    def last_event(self, run_id: str) -> int:
        """The number of a run's newest event; 0 when it has none."""
        row = self._db.row("select coalesce(max(seq), 0) as last from events where run = ?", (run_id,))
        return int(row["last"]) if row else 0

    def state(self, run_id: str) -> str:
        row = self._db.row("select state from runs where id = ?", (run_id,))
        return str(row["state"]) if row else "unknown"

    def find_step(self, run_id: str, name: str) -> dict[str, Any]:
        """The record of a step or of one of its iterations. Raises `UnknownRun` with the nearest name."""
        return find_step(self.steps(run_id), run_id, name)

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
        """A value that a step stored. Raises `UnknownRun` when the step stored no value of that name."""
        return find_value(self.find_step(run_id, path), run_id, name, self.values, self.folder(run_id))

    def _interrupted(self, run_id: str) -> dict[str, Any] | None:
        """Record that a run was interrupted if its scheduler is gone. Returns the error only if it cannot be recorded."""
        if not self._is_abandoned(run_id):
            return None
        try:
            with self._db.transaction():
                if self._is_abandoned(run_id):  # nobody writes meanwhile: who carries it has not just ended it
                    self._give_up(run_id)
        except sqlite3.OperationalError as error:
            return {**INTERRUPTED, "message": f"{INTERRUPTED['message']} ({write_error_text(error, self.home)})"}
        return None

    def _is_abandoned(self, run_id: str) -> bool:
        """Whether a local run has not ended although no process starts it or schedules it."""
        row = self._db.row("select state, engine from runs where id = ?", (run_id,))
        if row is None or row["state"] in FINAL or row["engine"] != "local":
            return False
        # the order matters: the process that starts a run releases its lock when the scheduler holds the other one
        return not any(is_held(self.folder(run_id) / name) for name in (LAUNCH, SCHEDULER))

    def _give_up(self, run_id: str) -> None:
        for step in self.steps(run_id):
            if step["state"] in ("running", "pending"):
                state = "failed" if step["state"] == "running" else "omitted"
                self.record_step(
                    run_id, step["path"], step["step"], state, finished=time.time(), reason="interrupted",
                    error=INTERRUPTED if state == "failed" else None,
                )  # fmt: skip
        self.record_run(run_id, "failed", finished=time.time(), error=INTERRUPTED)
