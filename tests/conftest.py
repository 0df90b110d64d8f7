"""Where all tests have their files: in memory where there is enough, in one folder that goes when they have passed."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")
ENOUGH = 4 << 30  #: bytes; an environment with kfnb in it has 300 MB


def pytest_configure(config: pytest.Config) -> None:
    """Let pytest keep its folders in memory: a run of all tests makes and removes some 400,000 small files."""
    if MEMORY.is_dir() and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC and shutil.disk_usage(MEMORY).free > ENOUGH:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
    # A shell without job control lets what it starts in the background ignore Ctrl-C, and so would all that the tests start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--times", type=int, default=1, help="so many times as many generated examples (default 1)")


@pytest.fixture(scope="session")
def times(pytestconfig: pytest.Config) -> int:
    """So many times as many examples does a test make that makes them up."""
    return int(pytestconfig.getoption("--times"))


@pytest.fixture(scope="session", autouse=True)
def temporary_files_are_in_the_folder_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Temporary files of the tests and of all processes that they start are removed with the session's folder."""
    with pytest.MonkeyPatch.context() as patch:
        folder = str(tmp_path_factory.mktemp("t"))
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield
