"""The failure of a step, as the engine records it and as the log shows it."""

from __future__ import annotations

import sys

from kfnb.runtime.cells.cell_sources import publish

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any


FOLDER = __file__.rpartition("step_failures")[0]  #: of the runtime, whose frames a traceback leaves out


class Failure(Exception):
    """An error that ends the step.

    Parameters
    ----------
    kind
        ``exception store load export shell timeout``.
    type
        Name of the exception's or value's type.
    message
        What happened, in words for the user.
    cell, line
        Where in the notebook it happened, when that is known.
    traceback
        The text to show. Without it the message is shown.
    """

    def __init__(
        self, kind: str, type: str, message: str, cell: int | None = None, line: int | None = None, traceback: str = ""
    ) -> None:
        super().__init__(message)
        self.kind, self.type, self.message = kind, type, message
        self.cell, self.line, self.traceback = cell, line, traceback

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind, "type": self.type, "message": self.message, "cell": self.cell, "line": self.line,
            "traceback": self.traceback,
        }  # fmt: skip

    @property
    def text(self) -> str:
        return (self.traceback or "%s: %s" % (self.type, self.message)).rstrip()

    def show(self) -> None:
        """Print the failure to standard error, where the user's own messages go."""
        try:
            sys.stderr.write(self.text + "\n")
        except (OSError, ValueError):
            return  # nobody reads any more, and the result has the failure too


def death_error(status: int) -> dict[str, Any]:
    """The error of a step whose process ended without a result. Above 128, the exit status is that of a signal, as in a shell."""
    import signal

    if status > 128:
        number = status - 128
        name = signal.Signals(number).name if number in set(signal.Signals) else str(number)
        hint = "; the system may have been out of memory" if number == signal.SIGKILL else ""
        return {"kind": "died", "type": name, "message": "the step's process was ended by %s%s" % (name, hint)}
    message = "the step's process ended with exit status %d before it wrote a result: code of the step may have called os._exit"
    return {"kind": "died", "type": "exit", "message": message % status}


def from_exception(error: BaseException, prefix: str = "") -> Failure:
    """A failure for an exception. Its traceback has the user's frames only and shows the lines of the cells."""
    import traceback

    publish()
    frames = error.__traceback__
    while frames is not None and _is_runtime_frame(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    formatted = traceback.TracebackException(type(error), error.with_traceback(frames), frames)
    exception: Any = formatted
    while exception is not None:  # leaves out the runtime's frames between a magic and the code that it runs
        exception.stack = traceback.StackSummary.from_list(
            [f for f in exception.stack if not _is_runtime_frame(f.filename)]
        )
        exception = exception.__cause__ or exception.__context__
    rendered = "".join(formatted.format())
    if not frames and isinstance(error, SyntaxError):
        rendered = "".join(traceback.format_exception_only(type(error), error))
    cell, line = None, None
    for entry in traceback.extract_tb(frames):
        if entry.filename.startswith("<cell "):
            cell, line = int(entry.filename[6:-1]), entry.lineno
    if cell is None and isinstance(error, SyntaxError) and (error.filename or "").startswith("<cell "):
        cell, line = int(str(error.filename)[6:-1]), error.lineno
    return Failure("exception", type(error).__name__, _message(error), cell, line, prefix + rendered)


def _message(error: BaseException) -> str:
    try:
        text = str(error)
        if isinstance(error, AttributeError) and text.startswith("Can't get attribute '") and "'__main__'" in text:
            # what `pickle` says when the stored value needs a definition that this step lacks
            name = text.split("'")[2]
            return "%s: the step does not have `%s`; name it in the step's own code, so that it comes along" % (
                text,
                name,
            )
        return text
    except Exception as inner:  # the user's own __str__ may raise anything
        return "<no text: %s>" % type(inner).__name__


def _is_runtime_frame(filename: str) -> bool:
    return filename.startswith(FOLDER)
