"""What tests do with the API's answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

API = ("kfnb", "api", "v1")


async def refused(asked: Any) -> tuple[int, dict[str, Any]]:
    with pytest.raises(HTTPClientError) as caught:
        await asked
    return caught.value.code, json.loads(caught.value.response.body)


async def ended(ask: Any, run_id: str) -> dict[str, Any]:
    """The run's snapshot when it has ended; the API is asked again and again, as a browser without websocket does."""
    while True:
        found = await ask("GET", "runs", run_id)
        if found["run"]["state"] in ("succeeded", "failed", "cancelled"):
            return found
