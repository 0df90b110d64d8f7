"""What a request may send: told too long, or sent by nobody, it is refused before it is read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

LIMIT = 300_000  #: bytes, as the configuration of these tests has it
Say = Callable[..., Any]


@pytest.fixture
def say(jp_serverapp: Any, jp_auth_header: dict[str, str], http_server: Any, http_server_port: tuple[Any, int]) -> Say:
    """Send the head of a POST and some of its body over a socket; gives the status and the message that come before more is sent."""

    async def said(
        path: str, *headers: str, body: bytes = b"", known: bool = True, verb: str = "POST"
    ) -> tuple[int, str]:
        reader, writer = await asyncio.open_connection("127.0.0.1", http_server_port[1])
        who = jp_auth_header["Authorization"] if known else "token wrong"
        lines = [
            f"{verb} {jp_serverapp.base_url}kfnb/api/v1/{path} HTTP/1.1",
            "Host: localhost",
            f"Authorization: {who}",
            *headers,
        ]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        try:
            await asyncio.wait_for(writer.drain(), 10)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            length = next(
                int(line[16:]) for line in head.decode().split("\r\n") if line.lower().startswith("content-length")
            )
            text = await reader.readexactly(length)
            return int(head.split()[1]), str(
                json.loads(text)["message"]
            ) if b"application/json" in head else text.decode()
        finally:
            writer.close()

    return said


async def test_a_body_that_says_that_it_is_too_long_is_refused_before_a_byte_of_it_is_sent(say: Say) -> None:
    for path in ("compile", "manifest", "runs", "runs/20260101-000000-abcd/retry"):
        assert await say(path, f"Content-Length: {LIMIT + 1}") == (
            413, f"the request has {LIMIT + 1} bytes, and {LIMIT} are read at most",
        )  # fmt: skip
    status, message = await say("compile", "Content-Length: 999999999999999999999999", "Expect: 100-continue")
    assert status == 413 and "are read at most" in message


async def test_an_endpoint_that_takes_no_notebook_reads_little(say: Say) -> None:
    status, message = await say("runs/20260101-000000-abcd/cancel", "Content-Length: 64001")
    assert status == 413 and "64000 are read at most" in message


async def test_a_body_of_unknown_length_is_refused_when_it_has_become_too_long(say: Say) -> None:
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    status, message = await say("compile", "Transfer-Encoding: chunked", body=chunk * 5)
    assert status == 413 and f"more than {LIMIT} bytes" in message


async def test_who_is_not_known_is_refused_before_a_byte_is_read(say: Say) -> None:
    for header in ("Content-Length: 1000", f"Content-Length: {LIMIT}", "Transfer-Encoding: chunked"):
        for path, verb in (
            ("compile", "POST"),
            ("stream", "POST"),
            ("stream", "GET"),
            ("runs", "GET"),
            ("trust", "PUT"),
        ):
            assert (await say(path, header, known=False, verb=verb))[0] in (403, 405), (path, verb)
    assert (await say("compile", "Content-Length: 0", known=False))[0] == 403


async def test_a_client_that_sends_all_of_a_body_that_is_too_long_still_reads_why(say: Say) -> None:
    status, _ = await say("compile", "Content-Length: 9000000", body=b" " * 9_000_000)
    assert status == 413


async def test_a_body_as_long_as_may_be_is_read(say: Say) -> None:
    text = json.dumps({"notebook": {"cells": []}}).encode().ljust(LIMIT)
    status, message = await say("manifest", f"Content-Length: {LIMIT}", body=text)
    assert status == 422 and "no step" in message


async def test_deep_json_is_no_error_of_the_server(say: Say) -> None:
    status, message = await say("compile", "Content-Length: 200000", body=b"[" * 200_000)
    assert status == 400 and "not JSON" in message


async def test_a_message_that_is_too_long_ends_the_websocket(jp_ws_fetch: Any) -> None:
    socket = await jp_ws_fetch("kfnb", "api", "v1", "stream")
    await socket.write_message(json.dumps({"watch": [], "more": "x" * 64_000}))
    assert await socket.read_message() is None and socket.close_code == 1009
