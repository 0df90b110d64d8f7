"""Installs the packages of a step on this machine into a folder that later steps and runs share, over the packages of the interpreter."""

from __future__ import annotations

import os

from kfnb.runtime.pods.install_packages import installed_apart, put_first
from kfnb.runtime.step_failures import Failure

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any


def add_packages(packages: dict[str, Any]) -> None:
    """Put the folder of the packages first on the search path; install them when no step has done so before. Raises `Failure`."""
    import fcntl

    folder = packages["folder"]
    os.makedirs(os.path.dirname(folder), 0o700, exist_ok=True)
    with open(folder + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another step may install the same now
        if not os.path.isdir(folder):
            _install(packages, folder)
    os.utime(folder)
    put_first(folder)


def _install(packages: dict[str, Any], folder: str) -> None:
    from shutil import move, rmtree

    unfinished = folder + ".new"
    rmtree(unfinished, ignore_errors=True)
    wanted = packages["requirements"]
    try:
        made = installed_apart(wanted, packages["sources"], packages["constraints"])
    except Failure as failure:
        message = "%s cannot be installed, and the log of the step says why: correct the marks `package`" % ", ".join(
            wanted
        )
        raise Failure(failure.kind, failure.type, message) from None
    move(made, unfinished)  # from another disk, perhaps
    os.rename(unfinished, folder)
