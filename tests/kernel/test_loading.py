"""Values of past runs in a live kernel: what a step saw, and what it left."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfnb.kernel.loading import inputs_of, outputs_of
from kfnb.runs.store import UnknownRun
from tests.notebooks import cell
from tests.running import Here

CELLS = (
    cell("limit: int = 3", "parameters"),
    cell("rows = [1, 2, 3]\nname = 'n'", "step:make"),
    cell("rows.append(4)", "step:change"),
    cell("rows = [0]", "step:never", "when:limit > 9"),
    cell("%%component each --foreach 'r in rows'\nsquare = r * r * limit"),
    cell("total = sum(square)\nprint(name, rows)", "step:sum"),
)


def test_a_step_saw_what_the_steps_before_it_left(tmp_path: Path) -> None:
    here = Here(tmp_path)
    run = here.run(*CELLS)["run"]
    assert inputs_of(here.store, run, "change") == {"rows": [1, 2, 3]}
    assert inputs_of(here.store, run, "sum") == {"name": "n", "rows": [1, 2, 3, 4], "square": [3, 12, 27, 48]}
    assert inputs_of(here.store, run, "each[1]")["limit"] == 3
    assert outputs_of(here.store, run, "sum") == {"total": 90}
    assert outputs_of(here.store, run, "each[2]") == {"square": 27}


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    here = Here(tmp_path)
    run = here.run(*CELLS)["run"]
    with pytest.raises(UnknownRun, match="ran once per item"):
        inputs_of(here.store, run, "each")
    with pytest.raises(UnknownRun, match="did you mean `change`"):
        inputs_of(here.store, run, "chang")
    assert outputs_of(here.store, run, "never") == {}
