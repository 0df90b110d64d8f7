"""The keeper's process: one for each home folder. It ends by itself when no schedule is left."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from kfnb.engines.local.processes.launch_run_process import environment
from kfnb.runs.record.database import write_error_text
from kfnb.runs.record.file_lock import hold, is_held
from kfnb.runs.record.private_record_files import append_to
from kfnb.schedules.schedule_record import ScheduleRecord, has_schedules

if TYPE_CHECKING:
    from kfnb.schedule_keeper.keeper import Keeper

LOCK, LOG = "schedules.lock", "schedules.log"  #: in the home folder
ENTRY = str(Path(__file__).with_name("keeper_entry.py"))
PAUSE = 1.0  #: seconds between two looks at the clock, which may jump, as when the machine has slept
TROUBLE_PAUSE = 30.0  #: seconds until the next look when the record could not be read or written


def start_keeper(home: Path) -> None:
    """Start the keeper of a home folder, unless it runs or there is nothing to keep. It goes on when this process ends."""
    if not has_schedules(home) or is_held(home / LOCK):
        return
    record = ScheduleRecord(home)
    try:
        needed = bool(record.active())
    finally:
        record.close()
    if needed:
        with append_to(home / LOG) as output:
            subprocess.Popen(
                [sys.executable, ENTRY], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, cwd=os.sep, env={**environment(), "KFNB_HOME": str(home)},
            )  # fmt: skip


def is_kept(home: Path) -> bool:
    """Whether the keeper of a home folder runs."""
    return is_held(home / LOCK)


def main() -> None:
    """Keep the schedules of ``KFNB_HOME`` until there are none."""
    from kfnb.runs.record.home_folder import home_folder

    os.umask(0o077)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    home = home_folder()
    while _keep(home):
        pass


def _keep(home: Path) -> bool:
    """Keep the schedules until none is left. The value says whether one was added while the lock was given back."""
    from kfnb.schedule_keeper.keeper import Keeper
    from kfnb.schedule_keeper.scheduled_runs import ScheduledRuns  # it imports what prepares a run

    lock = hold(home / LOCK, patience=1.0)
    if lock is None:
        return False
    record = ScheduleRecord(home)
    try:
        keeper = Keeper(record, ScheduledRuns(), time.time)
        while (pause := _look(keeper, home)) is not None:
            time.sleep(pause)
        os.close(lock)
        lock = None
        return bool(record.active())
    finally:
        record.close()
        if lock is not None:
            with contextlib.suppress(OSError):
                os.close(lock)


def _look(keeper: Keeper, home: Path) -> float | None:
    """Look once, and give the seconds until the next look; ``None`` when no schedule is left."""
    try:
        return PAUSE if keeper.look() else None
    except (OSError, sqlite3.OperationalError) as error:  # a full disk may have room again
        print(write_error_text(error, home), file=sys.stderr, flush=True)
        return TROUBLE_PAUSE
