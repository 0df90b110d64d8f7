"""The REST endpoints of the list of all runs: what it can be narrowed to, and deleting many at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from kfnb.runs.record.run_query import ORDERS, RunQuery
from kfnb.server.browser_json import to_wire
from kfnb.server.request_checks import AUTH, RUN, Handler
from kfnb.states import RUN_STATES

MOST_RUNS = 1_000  #: runs in one answer, and in one request to delete
NUMBERS = ("since", "until")
TEXTS = ("target", "experiment", "tag", "text")


class RunListHandler(Handler):
    """An endpoint that lists runs."""

    def query(self) -> RunQuery:
        """Which runs a request asks for. Raises an HTTP error."""
        states = tuple(self.get_query_arguments("state"))
        if not set(states) <= set(RUN_STATES):
            raise self.problem(400, f"`state` is one of {', '.join(RUN_STATES)}")
        order = self.get_query_argument("order", "-created")
        if order.removeprefix("-") not in ORDERS:
            raise self.problem(400, f"`order` is one of {', '.join(ORDERS)}, with `-` before it for the last first")
        wanted: dict[str, Any] = {name: self.get_query_argument(name, None) for name in TEXTS}
        wanted.update({name: self._seconds(name) for name in NUMBERS})
        return RunQuery(
            **wanted,
            notebook=self.get_query_argument("notebook_file", None),
            states=states,
            order=order.removeprefix("-"),
            descending=order.startswith("-"),
            start=self._count("start", 0, 0),
            count=self._count("count", 50, 1),
        )

    def _count(self, name: str, default: int, least: int) -> int:
        text = self.get_query_argument(name, str(default))
        most = MOST_RUNS if least else 10**9
        if not text.isdecimal() or not least <= int(text) <= most:
            raise self.problem(400, f"`{name}` is a number from {least} to {most}")
        return int(text)

    def _seconds(self, name: str) -> float | None:
        text = self.get_query_argument(name, "")
        try:
            return float(text) if text else None
        except ValueError:
            raise self.problem(400, f"`{name}` is a number: seconds since 1970") from None

    def contents_path(self, notebook: str | None) -> str | None:
        """The path of a notebook in the file browser; ``None`` where it is not there, or no more."""
        root = getattr(self.contents_manager, "root_dir", None)
        if not root or not notebook or not Path(notebook).is_file():
            return None
        try:
            return Path(notebook).relative_to(Path(root).absolute()).as_posix()
        except ValueError:
            return None

    def with_paths(self, found: dict[str, Any]) -> dict[str, Any]:
        """An answer that lists runs, each with the ``path`` of its notebook in the file browser."""
        return {**found, "runs": [{**r, "path": self.contents_path(r["notebook"])} for r in found["runs"]]}


class ChoicesHandler(Handler):
    """The notebooks, targets, experiments and tags that the runs have."""

    @web.authenticated
    @authorized("read", AUTH)
    async def get(self) -> None:
        self.finish(to_wire(await self.ask(self.runs.choices)))


class ExperimentsHandler(Handler):
    """The experiments, each with how many runs it has in which state, and which parameters vary."""

    @web.authenticated
    @authorized("read", AUTH)
    async def get(self) -> None:
        self.finish(to_wire({"experiments": await self.ask(self.runs.experiments)}))


class DeleteRunsHandler(Handler):
    """Delete many runs. Those that have not ended stay."""

    @web.authenticated
    @authorized("write", AUTH)
    async def post(self) -> None:
        ids = self.body(runs=list).get("runs") or []
        if not ids or len(ids) > MOST_RUNS or not all(isinstance(i, str) and RUN.fullmatch(i) for i in ids):
            raise self.problem(400, f"`runs` is a list of 1 to {MOST_RUNS} ids of runs")
        deleted = await self.ask(self.runs.delete, ids, skip=True)
        self.finish(to_wire({"runs": list(deleted.runs), "bytes": deleted.bytes}))
