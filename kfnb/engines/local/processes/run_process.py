"""The process of a run. ``run_process_entry.py`` starts it, and its standard input names the run."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path

from kfnb.engines.local.processes.fork_server import RUNTIME
from kfnb.engines.local.processes.orphan_processes import end_leftovers
from kfnb.engines.local.scheduling.scheduler import Scheduler
from kfnb.problems import UserError
from kfnb.runs.record.database import write_error_text
from kfnb.runs.record.file_lock import hold
from kfnb.runs.record.lookup_by_name import UnknownRun
from kfnb.runs.record.private_record_files import DamagedRecord
from kfnb.runs.record.run_store import SCHEDULER, RunStore
from kfnb.runs.retention.prune_runs import delete_runs, outdated, share
from kfnb.runs.retention.retention_settings import BadRetention, Retention, retention
from kfnb.runtime.values.value_store import remove_unfinished

PATIENCE = 10.0  #: seconds that the previous scheduler may take to end, after it has recorded the end of the run


def main() -> None:
    # first of all, so that a cancel request right at the start does not kill this process
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    for name in RUNTIME:
        importlib.import_module(name)  # steps are forked from a fork of this process
    request = sys.stdin.buffer.read()
    if not request:
        return  # the process that started this one has ended
    home, run_id, log = json.loads(request)
    mask = os.umask(0o077)  # only the owner may read the record; steps get the umask of the user who started the run
    _detach(Path(log))
    store = RunStore(Path(home))
    folder = store.folder(run_id)
    lock = hold(folder / SCHEDULER, patience=PATIENCE)
    if lock is None:
        sys.exit(f"run {run_id} has a scheduler already")
    (folder / "scheduler.pid").write_text(str(os.getpid()))
    shared = share(store.home)
    if not store.begin(run_id):
        sys.exit(f"run {run_id} is pending no more")
    policy = _retention()
    _run_to_end(store, run_id, mask, policy)
    for handle in (shared, lock):
        os.close(handle)
    if policy.limits:
        delete_runs(store, outdated(store, policy), skip=True)


def _retention() -> Retention:
    """The user's retention settings. When they cannot be read, everything is kept and the log says why."""
    try:
        return retention()
    except BadRetention as error:
        print(f"nothing is taken out of the record: {error}", file=sys.stderr)
        return Retention()


def _run_to_end(store: RunStore, run_id: str, mask: int, policy: Retention) -> None:
    """Run the scheduler to its end. Errors of the disk or the record are recorded as the run's error."""
    scheduler = None
    try:
        end_leftovers(store.folder(run_id))
        remove_unfinished(str(store.values))
        scheduler = Scheduler(store, run_id, mask, policy.log)
        scheduler.run()
    except (OSError, sqlite3.OperationalError, DamagedRecord, UnknownRun) as error:
        known = isinstance(error, UserError)
        message = str(error) if known else write_error_text(error, store.home) + ", then `kfnb retry`"
        failure = {"kind": "record" if known else "disk", "type": type(error).__name__, "message": message}
        try:
            store.record_run(run_id, "failed", finished=time.time(), error=failure)
        except (sqlite3.OperationalError, DamagedRecord):
            sys.exit(message)  # this goes to the scheduler's log; the run appears as interrupted
    finally:
        if scheduler is not None:
            scheduler.forks.close()
            remove_unfinished(str(store.values))


def _detach(log: Path) -> None:
    """Replace the standard streams: standard input is empty, and output goes to the run's log."""
    null = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for handle, stream in ((null, 0), (output, 1), (output, 2)):
        os.dup2(handle, stream)
    os.close(null)
    os.close(output)
