"""The server extension, asked as a browser asks it, on a real Jupyter server and with real runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tornado.httpclient import HTTPClientError

from kfnb.engines.local.containers.container_tool import installed_tool
from kfnb.runs.kept_notebook import kept_notebook
from kfnb.runs.record.run_store import RunStore
from tests.cluster.hearing import listening
from tests.notebooks import cell, notebook, write
from tests.server.asking import API, ended, refused

THREE = notebook(
    cell("limit: int = 3", "parameters"),
    cell("a = limit + 1\nprint('made', a)", "step:make"),
    cell("b = a * 2\nprint('used', b)", "step:use"),
)
FAILS = notebook(
    cell("a = 1", "step:make"), cell("x = a\nx / 0", "step:fail"), cell("print('end')", "step:end", "exit")
)


def states(found: dict[str, Any]) -> dict[str, str]:
    return {s["path"]: s["state"] for s in found["steps"]}


def kept_sources(home: Path, run_id: str) -> list[str]:
    """The cells of the notebook that stays with a run."""
    store = RunStore(home)
    data = kept_notebook(store, run_id)
    store.close()
    assert data is not None
    return [c["source"] for c in data["cells"]]


async def test_a_notebook_is_explained_and_nothing_of_it_runs(ask: Any, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    evil = cell(f"open({str(touched)!r}, 'w')", "step:evil")
    found = await ask(
        "POST", "compile", body={"notebook": notebook(*THREE["cells"], evil), "path": "deep/my-notebook.ipynb"}
    )
    assert [s["name"] for s in found["steps"]] == ["make", "use", "evil"] and found["pipeline"] == "my-notebook"
    assert found["parameters"] == [{"name": "limit", "type": "int", "default": 3}]
    assert [b["step"] for b in found["graph"]["boxes"]] == ["make", "use", "evil"]
    assert [c["steps"] for c in found["cells"]] == [["make"], ["use"], ["evil"]]
    assert not touched.exists()


async def test_an_unmarked_notebook_is_divided_as_it_is_asked_for(ask: Any) -> None:
    plain = notebook(cell("import math"), cell("a = math.sqrt(4)"), cell("print(a)"))
    found = await ask("POST", "compile", body={"notebook": plain})
    assert not found["marked"] and [s["name"] for s in found["steps"]] == ["start"]
    cells = await ask("POST", "compile", body={"notebook": plain, "as": "cells"})
    assert [c["steps"] for c in cells["cells"]] == [["a"], ["show"]]
    assert cells["others"] == [{"cell": 1, "id": "c1", "role": "shared"}]
    assert (await refused(ask("POST", "compile", body={"notebook": plain, "as": "rows"})))[0] == 400
    marked = notebook(
        cell("n = 1", "parameters"), *plain["cells"][:1], cell("print(n)", "step:show"), cell("a = open(str(n))")
    )
    outside = await ask("POST", "compile", body={"notebook": marked})
    assert outside["marked"] and [o["role"] for o in outside["others"]] == ["parameters", "shared", "outside"]


async def test_a_frame_of_the_graph_is_folded_into_one_box(ask: Any) -> None:
    code = "from kfnb import component\n\n@component\ndef f(x):\n    return x\n\n@component\ndef g(x):\n    print(x)"
    loop = notebook(cell(code), cell("%%pipeline both\nfor n in [1, 2]:\n    y = f(n)\n    g(y)"))
    (frame,) = (await ask("POST", "compile", body={"notebook": loop}))["graph"]["frames"]
    found = await ask("POST", "compile", body={"notebook": loop, "folded": [frame["id"]]})
    (box,) = found["graph"]["boxes"]
    assert box["step"] == frame["id"] and box["steps"] == frame["steps"] and found["graph"]["frames"] == []
    assert (await refused(ask("POST", "compile", body={"notebook": loop, "folded": [[]]})))[0] == 400


async def test_what_a_run_would_be_is_told_before_it_is_started(ask: Any, jp_root_dir: Path) -> None:
    (jp_root_dir / "rows.csv").write_text("a\n1\n")
    (jp_root_dir / "kfnb.toml").write_text('[targets.far]\nengine = "argo"\nhost = "https://example.org"\n')
    reads = notebook(
        cell("n: int = 1", "parameters"), cell("text = open('rows.csv').read() * n", "step:read", "image:python:3.12")
    )
    here = await ask("POST", "submission", body={"notebook": reads, "path": "n.ipynb", "parameters": {"n": "2"}})
    assert (here["state"], here["told"], here["problems"], here["files"]) == ("ready", ["this machine"], [], [])
    assert here["steps"] == [{"step": "read", "image": "python:3.12", "packages": []}]
    far = await ask("POST", "submission", body={"notebook": reads, "path": "n.ipynb", "target": "far"})
    assert far["state"] in ("untrusted", "refused") and far["manifest"] == ""
    body = {"notebook": reads, "path": "n.ipynb", "parameters": {"n": "many"}}
    told = await ask("POST", "submission", body=body)
    assert [p["name"] for p in told["problems"]] == ["n"]
    assert (await ask("GET", "runs"))["runs"] == []


async def test_problems_are_told_with_cell_and_line(ask: Any) -> None:
    found = await ask("POST", "compile", body={"notebook": notebook(cell("x = 1\nprint(nowhere)", "step:a"))})
    (problem,) = [p for p in found["problems"] if p["severity"] == "error"]
    assert (problem["code"], problem["cell"], problem["line"]) == ("KF301", 1, 2) and "nowhere" in problem["message"]
    status, told = await refused(ask("POST", "runs", body={"notebook": notebook(cell("print(nowhere)", "step:a"))}))
    assert status == 422 and told["problems"][0]["code"] == "KF301"


async def test_a_run_from_the_first_request_to_its_logs(ask: Any, jp_root_dir: Path) -> None:
    (jp_root_dir / "work").mkdir()
    file = write(jp_root_dir / "work", THREE, "n.ipynb")
    body = {"notebook": THREE, "path": "work/n.ipynb", "parameters": {"limit": "7"}}
    begun = await ask("POST", "runs", body=body)
    run_id = begun["run"]["run"]
    found = await ended(ask, run_id)
    assert states(found) == {"make": "succeeded", "use": "succeeded"} and found["run"]["parameters"] == {"limit": 7}
    log = await ask("GET", "runs", run_id, "steps", "use", "log")
    assert [text for _, text in log["lines"]] == ["used 16"] and log["all"]
    assert (await ask("GET", "runs", run_id, "steps", "use", "log", start=str(log["next"])))["lines"] == []
    assert [r["run"] for r in (await ask("GET", "runs", notebook="work/n.ipynb"))["runs"]] == [run_id]
    assert (await ask("GET", "runs", notebook="other.ipynb"))["runs"] == []
    (kept,) = (await ask("GET", "runs", "choices"))["notebooks"]
    assert [r["run"] for r in (await ask("GET", "runs", notebook_file=kept))["runs"]] == [run_id]
    assert (await ask("GET", "runs", notebook_file=f"{kept}x"))["total"] == 0
    assert [b["step"] for b in (await ask("GET", "runs", run_id, "graph"))["graph"]["boxes"]] == ["make", "use"]
    sources = (await ask("GET", "runs", run_id, "sources"))["sources"]
    assert sources == {c["id"]: c["source"] for c in THREE["cells"] if c["cell_type"] == "code"}
    details = await ask("GET", "runs", run_id, "details")
    assert [s["cells"] for s in details["steps"]] == [[2], [3]]
    assert (details["target"], details["path"]) == ("local", "work/n.ipynb")
    assert [(a["number"], a["state"], a["pod"]) for a in details["attempts"]["use"]] == [(1, "succeeded", None)]
    status, told = await refused(ask("GET", "runs", run_id, "manifest"))
    assert status == 404 and "ran on this machine" in told["message"]
    file.rename(jp_root_dir / "moved.ipynb")  # closed, and never saved with its id
    assert [r["run"] for r in (await ask("GET", "runs", notebook="moved.ipynb"))["runs"]] == [run_id]
    (jp_root_dir / "disk").mkdir()
    shutil.copy(jp_root_dir / "moved.ipynb", jp_root_dir / "disk" / "moved.ipynb")
    assert (await ask("GET", "runs", notebook="disk/moved.ipynb"))["runs"] == [], "a copy"
    (jp_root_dir / "moved.ipynb").unlink()  # so that a copy is what a move to another disk leaves
    assert [r["run"] for r in (await ask("GET", "runs", notebook="disk/moved.ipynb"))["runs"]] == [run_id]


async def test_the_report_of_a_run_is_a_file(ask: Any, jp_fetch: Any) -> None:
    run_id = (await ask("POST", "runs", body={"notebook": THREE}))["run"]["run"]
    await ended(ask, run_id)
    page = await jp_fetch("kfnb", "api", "v1", "runs", run_id, "report")
    assert page.headers["Content-Type"] == "application/octet-stream" and b"used 8" in page.body
    assert page.headers["Content-Disposition"] == f'attachment; filename="notebook-{run_id}.html"'
    executed = await jp_fetch("kfnb", "api", "v1", "runs", run_id, "report", params={"form": "ipynb"})
    assert json.loads(executed.body)["nbformat"] == 4
    with pytest.raises(HTTPClientError, match="400"):
        await jp_fetch("kfnb", "api", "v1", "runs", run_id, "report", params={"form": "pdf"})


async def test_a_failure_is_mended_and_only_what_must_run_again_runs(ask: Any, home: Path) -> None:
    run_id = (await ask("POST", "runs", body={"notebook": FAILS}))["run"]["run"]
    found = await ended(ask, run_id)
    assert states(found) == {"make": "succeeded", "fail": "failed", "end": "succeeded"}
    assert (found["run"]["error"]["cell"], found["run"]["error"]["line"]) == (2, 2)
    assert kept_sources(home, run_id) == ["a = 1", "x = a\nx / 0", "print('end')"], "what was run stays with the run"
    first = next(s["finished"] for s in found["steps"] if s["path"] == "make")
    mended = json.loads(json.dumps(FAILS).replace("x / 0", "x / 1"))
    await ask("POST", "runs", run_id, "retry", body={"notebook": mended, "step": "fail"})
    found = await ended(ask, run_id)
    assert states(found) == {"make": "succeeded", "fail": "succeeded", "end": "succeeded"}
    assert next(s["finished"] for s in found["steps"] if s["path"] == "make") == first
    assert kept_sources(home, run_id)[1] == "x = a\nx / 1"


async def test_a_run_is_cancelled(ask: Any) -> None:
    slow = notebook(cell("import time\ntime.sleep(60)", "step:slow"), cell("print('cleaned')", "step:end", "exit"))
    run_id = (await ask("POST", "runs", body={"notebook": slow}))["run"]["run"]
    assert (await ask("POST", "runs", run_id, "cancel"))["cancelling"]
    found = await ended(ask, run_id)
    assert found["run"]["state"] == "cancelled" and states(found)["end"] == "succeeded"
    assert not (await ask("POST", "runs", run_id, "cancel"))["cancelling"]


async def test_what_a_step_displayed_is_told(ask: Any) -> None:
    shows = notebook(cell("from IPython.display import HTML, display\ndisplay(HTML('<b>bold</b>'))", "step:show"))
    run_id = (await ask("POST", "runs", body={"notebook": shows}))["run"]["run"]
    await ended(ask, run_id)
    (output,) = (await ask("GET", "runs", run_id, "steps", "show", "display"))["outputs"]
    assert output["data"]["text/html"] == "<b>bold</b>"


async def test_iterations_have_logs_of_their_own(ask: Any) -> None:
    each = notebook(cell('%%component each --foreach \'w in ["a", "b/c"]\'\nprint(w)'))
    run_id = (await ask("POST", "runs", body={"notebook": each}))["run"]["run"]
    assert states(await ended(ask, run_id)) == {"each[0]": "succeeded", "each[1]": "succeeded"}
    log = await ask("GET", "runs", run_id, "steps", quote("each[1]", safe=""), "log")
    assert [text for _, text in log["lines"]] == ["b/c"]


async def test_targets_have_names_and_never_addresses_and_containers_are_of_this_machine(
    ask: Any, jp_root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (jp_root_dir / "kfnb.toml").write_text('[targets.prod]\nengine = "argo"\nnamespace = "secret-place"\n')
    found = await ask("GET", "targets", notebook="n.ipynb")
    with monkeypatch.context() as patch:
        patch.setenv("PATH", "")
        _, told = await refused(ask("POST", "runs", body={"notebook": THREE, "containers": True}))
        assert told["problems"][0]["code"] == "KF740" and "neither podman nor docker" in told["problems"][0]["message"]
        assert (await ask("GET", "targets"))["containers"] is None
    assert found == {
        "containers": installed_tool(),
        "targets": [
            {"name": "local", "engine": "local", "trusted": True},
            {"name": "prod", "engine": "argo", "trusted": False},
        ],
    }


async def test_an_untrusted_target_is_refused_until_the_file_that_was_shown_is_trusted(
    ask: Any, jp_root_dir: Path
) -> None:
    file = jp_root_dir / "kfnb.toml"
    with listening() as ear:
        file.write_text(f'[targets.prod]\nengine = "kfp"\nhost = "{ear.url}"\ntoken_env = "HOME"\nnamespace = "a"\n')
        body = {"notebook": THREE, "path": "n.ipynb", "target": "prod"}
        status, told = await refused(ask("POST", "runs", body=body))
        assert status == 422 and told["problems"][0]["code"] == "KF709" and str(file) in told["message"]
        (shown,) = (await ask("GET", "trust", notebook="n.ipynb"))["files"]
        assert not shown["trusted"] and [a["text"] for a in shown["asks"]] == [
            f"talks to {ear.url}", f"sends the variable $HOME to {ear.url}", "makes runs in the namespace a",
        ]  # fmt: skip
        file.write_text(file.read_text().replace('"a"', '"b"'))
        changed = {"path": "n.ipynb", "fingerprint": shown["fingerprint"]}
        assert (await refused(ask("POST", "trust", body=changed)))[0] == 409 and ear.connections == 0
        (shown,) = (await ask("GET", "trust", notebook="n.ipynb"))["files"]
        (after,) = (await ask("POST", "trust", body={"path": "n.ipynb", "fingerprint": shown["fingerprint"]}))["files"]
        assert after["trusted"] and ear.connections == 0
        assert (await ask("GET", "targets", notebook="n.ipynb"))["targets"][1]["trusted"]
        await refused(ask("POST", "runs", body=body))
        assert ear.connections > 0
        assert (await refused(ask("POST", "trust", body={"path": "../n.ipynb", "fingerprint": "x"})))[0] == 400


@pytest.mark.parametrize(("engine", "word"), [("kfp", "schemaVersion"), ("argo", "argoproj.io")])
async def test_the_manifest_of_an_engine(ask: Any, engine: str, word: str) -> None:
    assert word in (await ask("POST", "manifest", body={"notebook": THREE, "engine": engine}))["text"]


BAD = [
    ({"notebook": [1]}, 400, "wrong type"),
    ({"notebook": THREE, "surprise": 1}, 400, "unknown field"),
    ({"notebook": THREE, "path": "../outside.ipynb"}, 400, "relative"),
    ({"notebook": THREE, "path": "/etc/passwd"}, 400, "relative"),
    ({"notebook": THREE, "path": "a\0b"}, 400, "relative"),
    ({"notebook": THREE, "parameters": {"limit": 3}}, 400, "texts"),
    ({"notebook": THREE, "parameters": {"limit": "many"}}, 422, "limit"),
    ({"notebook": THREE, "parameters": {"limi": "1"}}, 422, "did you mean `limit`"),
    ({"notebook": THREE, "target": "nowhere"}, 404, "no target `nowhere`"),
    ({"notebook": THREE, "start": "nowhere"}, 422, "no step `nowhere`"),
    ({"notebook": {"cells": [{"cell_type": "code", "source": "x" * 400_000}]}}, 413, "300000"),
    ({"notebook": {"cells": "none"}}, 422, ""),
]


@pytest.mark.parametrize(("body", "status", "words"), BAD)
async def test_a_bad_request_is_refused_in_words_and_begins_no_run(
    ask: Any, body: dict[str, Any], status: int, words: str
) -> None:
    found, told = await refused(ask("POST", "runs", body=body))
    assert found == status and words in json.dumps(told, ensure_ascii=False)
    assert (await ask("GET", "runs"))["runs"] == []


async def test_what_is_not_there(ask: Any) -> None:
    for path in (
        ("20260101-000000-abcd",),
        ("20260101-000000-abcd", "graph"),
        ("20260101-000000-abcd", "steps", "a", "log"),
    ):
        status, told = await refused(ask("GET", "runs", *path))
        assert status == 404 and "20260101-000000-abcd" in told["message"]
    for path in (("last",), ("20260101-000000-abcd", "steps", "..%2F..%2Fetc", "log")):
        with pytest.raises(HTTPClientError, match="404"):
            await ask("GET", "runs", *path)


async def test_a_run_that_is_cancelled_at_once_ends(ask: Any) -> None:
    """Whoever is faster than the run's process must not kill it before it can write that down."""
    slow = notebook(cell("import time\ntime.sleep(60)", "step:slow"), cell("print('cleaned')", "step:end", "exit"))
    for _ in range(10):
        run_id = (await ask("POST", "runs", body={"notebook": slow}))["run"]["run"]
        await ask("POST", "runs", run_id, "cancel")
        assert (await ended(ask, run_id))["run"]["state"] == "cancelled"


async def test_what_a_step_saw_and_left_is_told_without_loading_it(ask: Any) -> None:
    big = cell("import numpy as np\nrows = np.zeros((1000, 3))\nnames = ['a', 'b']", "step:big")
    each = cell("loss = float('nan')\nsize = len(name) + rows.shape[0]", "step:each", "foreach:name in names")
    last = cell("total = sum(size)", "step:last")
    run = (await ask("POST", "runs", body={"notebook": notebook(big, each, last)}))["run"]["run"]
    await ended(ask, run)
    values = await ask("GET", "runs", run, "steps", quote("each[1]", safe=""), "values")
    told = {v["name"]: (v["type"], v["preview"]) for v in values["inputs"]}
    assert told["rows"] == ("numpy.ndarray", "float64 array (1000, 3)")
    assert told["name"][1] == "item 1 of ['a', 'b']"
    left = {v["name"]: v for v in values["outputs"]}
    assert (left["size"]["preview"], left["loss"]["preview"]) == (1001, "nan") and left["size"]["bytes"] > 0
    collected = (await ask("GET", "runs", run, "steps", "last", "values"))["inputs"]
    assert [(v["name"], v["type"], v["preview"]) for v in collected] == [("size", "list", "[1001, 1001]")]


async def test_numbers_that_are_not_finite_do_not_break_an_answer(ask: Any, jp_fetch: Any) -> None:
    score = cell("loss = float('nan')\nbest = float('inf')", "step:score")
    run = (await ask("POST", "runs", body={"notebook": notebook(score, cell("loss\nbest", "metrics"))}))["run"]["run"]
    await ended(ask, run)
    text = (await jp_fetch(*API, "runs", run)).body.decode()
    found = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert found["metrics"] == {"loss": "nan", "best": "inf"}
