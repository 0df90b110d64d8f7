"""What a step prints, read from the log archive of a server for a single user."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kfnb.engines.cluster.following.logs.pod_logs import RecordedLog
from kfnb.runs.attempt_logs import LOG, read_log
from kfnb.runtime.pods.archived_lines import ArchivedStream
from tests.cluster.kfp_api import archived

LINES = [
    "a",
    "",
    '{"loss": 0.5}',
    '  {"log": "x", "n": 1}',
    "null",
    "null ",
    "nullify",
    "  ",
    "{not json",
    "",
    "z\u200b",
    "[1]",
    "7",
]


@pytest.mark.parametrize("split", [1, 2, 3, 1000])
def test_every_line_of_a_step_comes_back(tmp_path: Path, split: int) -> None:
    text = "".join(f"{line}\n" for line in LINES) + "no end"
    descriptor = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
    stream = ArchivedStream(descriptor)
    for at in range(0, len(text), split):
        assert stream.write(text[at : at + split]) == len(text[at : at + split])
    stream.flush()
    os.close(descriptor)
    shown = archived((tmp_path / "out").read_text(encoding="utf-8"))
    RecordedLog(tmp_path / "attempt").append_untimed(shown, 1.0)
    recorded = [line.text for line, _ in read_log(tmp_path / "attempt" / LOG)]
    assert recorded == [*LINES, "no end"]


def test_the_archive_changes_lines_that_are_not_marked() -> None:
    assert archived('a\n\n{"loss": 0.5}\n{"log": "x"}\nb\n') == "a\n\nx\nb\n"
