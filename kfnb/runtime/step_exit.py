"""Ends the process of a step as Python ends a program, within a limited time.

The hooks of `threading` run first and close pools, then threads are joined, then the hooks of `atexit` run and files are
closed. What is not done within `GRACE` seconds is stopped with a warning. The values were stored before that.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Callable, NoReturn

LEFT_RUNNING = "processes that the step left running were ended with it"
GRACE = 1.5  #: seconds from the last cell to the end of the process, as far as it depends on the user's code
TRACKERS = ("multiprocessing.resource_tracker", "joblib.externals.loky.backend.resource_tracker", "loky.backend.resource_tracker")  # fmt: skip


class Phase:
    """What the end of the step waits for, for the warning when it takes too long."""

    name = ""


def leave(status: int, folder: str | None = None) -> NoReturn:
    """End this process, which runs nothing but the step.

    Parameters
    ----------
    status
        The exit status.
    folder
        The folder of ``result.json``, which gets a warning when something was stopped. Without it the warning goes to standard error.
    """
    import _thread

    phase = Phase()
    last = _thread.allocate_lock()  # whichever thread takes the lock ends the process

    def cut_off() -> None:
        import time

        time.sleep(GRACE)
        if last.acquire(False):
            if phase.name:
                _warn("the step was ended while %s" % (_unfinished_work() or phase.name), folder)
            _close(status, folder)

    try:
        _thread.start_new_thread(cut_off, ())
    except RuntimeError:
        pass  # no further thread can start: the hooks run without a time limit
    _run_hooks(phase)
    phase.name = ""
    _close_files()
    last.acquire()
    _close(status, folder)


def run_and_leave(run: Callable[[], int]) -> NoReturn:
    """Run a step in this process, which was forked for it, and end with its exit status. Nothing of the process runs on as its parent's code."""
    status = 1
    try:
        status = run()
    except BaseException:
        import traceback

        traceback.print_exc()
    leave(status)


def exit_status(status: int) -> int:
    """The exit status of a child by what `os.waitpid` gives; 128 and the number of the signal that ended it, as in a shell."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _run_hooks(phase: Phase) -> None:
    """Run the hooks in the order of Python's ``Py_FinalizeEx``: hooks of `atexit` may rely on the end of pools and threads."""
    threading, atexit = sys.modules.get("threading"), sys.modules.get("atexit")
    if threading is not None:
        phase.name = "it waited for threads and pools to end"
        _quietly("threading", getattr(threading, "_shutdown", None))
    if atexit is not None:
        phase.name = "its functions for the exit (atexit) were still running"
        _quietly("atexit", getattr(atexit, "_run_exitfuncs", None))


def _quietly(name: str, hook: Callable[[], Any] | None) -> None:
    """Call ``hook``. As at the end of a program, an exception is printed and changes nothing."""
    if hook is None:
        return
    try:
        hook()
    except BaseException as error:  # SystemExit and KeyboardInterrupt of the user's hooks too
        if not isinstance(error, SystemExit) and name == "threading":
            import traceback

            traceback.print_exc()


def _unfinished_work() -> str:
    """A message with the threads and processes that a program would wait for; empty when there are none."""
    threading, process = sys.modules.get("threading"), sys.modules.get("multiprocessing.process")
    if threading is None:
        return ""
    main = threading.main_thread()
    alive = ["thread %s" % t.name for t in threading.enumerate() if not t.daemon and t is not main and t.is_alive()]
    if not alive and process is not None:
        alive = ["process %s" % p.name for p in process.active_children() if not p.daemon]
    if not alive:
        return ""
    verb = "was" if len(alive) == 1 else "were"
    return "%s %s still at work: join it before the step's last cell ends if a later step needs its work" % (
        ", ".join(alive[:5]),
        verb,
    )


# -------------------------------------------------------------------- files
def _close_files() -> None:
    """Flush and close open files and archives. The end of a program does that, ``os._exit`` does not."""
    import _io  # its types, and not `io`'s abstract classes, which ask the user's classes questions
    import gc

    flush()
    if not _has_files_to_write():
        return  # it takes long to look at every object of a large process
    standard_streams = {id(s) for t in (sys.stdout, sys.stderr) for s in (t, getattr(t, "buffer", None))}
    known = (("zipfile", "ZipFile"), ("tarfile", "TarFile"))
    archives = tuple(getattr(sys.modules[m], n) for m, n in known if m in sys.modules)
    files: tuple[list[Any], ...] = ([], [], [], [])  # in the order in which each may write into the next
    for found in gc.get_objects():
        kind = type(found)
        if issubclass(kind, archives):
            files[0].append(found)
        elif issubclass(kind, _io._TextIOBase):
            files[1].append(found)
        elif issubclass(kind, (_io.BufferedWriter, _io.BufferedRandom)):
            files[3].append(found)
        elif issubclass(kind, _io._BufferedIOBase) and kind is not _io.BufferedReader:
            files[2].append(found)
    for found in (f for rank in files for f in rank if id(f) not in standard_streams):
        try:
            found.close()
        except Exception:  # its other end is gone, or its class is the user's own
            continue


def _has_files_to_write() -> bool:
    """Whether this process has a file open that it can write to, besides its standard streams."""
    import stat

    try:
        handles = [int(n) for n in os.listdir("/dev/fd")]
    except OSError:
        handles = list(range(256))
    for handle in handles:
        try:
            if handle > 2 and stat.S_ISREG(os.fstat(handle).st_mode):
                import fcntl

                if fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY:
                    return True
        except OSError:
            continue  # it was the one that lists them
    return False


# -------------------------------------------------------------------- the very end
def _close(status: int, folder: str | None) -> NoReturn:
    if kill_children():
        _warn(LEFT_RUNNING, folder)
    _end_trackers()
    flush()
    os._exit(status)


def flush() -> None:
    """Flush both standard streams."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue  # the user's code has closed or replaced it, or nobody reads any more


def _warn(text: str, folder: str | None) -> None:
    if folder is None:
        sys.stderr.write("%s\n" % text)
        return
    from kfnb.runtime.light_json import dumps, loads

    path = os.path.join(folder, "result.json")
    try:
        result = loads(_read(path))
        result["warnings"].append(text)
        _write(path + ".new", dumps(result))
        os.replace(path + ".new", path)
    except (OSError, ValueError):
        sys.stderr.write("%s\n" % text)


# Without file objects: the main thread may be closing every one that it finds.
def _read(path: str) -> str:
    handle, found = os.open(path, os.O_RDONLY), b""
    try:
        while part := os.read(handle, 1 << 20):
            found += part
    finally:
        os.close(handle)
    return found.decode("utf-8")


def _write(path: str, text: str) -> None:
    handle, rest = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), text.encode("utf-8")
    try:
        while rest:
            rest = rest[os.write(handle, rest) :]
    finally:
        os.close(handle)


def adopt_orphans() -> None:
    """Make processes that the step detaches children of this process, so that it finds them at its end (Linux only)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER, linux/prctl.h


def adopt_orphans_of_later_processes() -> None:
    """Adopt orphans as soon as the step can start a process: the module that does it takes as long to import as Python itself."""
    if "_posixsubprocess" in sys.modules:
        adopt_orphans()
    elif hasattr(os, "register_at_fork"):
        watch = _ProcessWatch()
        sys.meta_path.insert(0, watch)
        os.register_at_fork(before=watch.adopt)


class _ProcessWatch:
    """A finder that finds nothing. It notices the import of the module that starts processes."""

    done = False

    def adopt(self) -> None:
        if not self.done:
            self.done = True
            adopt_orphans()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name == "_posixsubprocess":
            self.adopt()


def kill_children() -> int:
    """Kill every descendant of this process and return how many there were (Linux only)."""
    trackers = {getattr(t, "_pid", None) for t in _trackers()}
    killed: set[int] = set()
    while True:  # a process may have started another one before it was killed
        found = [p for p in _descendants(os.getpid()) if p not in trackers and p not in killed]
        if not found:
            return len(killed)
        killed.update(found)
        for pid in found:
            try:
                os.kill(pid, 9)
                os.waitpid(pid, 0)
            except OSError:
                continue  # it has ended already, or is not a direct child


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, task), "rb") as file:
                for child in map(int, file.read().split()):
                    found += [child, *_descendants(child)]
    except OSError:
        return found
    return found


def _trackers() -> list[Any]:
    """The resource trackers of this process: each stands for a process that removes leaked shared memory and semaphores."""
    modules = [sys.modules[m] for m in TRACKERS if m in sys.modules]
    return [
        m._resource_tracker for m in modules if getattr(getattr(m, "_resource_tracker", None), "_fd", None) is not None
    ]


def _end_trackers() -> None:
    """Let the resource trackers clean up. They begin when their pipe closes, and would be killed with the step."""
    import time

    waiting = []
    for tracker in _trackers():
        try:
            os.close(tracker._fd)
        except OSError:
            continue
        waiting.append(tracker._pid)
        tracker._fd = None
    end = time.monotonic() + 0.4
    while waiting and time.monotonic() < end:
        for pid in list(waiting):
            try:
                if os.waitpid(pid, os.WNOHANG)[0]:
                    waiting.remove(pid)
            except OSError:
                waiting.remove(pid)
        if waiting:
            time.sleep(0.005)
