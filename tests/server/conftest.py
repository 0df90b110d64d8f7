"""A real Jupyter server for each test: the fixtures of pytest-jupyter, for this folder only."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_jupyter.jupyter_server import *  # noqa: F403

from tests.server.asking import API
from tests.server.described import check


@pytest.fixture
def jp_server_config() -> dict[str, Any]:
    return {
        "ServerApp": {"jpserver_extensions": {"kfnb.server": True}},
        "KfnbApp": {"max_notebook_bytes": 300_000, "queue_length": 50},
    }


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KFNB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "home"


@pytest.fixture
def ask(jp_fetch: Any) -> Callable[..., Any]:
    """Ask the API: the method, the path's parts, and the body or the query; gives the JSON, which is as it is described."""

    async def asked(method: str, *path: str, body: Any = None, **query: str) -> Any:
        text = json.dumps(body or {}) if method in ("POST", "PATCH") else None
        answer = await jp_fetch(*API, *path, method=method, body=text, params=query)
        found = json.loads(answer.body)
        check(method, "/".join(path), answer.code, found)
        return found

    return asked
