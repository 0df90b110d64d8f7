"""What a step shows beside its text."""

from __future__ import annotations

import json
from pathlib import Path

from tests.notebooks import cell
from tests.running import Here


def test_ipythons_own_display_is_the_steps(tmp_path: Path) -> None:
    here = Here(tmp_path)
    source = "from IPython.display import HTML, display\ndisplay(HTML('<b>bold</b>'))\nprint('plain')"
    summary = here.run(cell(source, "step:show"))
    shown = here.store.attempt_folder(summary["run"], "show", 1) / "display.jsonl"
    (one,) = [json.loads(line) for line in shown.read_text().splitlines()]
    assert one["data"]["text/html"] == "<b>bold</b>"
    assert [line.text for line in here.store.logs(summary["run"], "show")][-1] == "plain"
