"""The logs of pods, recorded in the folder of the run. No line is missing and none is there twice, even when several processes follow a run.

The log is read from its beginning each time, because the clocks of machines differ. The times of its lines say which lines are recorded
already.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import BinaryIO

from kfnb.engines.cluster.following.log_markers import StepReport
from kfnb.runs.attempt_logs import read_log
from kfnb.runs.record.private_record_files import append_to, make_folder

LOG, MARKS = "log", "marks"


class RecordedLog:
    """The log of one attempt and its reports to the engine, in the attempt's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        make_folder(folder)
        self.report = StepReport()
        self._last, self._same_time_lines, self._count = "", 0, 0
        for name in (LOG, MARKS):
            for line, _ in read_log(folder / name):
                self._count_line(line.time)
                if name == MARKS:
                    self.report.read_line(line.text)

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
        with append_to(self.folder / LOG) as log, append_to(self.folder / MARKS) as marks:
            for line in lines:
                time, _, text = line.rstrip("\r\n").partition(" ")
                stamp = nanoseconds(time)
                if stamp < last:
                    continue
                if stamp == last and same:
                    same -= 1
                    continue
                self._write(marks if self.report.read_line(text) else log, time, text)

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
        with append_to(self.folder / LOG) as log, append_to(self.folder / MARKS) as marks:
            for line in lines[self._count :]:
                text = line.rstrip("\r")
                self._write(marks if self.report.read_line(text) else log, stamp_of(seconds), text)

    def _write(self, file: BinaryIO, time: str, text: str) -> None:
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
