"""``python local_container.py SPEC.json``: run one step as the first process of a container on this machine.

The kernel gives the first process of a container no signal that it does not handle, and makes every orphan its child. So the step runs in a
process of its own, and this one passes the request to end on, and takes in what the step leaves behind.
"""

from __future__ import annotations

import os
import signal
import sys

OUT_OF_MEMORY = (
    "out-of-memory"  #: file in the folder of an attempt: the kernel killed a process of the container for its memory
)
#: Where the kernel counts that, in the two versions of its cgroups (Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst).
MEMORY_EVENTS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")
LINGERED = "lingered"  #: file in the folder of an attempt: the step left processes running
TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, NoReturn


def main(path: str) -> NoReturn:
    os.dup2(1, 2)  # one stream: podman and docker would read two at their own pace, and mix up the lines
    pid = os.fork()
    if pid == 0:
        os.setsid()
        _run(path)
    signal.signal(signal.SIGTERM, lambda number, _: _pass_on(pid, number))
    status = _wait(pid)
    folder = os.path.dirname(path)
    if _has_children():
        open(os.path.join(folder, LINGERED), "w").close()
    if status and _ran_out_of_memory():
        open(os.path.join(folder, OUT_OF_MEMORY), "w").close()
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


def _run(path: str) -> NoReturn:
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    sys.path[0] = root  # Python puts the folder of a program first, and every file in it would be a module
    from kfnb.runtime import run
    from kfnb.runtime.light_json import loads
    from kfnb.runtime.pods.install_packages import possible, put_first
    from kfnb.runtime.pods.pod_step import find_home
    from kfnb.runtime.step_exit import leave

    with open(path, encoding="utf-8") as file:
        spec: dict[str, Any] = loads(file.read())
    del sys.path[0]
    for folder in spec["container"]["paths"]:
        put_first(folder)
    sys.argv = [""]
    os.umask(spec["container"]["mask"])
    find_home()
    optional = spec["container"]["optional"]
    if optional:
        sys.path.insert(0, spec["cwd"])  # where a module beside the notebook is
        spec["prepare"] = possible(spec["prepare"], optional)
        del sys.path[0]
    leave(run(spec), spec["folder"])


def _pass_on(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except OSError:
        return  # it has just ended, or only just begun


def _wait(pid: int) -> int:
    """The status with which the step ends. Orphans that end before it are taken in."""
    while True:
        found, status = os.wait()
        if found == pid:
            return status


def _ran_out_of_memory() -> bool:
    """Whether the kernel has killed a process of this container for its memory."""
    for path in MEMORY_EVENTS:
        try:
            with open(path, encoding="ascii") as file:
                counts = dict(line.split() for line in file)
        except (OSError, ValueError):
            continue
        if counts.get("oom_kill", "0") != "0":
            return True
    return False


def _has_children() -> bool:
    """Whether a process of the step still runs."""
    try:
        while True:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return True
    except ChildProcessError:
        return False


if __name__ == "__main__":
    main(sys.argv[1])
