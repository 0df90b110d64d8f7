"""What Argo's own program writes into the log of a step is kept apart from what the step printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfnb.engines.cluster.following.logs.pod_logs import RecordedLog
from kfnb.runs.attempt_logs import EXECUTOR, LOG, read_log

RECORDINGS = Path(__file__).parents[1] / "data" / "recordings" / "argo"


def texts(folder: Path, name: str = LOG) -> list[str]:
    return [line.text for line, _ in read_log(folder / name)]


def test_the_log_of_a_recorded_step_is_what_the_step_printed(tmp_path: Path) -> None:
    lines = (RECORDINGS / "log-main-fail-j72kj-python-1159237891.txt").read_text().splitlines()
    recorded = RecordedLog(tmp_path)
    recorded.append(lines)
    assert texts(tmp_path) == ["good 6"] and recorded.report.state == "succeeded"
    assert len(texts(tmp_path, EXECUTOR)) == 4 and all("argo=true" in t for t in texts(tmp_path, EXECUTOR))


def test_the_last_line_after_a_failure_is_not_the_users(tmp_path: Path) -> None:
    lines = (RECORDINGS / "log-main-volume-values-fail.txt").read_text().splitlines()
    RecordedLog(tmp_path).append(lines)
    assert texts(tmp_path)[-1].startswith("FileNotFoundError: [Errno 2]")
    assert texts(tmp_path, EXECUTOR)[-1] == "Error: exit status 1"


@pytest.mark.parametrize("cut", range(5))
def test_a_log_that_is_read_in_two_parts_by_two_processes_has_every_line_once(tmp_path: Path, cut: int) -> None:
    lines = (RECORDINGS / "log-main-volume-values-fail.txt").read_text().splitlines()
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    RecordedLog(whole).append(lines)
    RecordedLog(parts).append(lines[: len(lines) - cut])
    RecordedLog(parts).append(lines)
    assert texts(parts) == texts(whole) and texts(parts, EXECUTOR) == texts(whole, EXECUTOR)


def test_what_only_looks_like_it_stays_in_the_log(tmp_path: Path) -> None:
    mine = ["Error: exit status 1", "time=now level=INFO msg=mine", "argo=true", "the time=2026-11-28T18:07:25Z"]
    RecordedLog(tmp_path).append(f"2026-01-01T00:00:0{n}Z {text}" for n, text in enumerate(mine))
    assert texts(tmp_path) == mine


@pytest.mark.parametrize(
    "message",
    [
        'time=2026-11-28T18:07:41.845Z level=INFO msg="sub-process exited" error=<nil> argo=true',
        'time="2024-05-01T10:00:00.123Z" level=info msg="sub-process exited" argo=true error="<nil>"',
    ],
)
def test_a_last_line_without_an_end_keeps_what_the_step_printed(tmp_path: Path, message: str) -> None:
    recorded = RecordedLog(tmp_path)
    recorded.append([f"2026-01-01T00:00:01Z 100%{message}", "2026-01-01T00:00:02Z Error: exit status 3"])
    assert texts(tmp_path) == ["100%"] and texts(tmp_path, EXECUTOR) == ["Error: exit status 3"]


LAUNCHER = """\
I1129 08:00:00.123456       1 main.go:139] Setting log level to: '1'
hello
almost there: I1129 08:00:01.000000       1 launcher_v2.go:800] outputArtifact in uploadOutputArtifacts call: pack
I1129 08:00:01.000000       1 launcher_v2.go:1230] ExecutorOutput: {
  "artifacts": {
    "pack": {}
  }
}
I1129 08:00:01.500000      14 absl_app.py:12] mine
I1129 08:00:02.000000       1 launcher_v2.go:206] publish success.
F1129 08:00:02.100000       1 main.go:130] failed to execute component: exit status 1
"""


@pytest.mark.parametrize("read_before", range(12))
def test_the_launchers_lines_are_not_the_steps_even_when_the_log_is_read_in_two_parts(
    tmp_path: Path, read_before: int
) -> None:
    lines = LAUNCHER.splitlines(keepends=True)
    RecordedLog(tmp_path).append_untimed("".join(lines[:read_before]), 1.0, ended=False)
    RecordedLog(tmp_path).append_untimed(LAUNCHER, 2.0)
    assert texts(tmp_path) == ["hello", "almost there: ", "I1129 08:00:01.500000      14 absl_app.py:12] mine"]
    assert len(texts(tmp_path, EXECUTOR)) == 8
