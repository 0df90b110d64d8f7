"""The end of a step: as Python ends a program that leaves its main, within a bound.

First the hooks of `threading` (pools close), then threads are waited for, then `atexit`'s hooks run, files are closed.
Whatever is not done within `GRACE` seconds is said and cut off: values were stored before.
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
    """What the end is busy with, for the words that say what was cut off."""

    name = ""


def leave(status: int, folder: str | None = None) -> NoReturn:
    """End this process, which is the step's own.

    Parameters
    ----------
    status
        The exit status.
    folder
        Where the step's ``result.json`` takes a warning of what was cut off; without it standard error does.
    """
    import _thread

    phase = Phase()
    last = _thread.allocate_lock()  # who has it ends the process; the other waits for that

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
        pass  # no thread can be started any more: the hooks run without a bound
    _run_hooks(phase)
    phase.name = ""
    _close_files()
    last.acquire()
    _close(status, folder)


def _run_hooks(phase: Phase) -> None:
    """In Python's own order (``Py_FinalizeEx``): pools and threads first, since `atexit`'s hooks may rely on their end."""
    threading, atexit = sys.modules.get("threading"), sys.modules.get("atexit")
    if threading is not None:
        phase.name = "it waited for threads and pools to end"
        _quietly("threading", getattr(threading, "_shutdown", None))
    if atexit is not None:
        phase.name = "what it asked to be done at exit (atexit) was at work"
        _quietly("atexit", getattr(atexit, "_run_exitfuncs", None))


def _quietly(name: str, hook: Callable[[], Any] | None) -> None:
    """Call ``hook``; as at a program's end, what it raises is shown and changes nothing."""
    if hook is None:
        return
    try:
        hook()
    except BaseException as error:  # SystemExit and KeyboardInterrupt of the user's hooks too
        if not isinstance(error, SystemExit) and name == "threading":
            import traceback

            traceback.print_exc()


def _unfinished_work() -> str:
    """The threads and processes that a program would wait for, in words."""
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
    return "%s %s still at work: join what a later cell or step relies on" % (", ".join(alive[:5]), verb)


# -------------------------------------------------------------------- files
def _close_files() -> None:
    """Write out what open files and archives hold: a program's end does, and ``os._exit`` does not."""
    import _io  # its types, and not `io`'s abstract classes, which ask the user's classes questions
    import gc

    flush()
    if not _has_files_to_write():
        return  # to look at every object costs as long as there are many
    kept = {id(s) for t in (sys.stdout, sys.stderr) for s in (t, getattr(t, "buffer", None))}
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
    for found in (f for rank in files for f in rank if id(f) not in kept):
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
    if _kill_children():
        _warn(LEFT_RUNNING, folder)
    _end_trackers()
    flush()
    os._exit(status)


def flush() -> None:
    """Write out what was printed."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue  # the user's code closed or replaced it, or nobody reads any more


def _warn(text: str, folder: str | None) -> None:
    if folder is None:
        sys.stderr.write("%s\n" % text)
        return
    from kfnb.runtime.light_json import dumps, loads

    path = os.path.join(folder, "result.json")
    try:
        with open(path, encoding="utf-8") as file:
            result = loads(file.read())
        result["warnings"].append(text)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(dumps(result))
        os.replace(path + ".new", path)
    except (OSError, ValueError):
        sys.stderr.write("%s\n" % text)


def adopt_orphans() -> None:
    """Processes that the step detaches become its own, so that they can be found at its end (Linux only)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER, linux/prctl.h


def _kill_children() -> int:
    """Kill every process below this one (Linux only). Their number."""
    trackers = {getattr(t, "_pid", None) for t in _trackers()}
    killed: set[int] = set()
    while True:  # one that was just killed may have started another
        found = [p for p in _descendants(os.getpid()) if p not in trackers and p not in killed]
        if not found:
            return len(killed)
        killed.update(found)
        for pid in found:
            try:
                os.kill(pid, 9)
                os.waitpid(pid, 0)
            except OSError:
                continue  # it has ended, or is a child of a child


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
    """The helper processes that remove what shared memory and semaphores leave behind, by the objects that know them."""
    modules = [sys.modules[m] for m in TRACKERS if m in sys.modules]
    return [
        m._resource_tracker for m in modules if getattr(getattr(m, "_resource_tracker", None), "_fd", None) is not None
    ]


def _end_trackers() -> None:
    """Let them do their work: they begin when their pipe closes, and would be killed with the step."""
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
