"""The logs of pods, recorded in the folder of the run. No line is missing and none is there twice, even when several processes follow a run.

The log is read from its beginning each time, because the clocks of machines differ. The times of its lines say which lines are recorded
already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import BinaryIO

from kfnb.engines.cluster.following.executor_lines import ExecutorLines
from kfnb.engines.cluster.following.log_markers import StepReport
from kfnb.runs.attempt_logs import EXECUTOR, LOG, read_log
from kfnb.runs.record.private_record_files import append_to, make_folder

MARKS = "marks"


class RecordedLog:
    """The log of one attempt and its reports to the engine, in the attempt's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        make_folder(folder)
        self.report = StepReport()
        self._executor = ExecutorLines()
        self._last, self._same_time_lines, self._count = "", 0, 0
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
        """Record the new lines of a log that is read from its beginning."""
        last, same = self._last, self._same_time_lines
        with self._files() as files:
            for line in lines:
                time, _, text = line.rstrip("\r\n").partition(" ")
                stamp = nanoseconds(time)
                if stamp < last:
                    continue
                if stamp == last and same:
                    same -= 1
                    continue
                self._write(files, time, text)

    def append_untimed(self, text: str, seconds: float, ended: bool = True) -> None:
        """Record the new lines of a log without times that is read from its beginning. As many lines as are recorded already are skipped.

        Parameters
        ----------
        seconds
            The time of the new lines, in seconds since 1970.
        ended
            Whether the log is complete. Its last line is then recorded even without a newline.
        """
        lines = text.split("\n")
        rest = lines.pop()
        if rest and ended:
            lines.append(rest)
        with self._files() as files:
            for line in lines[self._count :]:
                self._write(files, stamp_of(seconds), line.rstrip("\r"))

    @contextmanager
    def _files(self) -> Iterator[dict[str, BinaryIO]]:
        """The files that new lines go to, by their names."""
        with ExitStack() as stack:
            yield {name: stack.enter_context(append_to(self.folder / name)) for name in (LOG, MARKS, EXECUTOR)}

    def _write(self, files: dict[str, BinaryIO], time: str, text: str) -> None:
        """Record a line in the file that it belongs to. Of a line that two have written, only the step's part is recorded."""
        printed, executor = self._executor.split(text)
        if executor and not printed:
            file, text = files[EXECUTOR], executor
        else:
            file, text = files[MARKS if self.report.read_line(printed) else LOG], printed
        file.write(f"{time} {text}\n".encode("utf-8", "backslashreplace"))
        file.flush()
        self._count_line(time)


def nanoseconds(time: str) -> str:
    """A time from kubelet in a form that can be sorted as text. Go omits trailing zeros, and this function adds them."""
    seconds, dot, fraction = time.rstrip("Z").partition(".")
    return f"{seconds}.{fraction:0<9}" if dot else f"{seconds}.000000000"


def stamp_of(seconds: float) -> str:
    """A time in the form of kubelet."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
