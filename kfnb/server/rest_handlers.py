"""The REST endpoints under ``kfnb/api/v1``; ``openapi.yaml`` beside this file describes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote

from jupyter_server.auth.decorator import authorized
from tornado import web

from kfnb.server import compile_open_notebook
from kfnb.server.browser_json import to_wire
from kfnb.server.comparison_handlers import ComparisonHandler, IterationsHandler
from kfnb.server.event_hub import Hub
from kfnb.server.event_websocket import StreamHandler
from kfnb.server.log_handlers import DisplayHandler, DisplayPageHandler, LogHandler, MatchesHandler
from kfnb.server.request_checks import AUTH, RUN, Handler, NotebookHandler
from kfnb.server.run_list_handlers import ChoicesHandler, DeleteRunsHandler, ExperimentsHandler, RunListHandler
from kfnb.server.run_page_handlers import DetailsHandler, GraphHandler, ReportHandler, RunManifestHandler
from kfnb.server.schedule_handlers import SCHEDULE_ROUTES
from kfnb.server.submission_handlers import SubmissionHandler
from kfnb.server.target_handlers import ClustersHandler, ProbeHandler, ProposalHandler, TargetsHandler, TrustHandler
from kfnb.server.value_handlers import ValueFileHandler, ValueHandler
from kfnb.version import __version__

API = r"/kfnb/api/v1"
FOLDER = Path(__file__).parents[1]
LONGEST_TAG = 100  #: letters
ENGINES = ("kfp", "argo")


class StatusHandler(Handler):
    """The version of the server's part and the folder that contains it, for kernels in which kfnb is not installed."""

    @web.authenticated
    @authorized(resource=AUTH)
    async def get(self) -> None:
        self.finish(to_wire({"version": __version__, "folder": str(FOLDER)}))


class CompileHandler(NotebookHandler):
    """A notebook explained: steps, graph, parameters, problems. Nothing is run."""

    @web.authenticated
    @authorized("read", AUTH)
    async def post(self) -> None:
        body = self.notebook_body(notebook=dict, path=str, pipeline=str, folded=list)
        path, folded = str(body.get("path") or "notebook.ipynb"), body.get("folded") or []
        if not all(isinstance(frame, str) for frame in folded):
            raise self.problem(400, "`folded` are the ids of frames")
        found = await self.ask(
            compile_open_notebook.explained, body.get("notebook"), path, body.get("pipeline"), folded
        )
        other = (await self.interpreter(body)).problem
        found["problems"] += [other.to_json()] if other and found["steps"] else []
        self.finish(to_wire(found))
        if found["pipeline"] is not None:
            await self.ask(self.runs.prepare)


class ManifestHandler(NotebookHandler):
    """The pipeline as the document of an engine, for display or download."""

    @web.authenticated
    @authorized("read", AUTH)
    async def post(self) -> None:
        body = self.notebook_body(notebook=dict, path=str, pipeline=str, engine=str, target=str)
        engine, target = body.get("engine"), body.get("target") or "local"
        if engine is not None and engine not in ENGINES:
            raise self.problem(400, f"`engine` is one of {', '.join(ENGINES)}")
        place = self.notebook_path(str(body.get("path") or "notebook.ipynb"))
        pipeline = await self.ask(
            compile_open_notebook.pipeline_of, body.get("notebook"), str(place), body.get("pipeline")
        )
        python = (await self.interpreter(body)).python
        self.finish(to_wire(await self.ask(self.runs.compiled, pipeline, target, place, engine, python)))


class RunsHandler(RunListHandler, NotebookHandler):
    """List the newest runs, or start a run."""

    @web.authenticated
    @authorized("read", AUTH)
    async def get(self) -> None:
        path = self.get_query_argument("notebook", "")
        place = self.notebook_path(path) if path else None
        written = self.get_query_argument("notebook_id", None)
        notebook = (str(place) if place else None, written) if path else None
        self.finish(to_wire(self.with_paths(await self.ask(self.runs.find, self.query(), notebook))))

    @web.authenticated
    @authorized("execute", AUTH)
    async def post(self) -> None:
        body = self.notebook_body(
            notebook=dict, path=str, pipeline=str, target=str, parameters=dict, cache=bool, only=str, start=str, experiment=str,
            any_parameters=bool, containers=bool, name=str, priority=int,
        )  # fmt: skip
        parameters = body.get("parameters") or {}
        if not all(isinstance(v, str) for v in parameters.values()):
            raise self.problem(400, "`parameters` are texts, as on the command line")
        place = self.notebook_path(str(body.get("path") or "notebook.ipynb"))
        pipeline = await self.ask(
            compile_open_notebook.pipeline_of, body.get("notebook"), str(place), body.get("pipeline")
        )
        target = body.get("target") or "local"
        interpreter = await self.interpreter_for(body, target, place)
        options = {
            "containers": "auto" if body.get("containers") else None,
            "cache": bool(body.get("cache")), "only": body.get("only"), "start": body.get("start"), "experiment": body.get("experiment"), "name": body.get("name") or None, "priority": body.get("priority"), "any_parameters": bool(body.get("any_parameters")),
            "notebook": str(place) if place else None, "folder": str(place.parent) if place else ".",
            **interpreter.options(),
        }  # fmt: skip
        run_id, problems = await self.ask(self.runs.start, pipeline, body["notebook"], target, parameters, **options)
        self.set_status(201)
        unasked = [interpreter.problem] if interpreter.problem is not None else []
        answer = {"problems": [p.to_json() for p in (*unasked, *problems)]}
        self.finish(to_wire({**await self.ask(self.runs.snapshot, run_id), **answer}))


class RunHandler(Handler):
    """Describe a run, set its tags and its note, or delete it when it has ended."""

    @web.authenticated
    @authorized("read", AUTH)
    async def get(self, run_id: str) -> None:
        await self.ask(self.runs.follow, run_id)
        self.finish(to_wire(await self.ask(self.runs.snapshot, run_id)))

    @web.authenticated
    @authorized("write", AUTH)
    async def delete(self, run_id: str) -> None:
        deleted = await self.ask(self.runs.delete, [run_id])
        self.finish(to_wire({"runs": list(deleted.runs), "bytes": deleted.bytes}))

    @web.authenticated
    @authorized("write", AUTH)
    async def patch(self, run_id: str) -> None:
        body = self.body(tags=list, note=str)
        tags = body.get("tags")
        if tags is not None and not all(isinstance(t, str) and 0 < len(t) <= LONGEST_TAG for t in tags):
            raise self.problem(400, f"`tags` are texts of 1 to {LONGEST_TAG} letters")
        await self.ask(self.runs.label, run_id, tags, body.get("note"))
        self.finish(to_wire(await self.ask(self.runs.snapshot, run_id)))


class SourcesHandler(Handler):
    """The code that a run's cells had."""

    @web.authenticated
    @authorized("read", AUTH)
    async def get(self, run_id: str) -> None:
        self.finish(to_wire({"sources": await self.ask(self.runs.sources, run_id)}))


class CancelHandler(Handler):
    """Cancel a run. Its exit handler still runs; a second request ends the run at once."""

    @web.authenticated
    @authorized("execute", AUTH)
    async def post(self, run_id: str) -> None:
        cancelling = await self.ask(self.runs.cancel, run_id)
        self.finish(to_wire({"cancelling": cancelling, **await self.ask(self.runs.snapshot, run_id)}))


class RetryHandler(NotebookHandler):
    """Retry a run, from a step if one is named, with the current notebook."""

    @web.authenticated
    @authorized("execute", AUTH)
    async def post(self, run_id: str) -> None:
        body = self.body(notebook=dict, path=str, pipeline=str, step=str)
        pipeline, options = None, {}
        if body.get("notebook") is not None:
            place = self.notebook_path(str(body.get("path") or "notebook.ipynb"))
            body["notebook"] = await self.ask(self.runs.divided_as_before, run_id, body["notebook"])
            pipeline = await self.ask(
                compile_open_notebook.pipeline_of, body["notebook"], str(place), body.get("pipeline")
            )
            options = (await self.interpreter(body)).options()
        await self.ask(self.runs.retry, run_id, body.get("step"), pipeline, body.get("notebook"), **options)
        hub: Hub = self.settings["kfnb_hub"]
        hub.again(run_id)
        self.finish(to_wire(await self.ask(self.runs.snapshot, run_id)))


class ValuesHandler(Handler):
    """The inputs and outputs of a step: names, types, sizes and previews. No value is loaded."""

    @web.authenticated
    @authorized("read", AUTH)
    async def get(self, run_id: str, step: str) -> None:
        self.finish(to_wire(await self.ask(self.runs.values, run_id, unquote(step))))


ID, STEP = rf"(?P<run_id>{RUN.pattern})", r"(?P<step>[^/]+)"
ROUTES: list[Any] = [
    (API, StatusHandler),
    (rf"{API}/comparison", ComparisonHandler),
    (rf"{API}/comparison/iterations", IterationsHandler),
    (rf"{API}/compile", CompileHandler),
    (rf"{API}/experiments", ExperimentsHandler),
    (rf"{API}/manifest", ManifestHandler),
    (rf"{API}/targets", TargetsHandler),
    (rf"{API}/targets/proposal", ProposalHandler),
    (rf"{API}/targets/probe", ProbeHandler),
    (rf"{API}/clusters", ClustersHandler),
    (rf"{API}/trust", TrustHandler),
    (rf"{API}/runs", RunsHandler),
    (rf"{API}/runs/choices", ChoicesHandler),
    (rf"{API}/runs/delete", DeleteRunsHandler),
    (rf"{API}/runs/{ID}", RunHandler),
    (rf"{API}/runs/{ID}/details", DetailsHandler),
    (rf"{API}/runs/{ID}/graph", GraphHandler),
    (rf"{API}/runs/{ID}/manifest", RunManifestHandler),
    (rf"{API}/runs/{ID}/report", ReportHandler),
    (rf"{API}/runs/{ID}/sources", SourcesHandler),
    (rf"{API}/runs/{ID}/cancel", CancelHandler),
    (rf"{API}/runs/{ID}/retry", RetryHandler),
    (rf"{API}/runs/{ID}/steps/{STEP}/log", LogHandler),
    (rf"{API}/runs/{ID}/steps/{STEP}/log/matches", MatchesHandler),
    (rf"{API}/runs/{ID}/steps/{STEP}/display", DisplayHandler),
    (rf"{API}/runs/{ID}/steps/{STEP}/display/(?P<display>[0-9]{{1,6}})", DisplayPageHandler),
    (rf"{API}/runs/{ID}/steps/{STEP}/values", ValuesHandler),
    (rf"{API}/submission", SubmissionHandler),
    (rf"{API}/runs/{ID}/steps/{STEP}/values/(?P<value>[^/]+)", ValueHandler),
    (rf"{API}/runs/{ID}/steps/{STEP}/values/(?P<value>[^/]+)/file", ValueFileHandler),
    (rf"{API}/stream", StreamHandler),
    *((rf"{API}/{path}", handler) for path, handler in SCHEDULE_ROUTES),
]
