"""The log of a pod in which several steps run one after the other, taken apart into the logs of the steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timezone

from kfnb.engines.cluster.following.logs.log_markers import StepReport
from kfnb.engines.cluster.following.logs.pod_logs import NewLines, RecordedLog, nanoseconds, stamp_of, whole_lines


@dataclass
class MemberAttempt:
    """One attempt of a step in a pod that it shares. ``ended`` is ``None`` as long as it has not reported its end."""

    path: str
    number: int
    started: float
    ended: float | None = None
    report: StepReport = field(default_factory=StepReport)


class SharedPodLog(RecordedLog):
    """Records what each step of a pod printed where the log of its attempt is, and tells when a step begins and ends.

    Parameters
    ----------
    paths
        The paths of the steps, in their order.
    open_log
        Opens the recorded log of a step's path and the number of its attempt in this pod.
    tell
        Called when an attempt begins and when it ends, in the thread that reads the log, and again when the log is read again.
    """

    def __init__(
        self, paths: tuple[str, ...], open_log: Callable[[str, int], RecordedLog], tell: Callable[[MemberAttempt], None]
    ) -> None:
        self._path_of = {p.partition("[")[0]: p for p in paths}
        self._paths, self._open_log, self._tell = paths, open_log, tell
        self.report = StepReport()  #: the report that ends the pod: of a failed step, or of the last step
        self._last_words = ""
        self.attempts: dict[str, MemberAttempt] = {}  #: the last attempt of each step that has begun, by its path

    @property
    def last_words(self) -> str:
        return self._last_words

    def append(self, lines: Iterable[str]) -> None:
        with ExitStack() as stack:
            add = _Distributor(self, stack)
            for line in lines:
                time, _, text = line.rstrip("\r\n").partition(" ")
                add(text).add(time, text)
                self._read(text, _seconds(time))
            self._last_words = add.last_words

    def append_untimed(self, text: str, seconds: float, ended: bool = True) -> None:
        with ExitStack() as stack:
            add = _Distributor(self, stack)
            for line in whole_lines(text, ended):
                add(line).add_untimed(stamp_of(seconds), line)
                self._read(line, seconds)
            self._last_words = add.last_words

    def open(self, path: str, number: int) -> RecordedLog:
        return self._open_log(path, number)

    def begins(self, text: str) -> tuple[str, int] | None:
        """The path and the attempt that a line begins."""
        report = StepReport()
        if not report.read_line(text) or report.begun is None or report.begun[0] not in self._path_of:
            return None
        return self._path_of[report.begun[0]], report.begun[1]

    @property
    def first(self) -> tuple[str, int]:
        """What stands before the first step begins belongs to its log."""
        return self._paths[0], 1

    def _read(self, text: str, seconds: float) -> None:
        begun = self.begins(text)
        if begun is not None:
            attempt = MemberAttempt(*begun, seconds)
            self.attempts[begun[0]] = self._current = attempt
            self._tell(attempt)
        elif self.attempts and self._current.report.read_line(text):
            attempt = self._current
            if attempt.report.state is not None and attempt.ended is None:
                attempt.ended = seconds
                if attempt.report.state == "failed" or attempt.path == self._paths[-1]:
                    self.report = attempt.report
                self._tell(attempt)


class _Distributor:
    """Finds the log that the next line of a pod belongs to."""

    def __init__(self, log: SharedPodLog, stack: ExitStack) -> None:
        self._log, self._stack = log, stack
        self._open: dict[tuple[str, int], NewLines] = {}
        self._at = log.first
        self._log_of: dict[tuple[str, int], RecordedLog] = {}

    @property
    def last_words(self) -> str:
        return self._log_of[self._at].last_words if self._at in self._log_of else ""

    def __call__(self, text: str) -> NewLines:
        self._at = self._log.begins(text) or self._at
        if self._at not in self._open:
            self._log_of[self._at] = self._log.open(*self._at)
            self._open[self._at] = self._stack.enter_context(self._log_of[self._at].adding())
        return self._open[self._at]


def _seconds(time: str) -> float:
    """A time from kubelet in seconds since 1970."""
    text = nanoseconds(time)[:26]
    try:
        return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        return datetime.now(timezone.utc).timestamp()
