"""The REST endpoint that compares runs."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from kfnb.comparison.compare_runs import FEWEST, MOST, Comparison, compare_recorded
from kfnb.server.browser_json import to_wire
from kfnb.server.request_checks import AUTH, RUN, Handler
from kfnb.server.run_requests import Runs


class ComparisonHandler(Handler):
    """What differs between runs."""

    @web.authenticated
    @authorized("read", AUTH)
    async def get(self) -> None:
        ids = list(dict.fromkeys(self.get_query_argument("runs", "").split(",")))
        if not FEWEST <= len(ids) <= MOST or not all(RUN.fullmatch(one) for one in ids):
            raise self.problem(400, f"`runs` is {FEWEST} to {MOST} ids of runs, with commas between them")
        self.finish(to_wire((await self.ask(_compared, self.runs, ids)).to_json()))


def _compared(runs: Runs, ids: list[str]) -> Comparison:
    with runs.record() as store:
        return compare_recorded(store, ids)
