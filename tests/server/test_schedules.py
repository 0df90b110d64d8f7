"""The endpoints of schedules, with a real keeper."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from kfnb.client.run_object import Run
from kfnb.schedule_keeper.keeper_process import is_kept
from tests.notebooks import cell, notebook, write

DAILY = {"cron": "0 6 * * *", "zone": "Europe/Berlin"}


async def test_a_schedule_is_made_paused_run_and_deleted(ask: Any, jp_root_dir: Path, home: Path) -> None:
    write(jp_root_dir, notebook(cell("a = 1", "parameters"), cell("b = a + 1", "step:one")), "nightly.ipynb")
    times = await ask("GET", "schedule-times", **DAILY)
    assert times["words"] == "At 06:00 every day" and [t.split()[1] for t in times["next"]] == ["06:00"] * 5
    wrong = await ask("GET", "schedule-times", cron="61 6 * * *")
    assert "its minute cannot be read" in wrong["error"] and wrong["next"] == []
    asked = {**DAILY, "path": "nightly.ipynb", "name": "every day/6", "parameters": {"a": "41"}, "catch_up": "last"}
    made = await ask("POST", "schedules", body=asked)
    assert (made["id"], made["target"], made["paused"], len(made["next"])) == ("every day/6", "local", False, 5)
    assert (await ask("GET", "schedules"))["schedules"] == [made]
    one = ("schedules", "local", "every%20day%2F6")
    assert (await ask("POST", *one, "pause"))["next"] == []
    (firing,) = (await ask("POST", *one, "run"))["history"]
    assert Run(firing["run"]).wait()["one"]["b"] == 42
    assert (await ask("GET", *one))["history"][0]["state"] == "succeeded"
    assert not (await ask("POST", *one, "resume"))["paused"]
    assert await ask("DELETE", *one) == {"deleted": True}
    assert await ask("GET", "schedules") == {"schedules": [], "silent": {}}
    end = time.monotonic() + 30
    while is_kept(home):
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"path": "nightly.ipynb"}, 400, "a schedule needs"),
        ({"path": "gone.ipynb", **DAILY}, 422, "has no file"),
        ({"path": "nightly.ipynb", **DAILY, "cron": "0 6 * *"}, 422, "five fields"),
        ({"path": "nightly.ipynb", **DAILY, "concurrency": "never"}, 422, "concurrency is one of"),
        ({"path": "nightly.ipynb", **DAILY, "target": "prod"}, 404, "no target"),
        ({"path": "nightly.ipynb", **DAILY, "parameters": {"z": "1"}}, 422, "z"),
    ],
)
async def test_what_is_wrong_with_a_schedule_is_told(
    ask: Any, jp_root_dir: Path, body: dict[str, Any], status: int, message: str
) -> None:
    write(jp_root_dir, notebook(cell("a = 1", "parameters"), cell("b = a + 1", "step:one")), "nightly.ipynb")
    with pytest.raises(HTTPClientError) as error:
        await ask("POST", "schedules", body=body)
    assert error.value.code == status and message in error.value.response.body.decode()
    assert (await ask("GET", "schedules"))["schedules"] == []
