"""The endpoints for what a step printed and displayed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from jupyter_server.auth.decorator import authorized
from tornado import web

from kfnb.server import step_logs
from kfnb.server.browser_json import to_wire
from kfnb.server.request_checks import AUTH, Handler

LONGEST_TEXT = 1_000  #: letters of a text that is looked for
MOST_ATTEMPTS, MOST_BYTES = 10_000, 1 << 50


class StepHandler(Handler):
    """An endpoint about an attempt of a step."""

    def number(self, name: str, most: int) -> int | None:
        """A number of the query; ``None`` where it is not given. Raises an HTTP error."""
        text = self.get_query_argument(name, "")
        if text and not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= most):
            raise self.problem(400, f"`{name}` is a number")
        return int(text) if text else None

    async def recorded(self, question: Callable[..., Any], run_id: str, step: str, *more: Any) -> Any:
        """The result of a function of the record, a run, a step and an attempt."""
        attempt = self.number("attempt", MOST_ATTEMPTS)
        if attempt == 0:
            raise self.problem(400, "`attempt` is a number from 1 on")

        def asked() -> Any:
            with self.runs.record() as store:
                return question(store, run_id, unquote(step), attempt, *more)

        return await self.ask(asked)


class LogHandler(StepHandler):
    """A part of a step's log."""

    @web.authenticated
    @authorized("read", AUTH)
    async def get(self, run_id: str, step: str) -> None:
        before = self.get_query_argument("before", "")
        if before:
            end = None if before == "end" else self.number("before", MOST_BYTES)
            self.finish(to_wire(await self.recorded(step_logs.log_before, run_id, step, end)))
            return
        start = self.number("start", MOST_BYTES) or 0
        self.finish(to_wire(await self.recorded(step_logs.log_from, run_id, step, start)))


class MatchesHandler(StepHandler):
    """Where a text is in a step's log."""

    @web.authenticated
    @authorized("read", AUTH)
    async def get(self, run_id: str, step: str) -> None:
        text = self.get_query_argument("text", "", strip=False)
        if not 0 < len(text) <= LONGEST_TEXT:
            raise self.problem(400, f"`text` has 1 to {LONGEST_TEXT} letters")
        self.finish(to_wire(await self.recorded(step_logs.matches, run_id, step, text)))


class DisplayHandler(StepHandler):
    """The displays of a step."""

    @web.authenticated
    @authorized("read", AUTH)
    async def get(self, run_id: str, step: str) -> None:
        self.finish(to_wire({"outputs": await self.recorded(step_logs.displays, run_id, step)}))


class DisplayPageHandler(StepHandler):
    """Rows of a large table that a step displayed."""

    @web.authenticated
    @authorized("read", AUTH)
    async def get(self, run_id: str, step: str, display: str) -> None:
        start = self.number("start", MOST_BYTES) or 0
        self.finish(to_wire(await self.recorded(step_logs.display_page, run_id, step, int(display), start)))
