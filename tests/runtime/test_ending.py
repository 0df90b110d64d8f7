"""A step ends as a Python program does, soon after its last cell, and nothing of it is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.runtime.chain import Chain

BOUND = 8.0  #: seconds; two are allowed, the rest is for starting Python on a busy machine


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return Chain(tmp_path)


#: What keeps a program from ending, and what the step says of it.
HELD = {
    "a thread": ("import threading, time\nthreading.Thread(target=time.sleep, args=(90,), name='poll').start()", "thread poll was still at work"),
    "a pool at work": ("import time\nfrom concurrent.futures import ProcessPoolExecutor\npool = ProcessPoolExecutor(1)\npool.submit(time.sleep, 90);", "processes that the step left running"),
    "a process": ("import multiprocessing, time\nmultiprocessing.Process(target=time.sleep, args=(90,)).start()", "process Process-1 was still at work"),
    "a hook": ("import atexit, time\natexit.register(time.sleep, 90);", "atexit"),
    "a program": ("import subprocess\nsubprocess.Popen(['sleep', '90']);", "processes that the step left running"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HELD)
def test_what_would_hold_a_program_is_cut_off_and_said(chain: Chain, kind: str) -> None:
    source, words = HELD[kind]
    done = chain.step(source + "\nimport time\nended = time.time()", outputs="ended")
    assert time.time() - done.result["outputs"]["ended"]["preview"] < BOUND
    assert done.status == 0
    assert words in " ".join(done.result["warnings"])


def test_idle_pools_end_without_a_word(chain: Chain) -> None:
    source = (
        "from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor\nfrom joblib import Parallel, delayed\n"
        "a = list(ProcessPoolExecutor(1).map(abs, [-1]))\nb = list(ThreadPoolExecutor(1).map(abs, [-2]))\n"
        "c = Parallel(n_jobs=2)(delayed(abs)(-i) for i in range(3))"
    )
    # What the step had to cut off, because it did not end by itself, would be a warning.
    done = chain.step(source, "a, b, c")
    assert (done.status, done.log, done.result["warnings"]) == (0, "([1], [2], [0, 1, 2])\n", [])


def test_hooks_run_in_pythons_order_after_the_threads(chain: Chain) -> None:
    source = (
        "import atexit, threading, time\ndef work():\n    time.sleep(0.2)\n    print('thread')\n"
        "atexit.register(print, 'first registered')\natexit.register(lambda: 1 / 0)\natexit.register(print, 'last registered')\n"
        "threading._register_atexit(print, 'pools')\nthreading.Thread(target=work).start()"
    )
    log = chain.step(source).log
    order = [
        log.index(w) for w in ("pools\n", "thread\n", "last registered\n", "ZeroDivisionError", "first registered\n")
    ]
    assert order == sorted(order), log


def test_files_left_open_are_written_out(chain: Chain, tmp_path: Path) -> None:
    source = (
        "import gzip, zipfile\nplain = open('plain.txt', 'w')\nplain.write('text')\npacked = gzip.open('packed.gz', 'wt')\npacked.write('text')\n"
        "archive = zipfile.ZipFile('archive.zip', 'w')\narchive.writestr('name', 'text')\nprint('shown')"
    )
    assert chain.step(source).log == "shown\n"
    read = "import gzip, zipfile\nprint(open('plain.txt').read(), gzip.open('packed.gz', 'rt').read(), zipfile.ZipFile('archive.zip').read('name'))"
    assert chain.step(read).log == "text text b'text'\n"


#: One thread warns while the other closes what the user has left open, as when a pool ends in the moment in which time is up.
WARNS_WHILE_FILES_CLOSE = """
import os, sys, threading
from kfnb.runtime import step_exit
os.open("left", os.O_WRONLY | os.O_CREAT)
def warn():
    for n in range(1000): step_exit._warn(str(n), ".")
warns = threading.Thread(target=warn)
warns.start()
while warns.is_alive(): step_exit._close_files()
"""


def test_no_warning_is_lost_while_files_are_closed(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps({"warnings": []}))
    command = [sys.executable, "-c", WARNS_WHILE_FILES_CLOSE]
    root = str(Path(__file__).parents[2])
    subprocess.run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": root}, check=True, timeout=120)
    assert len(json.loads((tmp_path / "result.json").read_text())["warnings"]) == 1000
