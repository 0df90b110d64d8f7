"""Hides the values of secrets in everything that a pod prints, also in what other programs print.

The steps run in a child of the pod's process. Its standard output and standard error are one pipe, so that what is printed keeps its order,
and this process passes on what comes through it.
"""

from __future__ import annotations

import os

from kfnb.runtime.step_exit import exit_status, run_and_leave

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Callable

    from kfnb.runtime.secret_mask import SecretMask

CHUNK = 65536  #: bytes that are read at once


def run_hidden(mask: SecretMask, run: Callable[[], int]) -> int:
    """Run the steps of a pod with ``run``, which returns the exit status of the pod, and hide what the mask hides. Return that status."""
    import signal

    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        os.dup2(write, 1)
        os.dup2(write, 2)
        os.close(read)
        os.close(write)
        run_and_leave(run)
    os.close(write)
    signal.signal(signal.SIGTERM, lambda number, _: _pass_on(pid, number))
    wake, wakened = os.pipe()
    os.set_blocking(wakened, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # without a handler, nothing is written when the child ends
    signal.set_wakeup_fd(wakened)
    status = _pass_until_end(pid, read, wake, _Stream(mask, 1))
    return exit_status(status)


def _pass_on(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass  # it has ended, and nobody has asked how yet


def _pass_until_end(pid: int, read: int, wake: int, stream: _Stream) -> int:
    """Pass on what is printed until the child has ended. Return its status. ``wake`` can be read when a signal has come.

    Programs that the steps have left running may hold the pipe open for ever. What they print after the child's end is not waited for.
    """
    from select import select

    status = None
    while True:
        if status is None:
            ended, found = os.waitpid(pid, os.WNOHANG)
            status = found if ended else None
        ready = select([read, wake], [], [], None if status is None else 0)[0]
        if wake in ready:
            os.read(wake, CHUNK)
        data = os.read(read, CHUNK) if read in ready else b""
        if data:
            stream.write(data)
        elif read in ready or status is not None:
            break
    stream.write(b"")
    return status if status is not None else os.waitpid(pid, 0)[1]


class _Stream:
    """Writes to a file of this process without the values. What may be the beginning of one waits for the next bytes, or for the end."""

    def __init__(self, mask: SecretMask, target: int) -> None:
        from codecs import getincrementaldecoder

        self._decoder = getincrementaldecoder("utf-8")("surrogateescape")
        self._masked = _Text(target)
        mask.hide_in(self._masked)

    def write(self, data: bytes) -> None:
        """Write what has come; nothing means that nothing will follow."""
        self._masked.write(self._decoder.decode(data, not data))
        if not data:
            self._masked.flush()


class _Text:
    """A file as a stream of text, without a buffer."""

    def __init__(self, target: int) -> None:
        self._target = target

    def write(self, text: str) -> None:
        data = text.encode("utf-8", "surrogateescape")
        while data:
            data = data[os.write(self._target, data) :]

    def flush(self) -> None:
        """Nothing waits here."""
