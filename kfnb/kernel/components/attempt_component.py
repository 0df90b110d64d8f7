"""Attempts at a component in the live kernel: each starts from the same state, with its environment and timeout."""

from __future__ import annotations

import copy
import os
import re
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import FunctionType, ModuleType, TracebackType
from typing import Any

from kfnb.runtime.ambient import ambient_state
from kfnb.step_settings import Settings

#: Names that IPython itself binds.
IPYTHON_NAMES = re.compile(r"_+|_\d+|_i+\d*|_[iod]h|_exit_code")


def attempt(settings: Settings, path: str, work: Callable[[], None], snapshot: Callable[[], Snapshot]) -> None:
    """Call ``work`` until it succeeds, as often as the marks allow.

    Parameters
    ----------
    path
        The step, or the iteration, such as ``train[2]``.
    snapshot
        Takes the snapshot that a further attempt starts from. It is called only when there may be one.
    """
    tries = (settings.retry or 0) + 1
    start = snapshot() if tries > 1 else None
    for number in range(1, tries + 1):
        try:
            with environment(settings.env), time_limit(settings.timeout):
                return work()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if number == tries:
                raise
            print(f"{path}: attempt {number} of {tries} failed: {type(error).__name__}: {error}; it is tried again")
        assert start is not None
        start.restore()


# -------------------------------------------------------------------- snapshots
class Snapshot:
    """The state that a component starts with, as far as a kernel can restore it: names, changed objects, generators.

    Parameters
    ----------
    names
        The kernel's namespace.
    changed
        Names whose object may be changed in place, and names that share such an object.
    generators
        Random generators that the notebook seeds, as kinds of `kfnb.runtime.ambient.ambient_state`.
    """

    def __init__(self, names: dict[str, Any], changed: Iterable[str], generators: Iterable[str]) -> None:
        self._names, self._before = names, dict(names)
        present = {n: names[n] for n in changed if not isinstance(names.get(n, os), ModuleType)}
        self._copies = _copied(present)
        self._attributes = [(v, _attributes_of(v)) for v in present.values() if isinstance(v, (type, FunctionType))]
        self._states = {kind: ambient_state.capture(kind) for kind in generators}
        self._place = dict(os.environ), os.getcwd()

    def restore(self) -> None:
        restore_names(self._names, self._before)
        if self._copies is None:
            print("objects that the attempt changed in place stay changed, since they cannot be copied")
        else:
            self._names.update(_copied(self._copies) or {})
        for owner, saved in self._attributes:
            _restore_attributes(owner, saved)
        for kind, state in self._states.items():
            ambient_state.restore(kind, state)
        variables, folder = self._place
        os.environ.clear()
        os.environ.update(variables)
        os.chdir(folder)


def _copied(values: dict[str, Any]) -> dict[str, Any] | None:
    """Copies of values, which share objects as the values do; ``None`` when one cannot be copied."""
    try:
        return copy.deepcopy(values)
    except Exception:
        return None


def _attributes_of(owner: type | FunctionType) -> dict[str, Any]:
    """The attributes of a class or function with copies of containers. Copying the owner itself would give the same object."""
    return {
        n: copy.copy(v) if isinstance(v, (list, dict, set)) else v
        for n, v in vars(owner).items()
        if not n.startswith("__")
    }


def _restore_attributes(owner: type | FunctionType, saved: dict[str, Any]) -> None:
    for name in [n for n in vars(owner) if not n.startswith("__") and n not in saved]:
        delattr(owner, name)
    for name, value in saved.items():
        if vars(owner).get(name) is not value:
            setattr(owner, name, copy.copy(value) if isinstance(value, (list, dict, set)) else value)


def restore_names(names: dict[str, Any], before: Mapping[str, Any], but: Iterable[str] = ()) -> None:
    """Restore every name, except those in ``but`` and the names that IPython binds."""
    saved = set(but)
    names_to_restore = {n for n in names.keys() | before.keys() if n not in saved and not IPYTHON_NAMES.fullmatch(n)}
    names.update({n: before[n] for n in names_to_restore if n in before})
    for name in names_to_restore - before.keys():
        del names[name]


# -------------------------------------------------------------------- environment and time
@contextmanager
def environment(variables: Iterable[tuple[str, str]]) -> Iterator[None]:
    """Set environment variables inside a ``with``. A variable that changed meanwhile keeps its new value."""
    values = dict(variables)
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if os.environ.get(name) == values[name]:
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


class _TimeIsUp(BaseException):
    """The timeout is over. It is no `Exception`, so that ``except Exception`` in the body does not catch it."""


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise `TimeoutError` after a number of seconds; ``None`` means no limit.

    The alarm of the system works in the main thread only. Elsewhere a message says that there is no limit.
    """
    if seconds is None:
        yield
        return
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        print(f"the timeout of {seconds:g} s has no effect here: a kernel can only watch the time in its main thread")
        yield
        return
    rung = over = False

    def ring(*_: Any) -> None:
        nonlocal rung
        if not over:
            rung = True
            raise _TimeIsUp

    message = f"it took longer than its timeout of {seconds:g} s"
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except _TimeIsUp as error:
        raise TimeoutError(message).with_traceback(_without_tail(error.__traceback__)) from None
    finally:
        over = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    if rung:  # the body has caught the alarm
        raise TimeoutError(message)


def _without_tail(frames: TracebackType | None) -> TracebackType | None:
    """A traceback without the alarm's frame at its end."""
    last, at = None, frames
    while at is not None:
        if at.tb_frame.f_code.co_filename != __file__:
            last = at
        at = at.tb_next
    if last is not None:
        last.tb_next = None
    return frames
