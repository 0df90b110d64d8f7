"""Runs compared by the server, as the page of a comparison asks for it."""

from __future__ import annotations

import shutil
from typing import Any

from kfnb.runs.record.run_store import RunStore
from tests.notebooks import cell, notebook
from tests.server.asking import ended, refused


def rated(code: str) -> dict[str, Any]:
    return notebook(cell("rate: float = 0.5", "parameters"), cell(code, "step:train"))


async def test_runs_are_compared_and_a_wrong_request_is_refused_in_words(ask: Any) -> None:
    ids = []
    for code, rate in (("b = rate\nprint(b)", "0.5"), ("b = rate * 2\nprint(b)", "0.25")):
        begun = await ask("POST", "runs", body={"notebook": rated(code), "parameters": {"rate": rate}})
        ids.append(begun["run"]["run"])
        await ended(ask, ids[-1])
    one, two = ids
    found = await ask("GET", "comparison", runs=f"{one},{two}")
    assert [r["run"] for r in found["runs"]] == ids and all(r["has_packages"] for r in found["runs"])
    (rate,) = [row for row in found["parameters"] if row["differs"]]
    assert rate["values"] == {one: 0.5, two: 0.25}
    assert not any(row["differs"] for row in found["outputs"] + found["packages"] + found["settings"])
    (code,) = [row for row in found["code"] if row["differs"]]
    assert code["versions"][1]["changes"] == [["-", "b = rate"], ["+", "b = rate * 2"], [" ", "print(b)"]]

    store, longs = RunStore(), []
    for shift in (0, 1):
        longs.append(store.create("p", None, None, "local", {}))
        shutil.copy(store.folder(one) / "pipeline.json", store.folder(longs[-1]))
        with store.changing():
            for i in range(150):
                value = i + (shift if i % 3 == 0 else 0)
                result = {"results": {"score": {"preview": str(value), "type": "int", "bundle": str(value)}}}
                state = "failed" if shift and i == 7 else "succeeded"
                store.record_step(longs[-1], f"fit[{i}]", "fit", state, started=0.0, finished=1.0, result=result)
    found = await ask("GET", "comparison", runs=",".join(longs))
    (states,), (score,), (seconds,) = found["states"], found["outputs"], found["durations"]
    assert states["values"] == {longs[0]: {"succeeded": 150}, longs[1]: {"succeeded": 149, "failed": 1}}
    assert score["values"][longs[0]] == {"least": 0, "median": 74.5, "most": 149} and not seconds["differs"]
    assert score["loop"] == {"step": "fit", "iterations": 150, "differing": 50}
    asked = {"runs": ",".join(longs), "step": "fit"}
    told = await ask("GET", "comparison", "iterations", **asked, part="outputs", output="score")
    assert told["total"] == 50 and told["rows"][1]["name"] == "fit[3].score"
    assert told["rows"][1]["values"] == {longs[0]: "3", longs[1]: "4"}
    told = await ask("GET", "comparison", "iterations", **asked, part="states", all="true", start="100")
    assert (told["total"], len(told["rows"])) == (150, 50)

    for runs in ("", one, f"{one},{one}", f"{one},no-run", ",".join([one] * 20)):
        status, told = await refused(ask("GET", "comparison", runs=runs))
        assert status == 400 and "2 to 10 ids of runs" in told["message"]
    assert (await refused(ask("GET", "comparison", runs=f"{one},20260101-000000-abcd")))[0] == 404
    bare = RunStore().create("p", None, None, "argo", {})
    status, told = await refused(ask("GET", "comparison", runs=f"{one},{bare}"))
    assert status == 404 and "run the notebook again" in told["message"]


async def test_experiments_are_told_with_their_states_and_what_varies(ask: Any) -> None:
    store = RunStore()
    assert (await ask("GET", "experiments"))["experiments"] == []
    for pipeline, experiment, rate in (("p", "e", 1), ("p", "e", 2), ("q", "e", 2), ("p", "f/1", 1), ("p", None, 9)):
        run = store.create(pipeline, None, experiment, "argo", {"rate": rate, "fixed": [1]})
        if experiment == "f/1":
            store.record_run(run, "succeeded")
    found = (await ask("GET", "experiments"))["experiments"]
    assert [(one["experiment"], one["pipelines"], one["states"], one["swept"]) for one in found] == [
        ("f/1", ["p"], {"succeeded": 1}, []),
        ("e", ["q", "p"], {"pending": 3}, ["rate"]),
    ]
    assert all(one["first"] <= one["last"] for one in found)
