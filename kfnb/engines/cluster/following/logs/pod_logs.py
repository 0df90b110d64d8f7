"""The logs of pods, recorded in the folder of the run. No line is missing and none is there twice, even when several processes follow a run.

The log is read from its beginning each time, because the clocks of machines differ. The times of its lines say which lines are recorded
already.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import BinaryIO

from kfnb.engines.cluster.following.logs.executor_lines import ExecutorLines
from kfnb.engines.cluster.following.logs.log_markers import StepReport
from kfnb.runs.attempt_logs import EXECUTOR, LOG, read_log
from kfnb.runs.record.private_record_files import append_to, make_folder
from kfnb.runtime.pods.archived_lines import without_keeper
from kfnb.runtime.secret_mask import SecretMask

MARKS = "marks"
TIME = re.compile(r"\d{4}-\d\d-\d\dT")


class RecordedLog:
    """The log of one attempt and its reports to the engine, in the attempt's folder.

    Parameters
    ----------
    mask
        What hides the values of secrets. Programs in a pod print them as they are.
    """

    def __init__(self, folder: Path, mask: SecretMask | None = None) -> None:
        self.folder, self._mask = folder, mask
        make_folder(folder)
        self.report = StepReport()
        self._executor = ExecutorLines()
        self._last, self._same_time_lines, self._count = "", 0, 0
        self._empty_line = ""  #: the time of an empty line that is not recorded yet
        for name in (LOG, MARKS, EXECUTOR):
            for line, _ in read_log(folder / name):
                self._count_line(line.time)
                if name == MARKS:
                    self.report.read_line(line.text)
                elif name == EXECUTOR:
                    self._executor.split(line.text)

    @property
    def last_words(self) -> str:
        """What the cluster's tools said when they gave up; empty when they did not."""
        return self._executor.last_words

    def _count_line(self, time: str) -> None:
        self._count += 1
        stamp = nanoseconds(time)
        if stamp > self._last:
            self._last, self._same_time_lines = stamp, 1
        elif stamp == self._last:
            self._same_time_lines += 1

    def append(self, lines: Iterable[str]) -> None:
        """Record the new lines of a log that is read from its beginning.

        A line without a time is not the pod's. The kubelet answers so when the containers of an evicted pod are gone.
        """
        with self.adding() as new_lines:
            for line in lines:
                time, _, text = line.rstrip("\r\n").partition(" ")
                if TIME.match(time):
                    new_lines.add(time, text)

    def append_untimed(self, text: str, seconds: float, ended: bool = True) -> None:
        """Record the new lines of a log without times that is read from its beginning. As many lines as are recorded already are skipped.

        Parameters
        ----------
        seconds
            The time of the new lines, in seconds since 1970.
        ended
            Whether the log is complete. Its last line is then recorded even without a newline.
        """
        with self.adding() as new_lines:
            for line in whole_lines(text, ended):
                new_lines.add_untimed(stamp_of(seconds), line)

    @contextmanager
    def adding(self) -> Iterator[NewLines]:
        """A context in which the lines of a log are added, from its beginning."""
        self._empty_line = ""  # it comes again
        with ExitStack() as stack:
            yield NewLines(
                partial(self._write, _OpenFiles(self.folder, stack)), self._last, self._same_time_lines, self._count
            )

    def _write(self, files: _OpenFiles, time: str, text: str) -> None:
        """Record a line in the file that it belongs to. Of a line that two have written, only the step's part is recorded.

        Reports begin with a newline, which ends the last line of what the step printed. Where the step ended that line itself, an empty
        line stands before the report, and belongs to it. So an empty line is only recorded with the next one.
        """
        printed, executor = self._executor.split(without_keeper(text))
        if executor and not printed:
            name, text = EXECUTOR, executor
        else:
            name, text = MARKS if self.report.read_line(printed) else LOG, printed
        if self._empty_line:
            self._record(files.open(MARKS if name == MARKS else LOG), self._empty_line, "")
        self._empty_line = time if name == LOG and not printed else ""
        if not self._empty_line:
            hidden = self._mask.text(text) if self._mask is not None and name == LOG else text
            self._record(files.open(name), time, hidden)

    def _record(self, file: BinaryIO, time: str, text: str) -> None:
        file.write(f"{time} {text}\n".encode("utf-8", "backslashreplace"))
        file.flush()
        self._count_line(time)


class _OpenFiles:
    """The files of a log that new lines go to. Each is opened with its first line, because many logs are followed at once."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._files: dict[str, BinaryIO] = {}

    def open(self, name: str) -> BinaryIO:
        if name not in self._files:
            self._files[name] = self._stack.enter_context(append_to(self._folder / name))
        return self._files[name]


class NewLines:
    """Adds the lines of a log that are not recorded yet. It gets all lines of the log, from its beginning.

    Parameters
    ----------
    write
        Records a line: it takes the time and the text.
    last, same
        The time of the last recorded line, and how many recorded lines have this time.
    count
        How many lines are recorded.
    """

    def __init__(self, write: Callable[[str, str], None], last: str, same: int, count: int) -> None:
        self._write, self._last, self._same, self._count = write, last, same, count

    def add(self, time: str, text: str) -> None:
        """Add the next line of a log with times."""
        stamp = nanoseconds(time)
        if stamp < self._last:
            return
        if stamp == self._last and self._same:
            self._same -= 1
            return
        self._write(time, text)

    def add_untimed(self, time: str, text: str) -> None:
        """Add the next line of a log without times. ``time`` is recorded when the line is new."""
        if self._count:
            self._count -= 1
            return
        self._write(time, text)


def whole_lines(text: str, ended: bool) -> list[str]:
    """The lines of a log. What stands after the last newline is a line only when the log has ended."""
    lines = text.split("\n")
    rest = lines.pop()
    return [line.rstrip("\r") for line in (*lines, *([rest] if rest and ended else ()))]


def nanoseconds(time: str) -> str:
    """A time from kubelet in a form that can be sorted as text. Go omits trailing zeros, and this function adds them."""
    seconds, dot, fraction = time.rstrip("Z").partition(".")
    return f"{seconds}.{fraction:0<9}" if dot else f"{seconds}.000000000"


def stamp_of(seconds: float) -> str:
    """A time in the form of kubelet."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
