"""Nothing without being somebody who may: every endpoint, every verb, the websocket."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jupyter_server.auth import Authorizer
from tornado.httpclient import HTTPClientError

from kfnb.server.event_websocket import StreamHandler
from kfnb.server.rest_handlers import ROUTES
from tests.notebooks import cell, notebook

API = ("kfnb", "api", "v1")
RUN = "20260101-000000-abcd"
EXAMPLES = {
    "run_id": RUN,
    "step": "train",
    "target": "local",
    "schedule": "nightly",
    "action": "pause",
    "display": "0",
    "value": "x",
}


class ReadOnly(Authorizer):
    """Who may look and not touch."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> Awaitable[bool] | bool:
        return not (resource == "kfnb" and action != "read")


class Nothing(Authorizer):
    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> Awaitable[bool] | bool:
        return resource != "kfnb"


@pytest.fixture
def jp_server_config(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"ServerApp": {"jpserver_extensions": {"kfnb.server": True}, **getattr(request, "param", {})}}


def endpoints() -> list[tuple[str, tuple[str, ...]]]:
    """Every verb of every route, with the path's parts."""
    found = []
    for route, handler in ROUTES:
        path = re.sub(r"\(\?P<(\w+)>.*?\)(?=/|$)", lambda m: EXAMPLES[m[1]], route)
        for verb in ("get", "post", "put", "patch", "delete"):
            if verb in vars(handler) and handler is not StreamHandler:
                found.append((verb.upper(), tuple(path.strip("/").split("/"))))
    return found


async def status(jp_fetch: Any, verb: str, path: tuple[str, ...], **options: Any) -> int:
    try:
        answer = await jp_fetch(*path, method=verb, body="{}" if verb in ("POST", "PATCH") else None, **options)
    except HTTPClientError as error:
        return int(error.code)
    return int(answer.code)


def test_there_are_endpoints_to_try() -> None:
    assert len(endpoints()) >= len(ROUTES) - 1


async def test_nobody_gets_anything_without_a_token(jp_fetch: Any, jp_ws_fetch: Any) -> None:
    for verb, path in endpoints():
        assert await status(jp_fetch, verb, path, headers={"Authorization": "token wrong"}) == 403, path
    with pytest.raises(HTTPClientError, match="403"):
        await jp_ws_fetch(*API, "stream", headers={"Authorization": "token wrong"})


async def test_a_cookie_alone_changes_nothing_without_the_xsrf_token(
    jp_fetch: Any, jp_serverapp: Any, http_server_client: Any
) -> None:
    """A page of somebody else's can send the browser's cookies, but not the header."""
    cookies = await login(http_server_client, jp_serverapp)
    headers = {"Cookie": cookies}
    base = jp_serverapp.base_url
    answer = await http_server_client.fetch(f"{base}kfnb/api/v1", headers=headers)
    assert answer.code == 200
    with pytest.raises(HTTPClientError, match="403"):
        await http_server_client.fetch(f"{base}kfnb/api/v1/runs", method="POST", body="{}", headers=headers)
    xsrf = re.search(r"_xsrf=([^;]+)", cookies)
    assert xsrf is not None
    with pytest.raises(HTTPClientError, match="422"):  # let in: now the body is looked at
        await http_server_client.fetch(
            f"{base}kfnb/api/v1/runs", method="POST", body="{}", headers={**headers, "X-XSRFToken": xsrf[1]}
        )


async def login(client: Any, app: Any) -> str:
    """The cookies of somebody who logged in with the token."""
    page = await client.fetch(f"{app.base_url}login", raise_error=False)
    xsrf = re.search(r"_xsrf=([^;]+)", "; ".join(page.headers.get_list("Set-Cookie")))
    assert xsrf is not None
    answer = await client.fetch(
        f"{app.base_url}login", method="POST", body=f"password={app.identity_provider.token}&_xsrf={xsrf[1]}",
        headers={"Cookie": f"_xsrf={xsrf[1]}"}, follow_redirects=False, raise_error=False,
    )  # fmt: skip
    cookies = [c.split(";")[0] for c in answer.headers.get_list("Set-Cookie")]
    return "; ".join([f"_xsrf={xsrf[1]}", *cookies])


@pytest.mark.parametrize("jp_server_config", [{"authorizer_class": ReadOnly}], indirect=True)
async def test_who_may_only_look_starts_and_ends_nothing(jp_fetch: Any, jp_ws_fetch: Any) -> None:
    body = json.dumps({"notebook": notebook(cell("print(1)", "step:a"))})
    assert (await jp_fetch(*API, "compile", method="POST", body=body)).code == 200
    for path in (("runs",), ("runs", RUN, "cancel"), ("runs", RUN, "retry")):
        assert await status(jp_fetch, "POST", (*API, *path)) == 403
    assert json.loads((await jp_fetch(*API, "runs")).body) == {"runs": [], "total": 0}
    (await jp_ws_fetch(*API, "stream")).close()


@pytest.mark.parametrize("jp_server_config", [{"authorizer_class": Nothing}], indirect=True)
async def test_who_may_nothing_gets_nothing(jp_fetch: Any, jp_ws_fetch: Any) -> None:
    for verb, path in endpoints():
        assert await status(jp_fetch, verb, path) == 403, path
    with pytest.raises(HTTPClientError, match="403"):
        await jp_ws_fetch(*API, "stream")


@pytest.mark.filterwarnings("error:(?s).*kfnb/api")
@pytest.mark.parametrize("jp_server_config", [{"allow_unauthenticated_access": False}], indirect=True)
async def test_the_server_itself_finds_no_endpoint_without_a_guard(jp_serverapp: Any) -> None:
    """Jupyter Server warns of handlers that it does not know to be guarded, and refuses to start where that is forbidden."""
    assert "kfnb_runs" in jp_serverapp.web_app.settings


async def test_a_hostile_notebook_harms_nothing(jp_fetch: Any, tmp_path: Path) -> None:
    script = "<script>alert(1)</script>"
    tags = [f"step:{script}", *[f"tag-{n}" for n in range(10_000)], *[f"setp:{n}" for n in range(2_000)]]
    bombs = notebook(
        cell("x = 1", *tags),
        cell("print(1)", f"step:{'a' * 100_000}"),
        cell("y = " + "(" * 500 + ")" * 500, "step:deep"),
        cell("print('\\x1b[31m' * 10000)", "step:ansi"),
    )
    answer = await jp_fetch(
        *API, "compile", method="POST", body=json.dumps({"notebook": bombs, "path": f"{script}.ipynb"})
    )
    found = json.loads(answer.body)
    assert answer.headers["Content-Type"].startswith("application/json") and len(found["problems"]) <= 500
    assert (await jp_fetch(*API)).code == 200


def test_the_api_is_written_down() -> None:
    """``openapi.yaml`` has every route with its verbs, and no other."""
    described = yaml.safe_load((Path(__file__).parents[2] / "kfnb" / "server" / "openapi.yaml").read_text("utf-8"))
    mine = {}
    for route, handler in ROUTES:
        path = re.sub(r"\(\?P<(\w+)>.*?\)(?=/|$)", r"{\1}", route)
        verbs = [v for v in ("get", "post", "put", "patch", "delete") if v in vars(handler)]
        mine[path] = sorted(verbs)
    assert {p: sorted(set(d) - {"parameters"}) for p, d in described["paths"].items()} == mine
