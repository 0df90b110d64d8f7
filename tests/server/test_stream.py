"""The websocket: snapshots, what changes, and what happens to a browser that is slow, wrong or not allowed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from kfnb.runs.record.run_store import RunStore
from kfnb.runs.step_progress import percent_in
from tests.notebooks import cell, notebook
from tests.server.asking import API

TWO = notebook(cell("a = 1", "step:make"), cell("print(a)", "step:use"))


async def message(socket: Any) -> dict[str, Any]:
    text = await socket.read_message()
    assert text is not None, "the socket was closed"
    found: dict[str, Any] = json.loads(text)
    return found


async def started(jp_fetch: Any, data: dict[str, Any]) -> str:
    answer = await jp_fetch(*API, "runs", method="POST", body=json.dumps({"notebook": data}))
    return str(json.loads(answer.body)["run"]["run"])


async def test_a_snapshot_comes_first_and_then_every_change_to_the_end(jp_ws_fetch: Any, jp_fetch: Any) -> None:
    run_id = await started(jp_fetch, TWO)
    socket = await jp_ws_fetch(*API, "stream")
    await socket.write_message(json.dumps({"watch": [run_id]}))
    first = await message(socket)
    assert first["type"] == "snapshot" and first["id"] == run_id
    states = {s["path"]: s["state"] for s in first["steps"]}
    run, seen = first["run"]["state"], first["seq"]
    while run not in ("succeeded", "failed"):
        news = await message(socket)
        if news["type"] == "line":  # what a step printed last is no change of the record
            continue
        assert news["seq"] == seen + 1
        seen = news["seq"]
        if news["type"] == "step":
            states[news["data"]["path"]] = news["data"]["state"]
        else:
            run = news["data"]["state"]
    assert run == "succeeded" and states == {"make": "succeeded", "use": "succeeded"}
    for watched in ([], [run_id]):  # as the page does for a second view of a run: what it asked for may be old by now
        await socket.write_message(json.dumps({"watch": watched}))
    again = await message(socket)
    assert again["type"] == "snapshot" and again["run"]["state"] == "succeeded"
    socket.close()


async def test_a_run_that_is_taken_up_again_comes_with_a_new_snapshot(jp_ws_fetch: Any, jp_fetch: Any) -> None:
    run_id = await started(jp_fetch, notebook(cell("1 / 0", "step:make"), cell("print(1)", "step:use", "after:make")))
    socket = await jp_ws_fetch(*API, "stream")
    await socket.write_message(json.dumps({"watch": [run_id]}))
    while not ((news := await message(socket))["type"] == "run" and news["data"]["state"] == "failed"):
        if news["type"] == "snapshot" and news["run"]["state"] == "failed":
            break
    while True:
        try:
            await jp_fetch(*API, "runs", run_id, "retry", method="POST", body=json.dumps({"notebook": TWO}))
            break
        except HTTPClientError:  # the run has not quite ended
            continue
    while (news := await message(socket))["type"] != "snapshot":
        pass
    state = news["run"]["state"]
    while state != "succeeded":
        news = await message(socket)
        state = news["data"]["state"] if news["type"] == "run" else state
    socket.close()


async def test_a_browser_that_does_not_read_gets_a_snapshot_instead(
    jp_ws_fetch: Any, jp_serverapp: Any, home: Path
) -> None:
    store = RunStore(home)
    run_id = store.create("p", None, None, "local", {})
    hub = jp_serverapp.web_app.settings["kfnb_hub"]
    listener = hub.join()
    hub.watch(listener, [run_id])
    assert (await listener.queue.get())["type"] == "snapshot"
    for number in range(200):
        store.record_step(run_id, f"s[{number}]", "s", "running", position=1)
    while run_id not in listener.behind and listener.queue.qsize() < 50:
        await hub_looks(hub)
    while True:
        news = await listener.queue.get()
        if news["type"] == "snapshot":
            break
    assert len(news["steps"]) == 200
    hub.leave(listener)


async def hub_looks(hub: Any) -> None:
    import asyncio

    hub._wake.set()
    await asyncio.sleep(0)


async def test_what_a_step_prints_and_how_far_it_says_it_is_is_told(jp_ws_fetch: Any, jp_fetch: Any) -> None:
    code = "import time\nfor n in range(1, 5):\n    print('epoch', n, '/ 4')\n    time.sleep(0.6)"
    run_id = await started(jp_fetch, notebook(cell(code, "step:train")))
    socket = await jp_ws_fetch(*API, "stream")
    await socket.write_message(json.dumps({"watch": [run_id]}))
    told = []
    while not ((news := await message(socket))["type"] == "run" and news["data"]["state"] == "succeeded"):
        if news["type"] == "line":
            told.append((news["path"], news["line"], news["percent"]))
    assert ("train", "epoch 2 / 4", 50) in told and told == sorted(told)
    socket.close()


LINES = [
    (" 45%|####5     | 9/20 [00:01<00:01]", 45),
    ("step 3/10", 30),
    ("epoch 3 of 4: loss 0.2", 75),
    ("accuracy 99.5%", 99),
    ("2026/11/25 loaded", None),
    ("12 / 3", None),
    ("http://a/1/2/3", None),
    ("300%", None),
    ("done", None),
]


@pytest.mark.parametrize(("line", "percent"), LINES)
def test_how_far_a_line_says_that_something_is(line: str, percent: int | None) -> None:
    assert percent_in(line) == percent


async def test_what_is_no_run_closes_the_socket_or_is_said(jp_ws_fetch: Any) -> None:
    socket = await jp_ws_fetch(*API, "stream")
    await socket.write_message(json.dumps({"watch": ["20260101-000000-abcd"]}))
    gone = await message(socket)
    assert gone["type"] == "gone" and "20260101-000000-abcd" in gone["message"]
    for wrong in (
        "{",
        "[]",
        '{"watch": ["../x"]}',
        '{"watch": 3}',
        json.dumps({"watch": ["20260101-000000-abcd"] * 201}),
    ):
        other = await jp_ws_fetch(*API, "stream")
        await other.write_message(wrong)
        assert await other.read_message() is None and other.close_code == 1003
    socket.close()
