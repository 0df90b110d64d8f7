"""What a step printed last is its own, with a newline at its end or without, and its report is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfnb.engines.cluster.following.logs.pod_logs import RecordedLog
from kfnb.runs.attempt_logs import LOG, read_log
from tests.cluster.argo import Pods
from tests.cluster.outcome import on_argo
from tests.notebooks import cell
from tests.running import pipeline_of


@pytest.mark.parametrize("end", ["", "\n"], ids=["unended", "ended"])
@pytest.mark.parametrize("source", ["print({0!r}, end={1!r})", "%%component say --shell\nprintf %s {0!r}{1!r}"])
def test_a_line_without_a_newline_does_not_hide_the_report(source: str, end: str, cluster: Pods) -> None:
    text = source.format("last", end) if "shell" not in source else f"%%component say --shell\nprintf 'last{end}'"
    found = on_argo(pipeline_of(cell(text, *(() if "shell" in source else ("step:say",)))), cluster, {})
    assert found.states == {"say": "succeeded"} and found.texts == {"say": "last"}, found.detail


LINES = ["first", "", "", "last", "", '::kfnb {"metrics": {"a": 1}}', '::kfnb {"step": "say", "state": "succeeded"}']


@pytest.mark.parametrize("read", range(1, len(LINES) + 1))
def test_an_empty_line_of_the_step_is_kept_and_that_of_the_report_is_not(read: int, tmp_path: Path) -> None:
    """Also when the log is read again from its beginning after some of its lines."""
    lines = [f"2026-01-01T00:00:0{n}Z {text}" for n, text in enumerate(LINES)]
    RecordedLog(tmp_path).append(lines[:read])
    log = RecordedLog(tmp_path)
    log.append(lines)
    RecordedLog(tmp_path).append(lines)
    assert [line.text for line, _ in read_log(tmp_path / LOG)] == ["first", "", "", "last"]
    assert RecordedLog(tmp_path).report.state == "succeeded"
