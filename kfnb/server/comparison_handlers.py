"""The REST endpoint that compares runs."""

from __future__ import annotations

from dataclasses import asdict

from jupyter_server.auth.decorator import authorized
from tornado import web

from kfnb.comparison.compare_runs import FEWEST, MOST, Comparison, compare_recorded, iterations_recorded
from kfnb.comparison.rows import Row
from kfnb.server.browser_json import to_wire
from kfnb.server.request_checks import AUTH, RUN, Handler
from kfnb.server.run_requests import Runs

PARTS = ("states", "durations", "outputs")  #: the parts that have rows for iterations
PAGE = 100  #: iterations in one answer


class _ComparisonHandler(Handler):
    def run_ids(self) -> list[str]:
        """The runs of the request. Raises an HTTP error for too few or too many, and for what is no id."""
        ids = list(dict.fromkeys(self.get_query_argument("runs", "").split(",")))
        if not FEWEST <= len(ids) <= MOST or not all(RUN.fullmatch(one) for one in ids):
            raise self.problem(400, f"`runs` is {FEWEST} to {MOST} ids of runs, with commas between them")
        return ids


class ComparisonHandler(_ComparisonHandler):
    """What differs between runs."""

    @web.authenticated
    @authorized("read", AUTH)
    async def get(self) -> None:
        self.finish(to_wire((await self.ask(_compared, self.runs, self.run_ids())).to_json()))


class IterationsHandler(_ComparisonHandler):
    """A page of the iterations of a loop in runs that are compared: one part of them, and of the outputs one."""

    @web.authenticated
    @authorized("read", AUTH)
    async def get(self) -> None:
        ids, part, start = self.run_ids(), self.get_query_argument("part"), self.get_query_argument("start", "0")
        if part not in PARTS or not start.isdecimal():
            raise self.problem(400, f"`part` is one of {', '.join(PARTS)}; `start` is a number")
        step, all_rows = self.get_query_argument("step"), self.get_query_argument("all", "") == "true"
        rows = await self.ask(_iterations, self.runs, ids, step, part, self.get_query_argument("output", ""))
        wanted = [row for row in rows if all_rows or row.differs]
        page = wanted[int(start) : int(start) + PAGE]
        self.finish(to_wire({"rows": [asdict(row) for row in page], "total": len(wanted)}))


def _iterations(runs: Runs, ids: list[str], step: str, part: str, output: str) -> list[Row]:
    with runs.record() as store:
        rows: tuple[Row, ...] = getattr(iterations_recorded(store, ids, step), part)
    return [row for row in rows if part != "outputs" or row.name.endswith(f"].{output}")]


def _compared(runs: Runs, ids: list[str]) -> Comparison:
    with runs.record() as store:
        return compare_recorded(store, ids)
