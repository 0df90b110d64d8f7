"""The SQLite file of the record: it is opened as the disk allows, and each change is one transaction."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kfnb.runs.record.private_record_files import FILE_MODE, DamagedRecord

SCHEMA = """
create table if not exists runs (
    id text primary key, pipeline text, notebook text, experiment text, engine text, state text, parameters text,
    created real, started real, finished real, error text, notebook_id text, target text, note text, name text, delivery text,
    file text);
create table if not exists tags (run text, tag text, primary key (run, tag));
create table if not exists events (run text, seq integer, time real, kind text, data text, primary key (run, seq));
create table if not exists steps (
    run text, path text, step text, position integer, state text, started real, finished real, attempts integer, reason text,
    key text, result text, error text, primary key (run, path));
create table if not exists kept (run text, path text, entry text, primary key (run, path));
create table if not exists cache (key text primary key, result text, used real);
"""
ADDED = (
    "notebook_id",
    "target",
    "note",
    "name",
    "delivery",
    "file",
)  #: columns of ``runs`` that records of earlier versions do not have
#: What a record that cannot be written shows in place of what it does not have.
STAND_IN_RUNS = "create temp view runs as select *, {missing} from main.runs"
STAND_IN_TAGS = "create temp table tags (run text, tag text)"
PATIENCE = 30  #: seconds to wait for another process that writes
MISFIT = ("no such table", "no such column", "has no column")


class Database:
    """One connection. It belongs to its thread. ``schema`` makes the tables that are not there yet."""

    def __init__(self, path: Path, schema: str = SCHEMA) -> None:
        self.path, self._schema = path, schema
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self._depth = 0
        with self._words():
            self._db = self._open()
        self._db.row_factory = sqlite3.Row
        with contextlib.suppress(OSError):
            self._opened = os.stat(path).st_ino

    @property
    def is_current(self) -> bool:
        """Whether the opened file is still the one at its path."""
        try:
            return os.stat(self.path).st_ino == self._opened
        except OSError:
            return False

    def close(self) -> None:
        self._db.close()
        if self._copy is not None:
            self._copy.cleanup()

    # ---------------------------------------------------------------- queries and changes
    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        with self._words():
            return self._db.execute(sql, values).fetchall()

    def row(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Row | None:
        with self._words():
            found: sqlite3.Row | None = self._db.execute(sql, values).fetchone()
            return found

    def change(self, sql: str, values: Sequence[Any] = ()) -> None:
        with self._words():
            self._db.execute(sql, values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction: all changes inside it happen, or none. A nested transaction is a part of the outer one."""
        if self._depth:
            yield
            return
        self.change("begin immediate")
        self._depth = 1
        try:
            yield
        except BaseException:
            self._depth = 0
            self._roll_back()
            raise
        self._depth = 0
        try:
            self.change("commit")
        except (sqlite3.Error, DamagedRecord):
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("rollback")

    @contextmanager
    def _words(self) -> Iterator[None]:
        """Damage of the file, told with its name; that it cannot be written is left as it is."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if any(m in str(error) for m in MISFIT) or "malformed" in str(error):
                raise DamagedRecord(self.path, error) from None
            raise
        except sqlite3.DatabaseError as error:
            raise DamagedRecord(self.path, error) from None

    # ---------------------------------------------------------------- opening
    def _open(self) -> sqlite3.Connection:
        if self.path.is_dir():
            raise DamagedRecord(self.path, "there is a folder where a file should be")
        if self.path.exists() and not (os.access(self.path, os.W_OK) and os.access(self.path.parent, os.W_OK)):
            return self._open_to_read()
        with contextlib.suppress(FileExistsError):
            # SQLite gives its other files the permissions of this one. A file that is there is not opened: closing it would
            # take the locks from other connections of this process
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE))
        db = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
        try:
            db.execute("pragma journal_mode = wal")
            db.execute("pragma synchronous = normal")
            db.executescript(self._schema)
            _add_columns(db)
        except sqlite3.DatabaseError:
            db.close()
            raise
        return db

    def _open_to_read(self) -> sqlite3.Connection:
        """Where nothing can be written. A record of an earlier version is shown as this one has it."""
        db = self._connect_to_read()
        try:
            missing = ", ".join(f"null as {c}" for c in _missing_columns(db))
            if missing:
                db.execute(STAND_IN_RUNS.format(missing=missing))
            if _columns(db, "runs") and not _columns(db, "tags"):
                db.execute(STAND_IN_TAGS)
        except sqlite3.DatabaseError:
            db.close()
            raise
        return db

    def _connect_to_read(self) -> sqlite3.Connection:
        """What stands in the log of changes only is read from a copy."""
        db = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode=ro", uri=True, timeout=PATIENCE, isolation_level=None
        )
        try:
            db.execute("select count(*) from sqlite_master").fetchone()
            return db
        except sqlite3.OperationalError:
            db.close()
        log = self.path.with_name(f"{self.path.name}-wal")
        place = self.path
        if log.exists() and log.stat().st_size:
            self._copy = tempfile.TemporaryDirectory(prefix="kfnb-")
            for file in (self.path, log):
                shutil.copyfile(file, Path(self._copy.name, file.name))
            place = Path(self._copy.name, self.path.name)
            return sqlite3.connect(place, timeout=PATIENCE, isolation_level=None)
        return sqlite3.connect(f"{place.absolute().as_uri()}?immutable=1", uri=True, isolation_level=None)


def _columns(db: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in db.execute(f"pragma table_info({table})")}


def _missing_columns(db: sqlite3.Connection) -> list[str]:
    has = _columns(db, "runs")
    return [c for c in ADDED if has and c not in has]


def _add_columns(db: sqlite3.Connection) -> None:
    """Add the columns that a record of an earlier version does not have."""
    if not _missing_columns(db):
        return
    db.execute("begin immediate")  # of several processes that open the record, one adds them
    for column in _missing_columns(db):
        db.execute(f"alter table runs add column {column} text")
    db.execute("commit")


def write_error_text(error: Exception, home: Path) -> str:
    """The message for a record that cannot be written."""
    full = "full" in str(error) or getattr(error, "errno", None) in (28, 122)
    hint = "free some space there, or set KFNB_HOME to another disk" if full else "see that it can be written to"
    return f"the record of runs in {home} cannot be written: {'the disk is full' if full else error}; {hint}"
