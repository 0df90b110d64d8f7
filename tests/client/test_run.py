"""`kfnb.run` and what it gives: states, logs, values, metrics, waiting and awaiting."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import kfnb
from kfnb.problems import NotebookError
from kfnb.runs.record.lookup_by_name import UnknownRun
from tests.notebooks import cell, notebook, write


def train(folder: Path) -> Path:
    """A step that is tried twice, a loop, one that is skipped, a metric."""
    tried = "import os\nprint('try')\nif not os.path.exists('again'):\n    open('again', 'w').close()\n    1 / 0\nrows = list(range(limit))"
    return write(
        folder,
        notebook(
            cell("limit: int = 3\nrate = 0.5", "parameters"),
            cell(tried, "step:make", "retry:2"),
            cell("print('row', row)\nsquare = row * row", "step:each", "foreach:row in rows"),
            cell("total = sum(square) * rate", "step:sum", "metrics"),
            cell("print('never')\nbig = 1", "step:never", "when:limit > 100"),
        ),
        "train.ipynb",
    )


def test_a_run_is_an_object_with_its_steps_values_and_logs(tmp_path: Path) -> None:
    run = kfnb.run(train(tmp_path), {"limit": 4})
    assert run.state in ("pending", "running") and not run.ended
    assert run.wait() is run and (run.state, run.ended, run.error) == ("succeeded", True, None)
    assert run.duration is not None and run.finished - run.started == pytest.approx(run.duration)
    assert (run.name, run.parameters, run.metrics) == ("train", {"limit": 4, "rate": 0.5}, {"total": 7.0})
    assert {name: s.state for name, s in run.steps.items()} == {
        "make": "succeeded", "each": "succeeded", "sum": "succeeded", "never": "skipped",
    }  # fmt: skip
    assert run["make"]["rows"] == [0, 1, 2, 3] and list(run["make"]) == ["rows"] and "rows" in run["make"]
    assert (run["make"].attempts, run["make"].log, run["never"].duration) == (2, "try", None)
    each = run["each"]
    assert each["square"] == [0, 1, 4, 9] and each[-1]["square"] == 9 and run["each[2]"].state == "succeeded"
    assert [s.log for s in each.iterations] == ["row 0", "row 1", "row 2", "row 3"]
    assert each.log == "row 0\nrow 1\nrow 2\nrow 3" and each[1].inputs == {"row": 1, "rows": [0, 1, 2, 3]}
    assert run["sum"].inputs == {"square": [0, 1, 4, 9], "rate": 0.5}
    assert "[each[1]] row 1" in run.log() and run.log("make") == "try"
    assert kfnb.Run("last").id == run.id and repr(run) == f"<Run {run.id} of train: succeeded>"
    assert [line.split()[1:3] for line in str(run).split("\n")[1:]] == [[n, s.state] for n, s in run.steps.items()]


def test_a_failed_iteration_stands_in_the_list_of_its_loop(tmp_path: Path) -> None:
    cells = [
        cell("x = 6 / n", "step:each", "foreach:n in [3, 0, 6]", "on-failure:continue"),
        cell("lost = [f.index for f in x if isinstance(f, kfnb.Failed)]", "step:count"),
        cell("y = 6 / n\ny", "step:strict", "foreach:n in [0]", "after:count"),
    ]
    path = write(tmp_path, notebook(cell("import kfnb", "imports"), *cells), "fails.ipynb")
    run = kfnb.run(path).wait(check=False)
    assert run.state == "failed" and run["each"].state == "succeeded" and run["each[1]"].state == "failed"
    lost = "ZeroDivisionError: division by zero"
    assert repr(run["each"]["x"]) == repr(run["count"].inputs["x"]) == f"[2.0, Failed(each, at 1: {lost}), 1.0]"
    assert (run["count"]["lost"], run["each"]["x"][1].item, run["each"].reason) == (
        [1],
        0,
        "1 of 3 failed, and the rest went on",
    )
    assert repr(run["strict"]["y"]) == f"[Failed(strict, at 0: {lost})]"
    with pytest.raises(RuntimeError, match="since the step failed: ZeroDivisionError"):
        sum(run["each"]["x"])


def test_a_loop_without_items_has_left_empty_lists(tmp_path: Path) -> None:
    run = kfnb.run(train(tmp_path), {"limit": 0}).wait()
    assert (run["each"].state, run["each"]["square"], run["each"].iterations) == ("skipped", [], [])


def test_what_is_not_there_is_named_with_what_is_near(tmp_path: Path) -> None:
    run = kfnb.run(train(tmp_path)).wait()
    with pytest.raises(UnknownRun, match="did you mean `make`"):
        run["mak"]
    with pytest.raises(UnknownRun, match="did you mean `rows`"):
        run["make"]["row"]
    with pytest.raises(IndexError, match="3 iterations"):
        run["each"][3]
    with pytest.raises(NotebookError) as caught:
        kfnb.run(tmp_path / "train.ipynb", {"limti": 1, "rate": [1], "limit": True}, step="mkae")
    assert [p.code for p in caught.value.problems] == ["KF501", "KF502", "KF502"]
    with pytest.raises(NotebookError, match="no notebook was named"):
        kfnb.run()


@pytest.mark.parametrize("given", [{"rate": 2}, {"rate": "2"}, {"rate": 2.0}])
def test_parameters_are_values_of_python(given: dict, tmp_path: Path) -> None:
    assert kfnb.run(train(tmp_path), given).parameters == {"limit": 3, "rate": 2.0}


FAILS = (cell("x = 1", "step:a"), cell("print('so far')\nx / 0", "step:b"), cell("y = x", "step:c"))


def test_a_report_is_written(tmp_path: Path) -> None:
    page = kfnb.run(train(tmp_path)).wait().report(tmp_path)
    assert page.suffix == ".html" and "succeeded" in page.read_text()


def test_a_failure_is_raised_with_its_place_and_what_to_do(tmp_path: Path) -> None:
    path = write(tmp_path, notebook(*FAILS))
    with pytest.raises(kfnb.RunFailed) as caught:
        kfnb.run(path).wait()
    run = caught.value.run
    assert f"run {run.id} failed in step b, cell 2, line 2: ZeroDivisionError: division by zero" in str(caught.value)
    assert f"%pipeline load b --run {run.id}" in str(caught.value)
    assert (run["b"].log.split("\n")[0], run["b"].state, run.wait(check=False).state) == ("so far", "failed", "failed")
    write(tmp_path, notebook(FAILS[0], cell("x / 1", "step:b"), FAILS[2]))
    first = run["a"].finished
    assert run.retry(notebook=path).wait().state == "succeeded"
    assert (run["a"].finished, run["b"].state) == (first, "succeeded")


def test_runs_are_awaited_side_by_side_and_cancelled(tmp_path: Path) -> None:
    path = write(tmp_path, notebook(cell("n = 1", "parameters"), cell("m = n + 1", "step:a")))
    endless = write(tmp_path, notebook(cell("import time\nprint('begun')\ntime.sleep(600)", "step:a")), "endless.ipynb")

    async def several() -> tuple[list[int], str]:
        ticks = 0
        runs = [kfnb.run(path, {"n": n}) for n in (1, 2)]
        long = kfnb.run(endless)
        done = asyncio.gather(*runs)
        while not done.done():
            ticks += 1
            await asyncio.sleep(0.01)
        assert ticks > 1  # the loop went on meanwhile
        async for event in long.events_async():
            if event.data.get("path") == "a" and event.data["state"] == "running":
                long.cancel()
        with pytest.raises(kfnb.RunFailed, match="cancelled"):
            await long
        return [run["a"]["m"] for run in await done], long.state

    assert asyncio.run(several()) == ([2, 3], "cancelled")


def test_the_runs_are_a_table_that_pandas_takes(tmp_path: Path) -> None:
    path = train(tmp_path)
    assert repr(kfnb.runs()) == "there is no run yet"
    for limit in (2, 3):
        kfnb.run(path, {"limit": limit}, experiment="sizes").wait()
    kfnb.run(write(tmp_path, notebook(cell("x = '<b>'", "step:a")), "other<b>.ipynb")).wait()
    frame = pd.DataFrame(kfnb.runs(experiment="sizes"))
    assert frame[["pipeline", "state", "parameters.limit", "metrics.total"]].values.tolist() == [
        ["train", "succeeded", 3, 2.5], ["train", "succeeded", 2, 0.5],
    ]  # fmt: skip
    assert len(kfnb.runs()) == 3 and len(kfnb.runs(1)) == 1 and len(kfnb.runs(notebook=path)) == 2
    assert kfnb.runs(notebook=path).runs()[0]["sum"]["total"] == 2.5
    assert "limit=3, rate=0.5" in repr(kfnb.runs()) and "<b>" not in kfnb.runs()._repr_html_()


def test_a_step_begins_no_run(tmp_path: Path) -> None:
    """A notebook without marks that runs itself would run without end."""
    path = write(tmp_path, notebook(cell("import kfnb\nkfnb.run('notebook.ipynb')")))
    run = kfnb.run(path).wait(check=False)
    assert run.state == "failed" and "a step cannot begin a run" in run.error["message"]
    assert len(kfnb.runs()) == 1


def test_the_module_of_the_record_is_called_as_well_as_imported_from() -> None:
    code = "import kfnb.runs.record.run_store, kfnb, json; print(json.dumps(kfnb.runs()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ)
    assert json.loads(done.stdout) == [], done.stderr


def test_a_run_that_begins_in_the_middle_takes_nothing_of_another_pipeline_of_the_notebook(tmp_path: Path) -> None:
    add = "from kfnb import component\n@component\ndef add(x: int) -> int:\n    return x + 1"
    bodies = ("y = add(5)\nz = add(y)", "y = add(100)\nz = add(y)")
    cells = [cell(add), *(cell(f"%%pipeline {n}\n{b}") for n, b in zip(("small", "large"), bodies, strict=True))]
    path = write(tmp_path, notebook(*cells), "two.ipynb")
    for name in ("small", "large"):
        kfnb.run(path, pipeline=name).wait()
    again = kfnb.run(path, pipeline="small", step="add-2").wait()
    assert (again["add"].state, list(again["add-2"].inputs.values())) == ("cached", [6])


def test_a_retry_from_a_step_that_is_no_more_changes_nothing(tmp_path: Path) -> None:
    path = train(tmp_path)
    run = kfnb.run(path).wait()
    path.write_text(path.read_text("utf-8").replace("step:sum", "step:total"), "utf-8")
    for name, near in (("sum", "the steps are make, each, total"), ("each[1]", "did you mean `each`")):
        with pytest.raises(UnknownRun, match=f"has no step .*{near}"):
            run.retry(name, path)
    assert [s.name for s in run.pipeline.steps()] == ["make", "each", "sum", "never"] and run.state == "succeeded"


def test_what_a_run_kept_may_be_gone(tmp_path: Path) -> None:
    run = kfnb.run(train(tmp_path)).wait()
    with run.record() as store:
        shutil.rmtree(store.folder(run.id))
    assert run.state == "succeeded" and "✓ make" in str(run)
    asked = (
        run.retry,
        lambda: run.pipeline,
        lambda: run["sum"].inputs,
        lambda: run.report(tmp_path),
        run._ipython_display_,
    )
    for ask in (*asked, lambda: run.retry(None, tmp_path / "train.ipynb")):
        with pytest.raises(UnknownRun, match=f"what run {run.id} kept is gone"):
            ask()
