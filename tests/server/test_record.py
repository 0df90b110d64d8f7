"""What the server does when the record of runs is damaged, gone, or cannot be written; and how runs are deleted."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from kfnb.runs.record.run_store import RunStore
from tests.notebooks import cell, notebook
from tests.server.asking import API, ended, refused
from tests.server.test_stream import message, started


async def test_one_damaged_run_does_not_end_the_stream_of_others(jp_ws_fetch: Any, jp_fetch: Any, home: Path) -> None:
    store = RunStore()
    bad, good = (store.create("p", None, None, "argo", {}) for _ in range(2))
    with sqlite3.connect(home / "runs.db") as database:
        database.execute("update runs set parameters = 'no JSON' where id = ?", (bad,))
    socket = await jp_ws_fetch(*API, "stream")
    await socket.write_message(json.dumps({"watch": [bad, good]}))
    told = {m["id"]: m for m in [await message(socket), await message(socket)]}
    assert told[good]["type"] == "snapshot"
    assert told[bad]["type"] == "gone" and "runs.db" in told[bad]["message"]
    store.record_run(good, "running", started=1.0)
    assert (await message(socket))["data"]["state"] == "running"
    socket.close()


async def test_the_stream_survives_a_record_that_is_removed_and_made_anew(
    jp_ws_fetch: Any, jp_fetch: Any, home: Path
) -> None:
    first = RunStore().create("p", None, None, "argo", {})
    socket = await jp_ws_fetch(*API, "stream")
    await socket.write_message(json.dumps({"watch": [first]}))
    assert (await message(socket))["type"] == "snapshot"
    shutil.rmtree(home)
    store = RunStore()
    second = store.create("p", None, None, "argo", {})
    await socket.write_message(json.dumps({"watch": [first, second]}))
    told = {m["id"]: m["type"] for m in [await message(socket), await message(socket)]}
    assert told == {first: "gone", second: "snapshot"}
    store.record_run(second, "running", started=1.0)
    assert (await message(socket))["data"]["state"] == "running"
    socket.close()


async def test_a_damaged_record_and_a_full_disk_are_told_in_words(
    ask: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = RunStore().create("p", None, None, "argo", {})
    (home / "runs" / run_id / "pipeline.json").write_text("{")
    status, told = await refused(ask("GET", "runs", run_id, "graph"))
    assert status == 500 and "pipeline.json" in told["message"]

    def full(*_: Any, **__: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("kfnb.runs.record.run_store.RunStore.add", full)
    status, told = await refused(ask("POST", "runs", body={"notebook": notebook(cell("a = 1", "step:a"))}))
    assert status == 507 and "the disk is full; free some space there" in told["message"]


async def test_a_run_that_has_ended_can_be_deleted_and_no_other(ask: Any, jp_fetch: Any) -> None:
    run_id = await started(jp_fetch, notebook(cell("a = list(range(99))", "step:a")))
    going = RunStore().create("p", None, None, "argo", {})
    await ended(ask, run_id)
    assert (await ask("DELETE", "runs", run_id))["runs"] == [run_id]
    assert (await refused(ask("GET", "runs", run_id)))[0] == 404
    assert (await refused(ask("DELETE", "runs", run_id)))[0] == 404
    status, told = await refused(ask("DELETE", "runs", going))
    assert status == 409 and "cancel it first" in told["message"]
    assert [r["run"] for r in (await ask("GET", "runs"))["runs"]] == [going]
