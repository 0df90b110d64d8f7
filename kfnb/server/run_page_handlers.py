"""The endpoints that only the page of a run needs: its picture, and what the record knows beyond the run's state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from kfnb.pipeline.drawing.graph_elements import graph_of
from kfnb.reports.report_data import Attempt, read_facts
from kfnb.runs.record.private_record_files import read_object
from kfnb.runs.record.run_store import RunStore
from kfnb.server.browser_json import to_wire
from kfnb.server.compile_open_notebook import cells_of
from kfnb.server.request_checks import AUTH, Handler
from kfnb.server.run_requests import Runs

OPTIONS = "options.json"  #: in the folder of a run on this machine: how it was started


class GraphHandler(Handler):
    """The graph of a run's pipeline, with the frames ``folded`` that the query names, and the cells of its steps."""

    @web.authenticated
    @authorized("read", AUTH)
    async def get(self, run_id: str) -> None:
        pipeline = await self.ask(self.runs.pipeline, run_id)
        graph = graph_of(pipeline, self.get_query_arguments("folded"))
        self.finish(to_wire({"graph": graph.to_json(), "cells": cells_of(pipeline)}))


class DetailsHandler(Handler):
    """The attempts and settings of a run's steps, and where they ran."""

    @web.authenticated
    @authorized("read", AUTH)
    async def get(self, run_id: str) -> None:
        found = await self.ask(details, self.runs, run_id)
        self.finish(to_wire({**found, "path": self._path(found.pop("notebook"))}))

    def _path(self, notebook: str | None) -> str | None:
        """The path in the file browser of a notebook on disk; ``None`` where it is not below the server's root folder."""
        root = self.notebook_path("")
        if notebook is None or root is None or not Path(notebook).is_relative_to(root):
            return None
        return Path(notebook).relative_to(root).as_posix()


def details(runs: Runs, run_id: str) -> dict[str, Any]:
    """What the page of a run shows beside its state. Raises `UnknownRun`."""
    with runs.record() as store:
        facts = read_facts(store, run_id)
        steps = [
            {
                "name": step.name, "label": step.shown_name,
                "cells": list(dict.fromkeys(c.cell for c in step.cells)), "settings": step.settings.to_json(),
            }
            for step in facts.pipeline.steps()
        ]  # fmt: skip
        attempts = {
            entry.path: [_attempt(one) for one in entry.attempts] for step in facts.steps for entry in step.entries
        }
        return {
            "notebook": facts.head["notebook"], "target": facts.target or facts.head["engine"], "environment": _environment(store, run_id),
            "steps": steps, "attempts": {path: found for path, found in attempts.items() if found},
        }  # fmt: skip


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number, "state": attempt.state, "started": attempt.started, "finished": attempt.finished,
        "error": attempt.error,
    }  # fmt: skip


def _environment(store: RunStore, run_id: str) -> dict[str, str]:
    """Where and how the steps ran, by names of `kfnb.engines.engine_interface.RunOptions`; empty for a run on a cluster."""
    try:
        options = read_object(store.folder(run_id) / OPTIONS)
    except FileNotFoundError:
        return {}
    return {name: str(options[name]) for name in ("python", "folder", "containers", "image") if options.get(name)}
