"""A pod's log, written line by line into the run's folder: nothing missing and nothing twice, whoever followed it before.

The log is read from its beginning each time, since clocks may disagree; lines up to the last one kept are told by their times.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import BinaryIO

from kfnb.engines.cluster.following.log_markers import Told
from kfnb.runs.attempt_logs import read_log
from kfnb.runs.record.private_record_files import append_to, make_folder

LOG, MARKS = "log", "marks"


class KeptLog:
    """The log and the engine's lines of one attempt, in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        make_folder(folder)
        self.told = Told()
        self._last, self._same, self._count = "", 0, 0
        for name in (LOG, MARKS):
            for line, _ in read_log(folder / name):
                self._seen(line.time)
                if name == MARKS:
                    self.told.line(line.text)

    def _seen(self, time: str) -> None:
        self._count += 1
        stamp = nanoseconds(time)
        if stamp > self._last:
            self._last, self._same = stamp, 1
        elif stamp == self._last:
            self._same += 1

    def take(self, lines: Iterable[str]) -> None:
        """Keep what is new of a log read from its beginning."""
        last, same = self._last, self._same
        with append_to(self.folder / LOG) as log, append_to(self.folder / MARKS) as marks:
            for line in lines:
                time, _, text = line.rstrip("\r\n").partition(" ")
                stamp = nanoseconds(time)
                if stamp < last:
                    continue
                if stamp == last and same:
                    same -= 1
                    continue
                self._write(marks if self.told.line(text) else log, time, text)

    def take_plain(self, text: str, seconds: float, ended: bool = True) -> None:
        """Keep what is new of a log without times, read from its beginning: what has come is counted.

        Parameters
        ----------
        seconds
            The time of what is new, since 1970.
        ended
            Nothing will be added: the last line is whole, though no newline stands behind it.
        """
        lines = text.split("\n")
        rest = lines.pop()
        if rest and ended:
            lines.append(rest)
        with append_to(self.folder / LOG) as log, append_to(self.folder / MARKS) as marks:
            for line in lines[self._count :]:
                text = line.rstrip("\r")
                self._write(marks if self.told.line(text) else log, stamp_of(seconds), text)

    def _write(self, file: BinaryIO, time: str, text: str) -> None:
        file.write(f"{time} {text}\n".encode("utf-8", "backslashreplace"))
        file.flush()
        self._seen(time)


def nanoseconds(time: str) -> str:
    """A time of kubelet's in a form that sorts: Go leaves zeros at its end out."""
    whole, dot, fraction = time.rstrip("Z").partition(".")
    return f"{whole}.{fraction:0<9}" if dot else f"{whole}.000000000"


def stamp_of(seconds: float) -> str:
    """A time as kubelet writes it."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
