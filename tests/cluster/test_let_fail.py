"""Steps that may fail, and parameters of every kind: the same on the local engine, in Argo's interpreter and in `kfp.local`."""

from __future__ import annotations

from pathlib import Path

from tests.cluster.argo import Pods
from tests.cluster.outcome import Oracle, by_step, differences, locally, on_argo, on_kfp
from tests.notebooks import cell
from tests.running import pipeline_of

CELLS = (
    cell("from enum import Enum\nfrom datetime import date\nfrom pathlib import Path\nclass Mode(Enum):\n    FAST = 'f'\n    EXACT = 'e'"),
    cell("mode = Mode.FAST\nday: date = date(2024, 1, 2)\nwhere: Path = Path('a') / 'b'\nnumber: float = 1", "parameters"),
    cell("kinds = repr((mode, day, str(where / 'c'), number, type(number).__name__))\nprint(kinds)", "step:kinds"),
    cell("share = 6 / word", "step:each", "foreach:word in [3, 0, 6]", "on-failure:continue"),
    cell("print(share)\nfrom kfnb import Failed\nlost = [f.index for f in share if isinstance(f, Failed)]\nprint(lost)", "step:collect"),
    cell("gone = 1\nraise ValueError('so')", "step:plain", "on-failure:continue"),
    cell("print(gone)", "step:needs"),
    cell("print('goes on')", "step:rest", "after:plain"),
)  # fmt: skip


def test_a_step_that_may_fail_is_passed_over_on_every_engine(cluster: Pods, oracle: Oracle, tmp_path: Path) -> None:
    pipeline = pipeline_of(*CELLS)
    given = {p.name: p.default for p in pipeline.parameters} | {"mode": "EXACT", "day": "2025-05-06"}
    here = locally(pipeline, tmp_path / "here", given)
    assert here.state == "succeeded", here.detail
    assert here.states["each[1]"] == here.states["plain"] == "failed" and here.states["needs"] == "skipped"
    assert here.texts["kinds"] == "(<Mode.EXACT: 'e'>, datetime.date(2025, 5, 6), 'a/b/c', 1, 'int')"
    assert here.texts["collect"] == "[2.0, Failed(each, at 1: ZeroDivisionError: division by zero), 1.0]\n[1]"
    assert not differences(on_argo(pipeline, cluster, given), here)
    there = on_kfp(pipeline, oracle, given, tmp_path / "kfp")
    assert not differences(by_step(there, pipeline), by_step(here, pipeline))
