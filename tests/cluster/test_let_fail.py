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


def test_an_exit_handler_knows_its_run(cluster: Pods, oracle: Oracle, tmp_path: Path) -> None:
    """What an engine cannot know is ``None``; the keys are the same everywhere."""
    shown = "print(sorted(kfnb_status), kfnb_status['pipeline'], kfnb_status['parameters'], kfnb_status['state'])"
    pipeline = pipeline_of(
        cell("rate: float = 2\nname = 'n'", "parameters"),
        cell("tried = 1\nraise ValueError('so')", "step:tries", "on-failure:continue", "cache:on"),
        cell("made = rate * 2", "step:make"),
        cell(f"{shown}\nsteps = kfnb_status['steps']\nrun = kfnb_status['run']", "step:last", "exit", "cache:on"),
    )
    given = {"rate": 2, "name": "n"}
    here = locally(pipeline, tmp_path / "here", given)
    keys = "['duration', 'message', 'parameters', 'pipeline', 'run', 'started', 'state', 'step', 'steps']"
    assert here.texts["last"] == f"{keys} notebook {{'rate': 2, 'name': 'n'}} succeeded"
    assert here.values["last.steps"] == "{'tries': 'failed', 'make': 'succeeded'}"
    again = locally(pipeline, tmp_path / "here", given)
    assert again.states == {"tries": "failed", "make": "succeeded", "last": "succeeded"}
    there = on_argo(pipeline, cluster, given)
    assert there.texts["last"] == here.texts["last"] and there.values["last.run"] == "wf"
    assert on_kfp(pipeline, oracle, given, tmp_path / "kfp").texts["last"] == here.texts["last"]


def test_a_step_that_may_fail_is_tried_as_often_as_it_may_before(cluster: Pods, tmp_path: Path) -> None:
    source = "print('tried')\nraise ValueError('so')"
    pipeline = pipeline_of(
        cell(source, "step:tries", "on-failure:continue", "retry:2"), cell("1", "step:rest", "after:tries")
    )
    here, there = locally(pipeline, tmp_path, {}), on_argo(pipeline, cluster, {})
    assert not differences(there, here) and there.states == {"tries": "failed", "rest": "succeeded"}
