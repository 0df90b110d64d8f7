"""The endpoints for single values of steps: to look at, and to save."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from jupyter_server.auth.decorator import authorized
from tornado import web

from kfnb.server import step_values
from kfnb.server.browser_json import to_wire
from kfnb.server.log_handlers import MOST_BYTES, StepHandler
from kfnb.server.request_checks import AUTH
from kfnb.server.step_values import NotShown

CHUNK = 1 << 20  #: bytes of a file that are sent at once
WAYS = ("inputs", "outputs")


class ValueHandler(StepHandler):
    """A value of a step in the form in which a browser shows it. A process of its own loads it."""

    @web.authenticated
    @authorized("execute", AUTH)
    async def get(self, run_id: str, step: str, value: str) -> None:
        start = self.number("start", MOST_BYTES) or 0
        self.finish(to_wire(await self.result(step_values.value_page, run_id, step, value, start)))

    async def result(self, question: Callable[..., Any], run_id: str, step: str, name: str, *more: Any) -> Any:
        """The result of a function of a value. Raises an HTTP error with its message."""
        way = self.get_query_argument("way", "outputs")
        if way not in WAYS:
            raise self.problem(400, f"`way` is one of {', '.join(WAYS)}")

        def asked() -> Any:
            with self.runs.record() as store:
                return question(store, run_id, unquote(step), unquote(name), way, *more)

        try:
            return await self.ask(asked)
        except NotShown as error:
            raise self.problem(422, str(error)) from None


class ValueFileHandler(ValueHandler):
    """A value of a step as a file, in a format or in the usual one for it."""

    @web.authenticated
    @authorized("execute", AUTH)
    async def get(self, run_id: str, step: str, value: str) -> None:
        ending = self.get_query_argument("format", "")
        if not re.fullmatch(r"[a-z0-9]{0,12}", ending):
            raise self.problem(400, "`format` is the ending of a file, such as csv")
        with tempfile.TemporaryDirectory() as folder:
            path = await self.result(step_values.value_file, run_id, step, value, ending or None, Path(folder))
            self.set_header("Content-Disposition", f'attachment; filename="{path.name}"')
            self.set_header("Content-Length", str(path.stat().st_size))
            self.set_header("Content-Type", "application/octet-stream")
            with path.open("rb") as file:
                while block := file.read(CHUNK):
                    self.write(block)
                    await self.flush()
            self.finish(set_content_type="application/octet-stream")
