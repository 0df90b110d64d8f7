"""Lines that a log archive changes, and the mark that keeps them.

The server of Kubeflow Pipelines leaves empty lines out of an archived log, and of a line that is a JSON object it shows the entry ``log``, or nothing
(kubeflow/pipelines `backend/src/apiserver/archive/log.go`). A character without width at their end keeps such lines.
"""

from __future__ import annotations

import io

KEEPER = "\u200b"
NULL = "null"


def is_changed(line: str) -> bool:
    """Whether the archive changes a line; some lines that it keeps count too."""
    start = line.lstrip()[: len(NULL)]
    return not line or start.startswith("{") or start == NULL


def without_keeper(line: str) -> str:
    """The line as the step printed it."""
    line_without = line[: -len(KEEPER)] if line.endswith(KEEPER) else line
    return line_without if is_changed(line_without) else line


class ArchivedStream(io.TextIOWrapper):
    """A stream to a file descriptor that marks the lines an archive would change."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(open(descriptor, "wb", closefd=False), "utf-8", "backslashreplace", line_buffering=True)
        self._start = ""  # of the line that has not ended: enough of it to know what the archive does with it

    def write_unmarked(self, text: str) -> int:
        """Write a text whose lines an archive may change."""
        self._start = _start_of(text.rpartition("\n")[2])
        return super().write(text)

    def write(self, text: str) -> int:
        """Write a text, and return how many characters of it were written."""
        if "\n" not in text:
            self._start = _start_of(self._start + text)
            return super().write(text)
        *ended, rest = text.split("\n")
        kept = []
        for part in ended:
            kept.append(part + KEEPER if is_changed(_start_of(self._start + part)) else part)
            self._start = ""
        self._start = _start_of(rest)
        super().write("\n".join([*kept, rest]))
        return len(text)


def _start_of(line: str) -> str:
    """As much of a line as says whether it is changed."""
    start = line.lstrip()[: len(NULL)]
    return start if start else line[:1]
