"""The process that carries a run: begun by ``run_process_entry.py``, it reads from its standard input what `kfnb.engines.local.processes.launch_run_process` tells it."""

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
from kfnb.runs.record.private_record_files import DamagedRecord
from kfnb.runs.record.run_store import SCHEDULER, RunStore, UnknownRun
from kfnb.runs.retention.prune_runs import delete_runs, outdated, share
from kfnb.runs.retention.retention_settings import BadRetention, Retention, retention
from kfnb.runtime.values.value_store import remove_unfinished

PATIENCE = 10.0  #: seconds that the scheduler before this one has to go, once it has recorded the run's end


def main() -> None:
    # before anybody can know of this process: who cancels at once must not kill it
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    for name in RUNTIME:
        importlib.import_module(name)  # steps are forked of a fork of this process
    told = sys.stdin.buffer.read()
    if not told:
        return  # whoever started this ahead has ended
    home, run_id, log = json.loads(told)
    mask = os.umask(0o077)  # the record is its owner's alone; steps get the mask of who began the run
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
    wanted = _retention()
    _carry(store, run_id, mask, wanted)
    for handle in (shared, lock):
        os.close(handle)
    if wanted.limits:
        delete_runs(store, outdated(store, wanted), skip=True)


def _retention() -> Retention:
    """What the user wants to be kept; everything, where that cannot be read: the scheduler's log says so."""
    try:
        return retention()
    except BadRetention as error:
        print(f"nothing is taken out of the record: {error}", file=sys.stderr)
        return Retention()


def _carry(store: RunStore, run_id: str, mask: int, wanted: Retention) -> None:
    """The run from its beginning to its end; what goes wrong with its disk or its record is recorded as the run's error."""
    scheduler = None
    try:
        end_leftovers(store.folder(run_id))
        remove_unfinished(str(store.values))
        scheduler = Scheduler(store, run_id, mask, wanted.log)
        scheduler.run()
    except (OSError, sqlite3.OperationalError, DamagedRecord, UnknownRun) as error:
        known = isinstance(error, UserError)
        message = str(error) if known else write_error_text(error, store.home) + ", then `kfnb retry`"
        failure = {"kind": "record" if known else "disk", "type": type(error).__name__, "message": message}
        try:
            store.record_run(run_id, "failed", finished=time.time(), error=failure)
        except (sqlite3.OperationalError, DamagedRecord):
            sys.exit(message)  # into the scheduler's log; whoever looks at the run finds it interrupted
    finally:
        if scheduler is not None:
            scheduler.forks.close()
            remove_unfinished(str(store.values))


def _detach(log: Path) -> None:
    """Standard streams of the run's own: nothing comes in, and what goes out stands in its log."""
    null = os.open(os.devnull, os.O_RDONLY)
    told = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for handle, stream in ((null, 0), (told, 1), (told, 2)):
        os.dup2(handle, stream)
    os.close(null)
    os.close(told)
