"""The REST endpoint that says what a run would be before it is started, for the form that starts it."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from kfnb.server import compile_open_notebook
from kfnb.server.browser_json import to_wire
from kfnb.server.request_checks import AUTH, NotebookHandler
from kfnb.server.submission_plan import planned


class SubmissionHandler(NotebookHandler):
    """What a run would be: whether the target answers, what is wrong, and what would be sent. Nothing is run."""

    @web.authenticated
    @authorized("execute", AUTH)
    async def post(self) -> None:
        body = self.notebook_body(
            notebook=dict,
            path=str,
            pipeline=str,
            target=str,
            parameters=dict,
            cache=bool,
            containers=bool,
            priority=int,
        )
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
            "cache": bool(body.get("cache")),
            "priority": body.get("priority"),
            "notebook": str(place) if place else None,
            "folder": str(place.parent) if place else ".",
            **interpreter.options(),
        }
        plan = await self.ask(planned, pipeline, target, parameters, options)
        unasked = [interpreter.problem.to_json()] if interpreter.problem is not None else []
        self.finish(to_wire({**plan, "problems": [*unasked, *plan["problems"]]}))
