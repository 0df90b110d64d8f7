"""The REST endpoints of schedules."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote

from jupyter_server.auth.decorator import authorized
from tornado import web

from kfnb.server import schedule_requests
from kfnb.server.browser_json import to_wire
from kfnb.server.request_checks import AUTH, Handler


class ScheduleHandlerBase(Handler):
    """An endpoint of schedules. The notebook in the query says whose targets are asked."""

    def place(self) -> Path | None:
        path = self.get_query_argument("notebook", "")
        return self.notebook_path(path) if path else None


class SchedulesHandler(ScheduleHandlerBase):
    """List the schedules of all places, or make one."""

    @web.authenticated
    @authorized("read", AUTH)
    async def get(self) -> None:
        self.finish(to_wire(await self.ask(schedule_requests.listed, self.place())))

    @web.authenticated
    @authorized("execute", AUTH)
    async def post(self) -> None:
        texts: dict[str, Any] = dict.fromkeys(
            ("path", "pipeline", "target", "cron", "zone", "name", "experiment", "catch_up", "concurrency"), str
        )
        body = self.body(**texts, parameters=dict)
        if not body.get("path") or not body.get("cron"):
            raise self.problem(400, "a schedule needs the `path` of its notebook, and `cron`")
        if not all(isinstance(v, str) for v in (body.get("parameters") or {}).values()):
            raise self.problem(400, "`parameters` are texts, as on the command line")
        place = self.notebook_path(body["path"])
        if place is None or not place.is_file():
            raise self.problem(422, "this notebook has no file on the server that could be read at those times")
        self.set_status(201)
        self.finish(to_wire(await self.ask(schedule_requests.add, place, body)))


class TimesHandler(ScheduleHandlerBase):
    """A cron expression in words, with its next times."""

    @web.authenticated
    @authorized("read", AUTH)
    async def get(self) -> None:
        cron, zone = self.get_query_argument("cron", ""), self.get_query_argument("zone", "")
        if len(cron) > 200 or len(zone) > 200:
            raise self.problem(400, "the expression is too long")
        self.finish(to_wire(await self.ask(schedule_requests.times, cron, zone)))


class ScheduleHandler(ScheduleHandlerBase):
    """Describe a schedule with its history, or delete it."""

    @web.authenticated
    @authorized("read", AUTH)
    async def get(self, target: str, schedule: str) -> None:
        names = unquote(target), unquote(schedule)
        self.finish(to_wire(await self.ask(schedule_requests.shown, *names, self.place())))

    @web.authenticated
    @authorized("execute", AUTH)
    async def delete(self, target: str, schedule: str) -> None:
        await self.ask(schedule_requests.delete, unquote(target), unquote(schedule), self.place())
        self.finish(to_wire({"deleted": True}))


class ScheduleActionHandler(ScheduleHandlerBase):
    """Pause or resume a schedule, or start a run of it now."""

    @web.authenticated
    @authorized("execute", AUTH)
    async def post(self, target: str, schedule: str, action: str) -> None:
        names = unquote(target), unquote(schedule)
        self.finish(to_wire(await self.ask(schedule_requests.act, *names, self.place(), action)))


NAMED = r"(?P<target>[^/]+)/(?P<schedule>[^/]+)"
#: Below the address of the API.
SCHEDULE_ROUTES: list[tuple[str, Any]] = [
    ("schedules", SchedulesHandler),
    ("schedule-times", TimesHandler),
    (f"schedules/{NAMED}", ScheduleHandler),
    (f"schedules/{NAMED}/(?P<action>pause|resume|run)", ScheduleActionHandler),
]
