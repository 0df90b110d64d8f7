"""The websocket: the browser names the runs that it watches, and the server sends what happens in them."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
from typing import Any

from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.websocket import WebSocketMixin
from tornado import web, websocket

from kfnb.server.body_size_limit import BoundedBody
from kfnb.server.browser_json import to_wire
from kfnb.server.event_hub import Hub, Listener
from kfnb.server.request_checks import AUTH, RUN, words_of

MOST_RUNS = 200  #: runs that one browser page may watch
LARGEST = 64_000  #: bytes of a message


class StreamHandler(WebSocketMixin, websocket.WebSocketHandler, BoundedBody):
    """``{"watch": [RUN, …]}`` comes in; snapshots, changes of runs and of steps go out, each with the run's ``id``."""

    auth_resource = AUTH

    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        allowed = self.authorizer.is_authorized(self, self.current_user, "read", AUTH)
        if inspect.isawaitable(allowed):
            allowed = await allowed
        if not allowed:
            raise web.HTTPError(403)
        await super().get(*args, **kwargs)

    @property
    def max_message_size(self) -> int:
        """The size limit of a message; a longer one ends the connection before it is read."""
        return LARGEST

    def set_default_headers(self) -> None:
        """A websocket has no content type."""

    def open(self, *args: Any, **kwargs: Any) -> None:
        super().open(*args, **kwargs)
        self._hub: Hub = self.settings["kfnb_hub"]
        self._listener: Listener = self._hub.join()
        self._task = asyncio.get_running_loop().create_task(self._pump())

    async def _pump(self) -> None:
        with contextlib.suppress(websocket.WebSocketClosedError):
            while True:
                await self.write_message(to_wire(await self._listener.queue.get()))

    def on_message(self, message: str | bytes) -> None:
        try:
            body = json.loads(message)
            watched = body["watch"]
            if not isinstance(watched, list) or len(watched) > MOST_RUNS:
                raise ValueError(f"`watch` should be a list of at most {MOST_RUNS} runs")
            if not all(isinstance(r, str) and RUN.fullmatch(r) for r in watched):
                raise ValueError("`watch` should have ids of runs")
        except (ValueError, KeyError, TypeError) as error:
            self.close(1003, words_of(error)[:100])
            return
        self._hub.watch(self._listener, watched)

    def on_close(self) -> None:
        if hasattr(self, "_task"):
            self._task.cancel()
            self._hub.leave(self._listener)
