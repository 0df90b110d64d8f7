"""The endpoints that only the page of a run needs: its picture, and what the record knows beyond the run's state."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from jupyter_server.auth.decorator import authorized
from tornado import web

from kfnb import reports
from kfnb.engines.cluster.lowering.manifest_files import as_yaml
from kfnb.engines.cluster.targets.cluster_pages import page_of_node
from kfnb.engines.engine_interface import options_set
from kfnb.engines.open_engine import engine_of
from kfnb.reports.report_data import Attempt, read_facts
from kfnb.runs.attempt_pod import noted_pod
from kfnb.runs.cluster_page import cluster_page
from kfnb.runs.record.run_store import RunStore
from kfnb.server.browser_json import to_wire
from kfnb.server.compile_open_notebook import shown
from kfnb.server.request_checks import AUTH, Handler
from kfnb.server.run_requests import Runs

if TYPE_CHECKING:
    from kfnb.engines.cluster.submission.cluster_engine import ClusterEngine

#: The options of a run that say where and how its steps ran.
PLACES = ("python", "folder", "containers", "image")


class GraphHandler(Handler):
    """The graph of a run's pipeline, with the frames ``folded`` that the query names, and the cells of its steps."""

    @web.authenticated
    @authorized("read", AUTH)
    async def get(self, run_id: str) -> None:
        pipeline = await self.ask(self.runs.pipeline, run_id)
        self.finish(to_wire(shown(pipeline, self.get_query_arguments("folded"))))


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


class ReportHandler(Handler):
    """The report of a run as a file: a page, or the executed notebook. The browser is never told to show it as a page of this server."""

    @web.authenticated
    @authorized("read", AUTH)
    async def get(self, run_id: str) -> None:
        form = f".{self.get_query_argument('form', 'html')}"
        if form not in (reports.NOTEBOOK, reports.PAGE):
            raise self.problem(400, "`form` is html or ipynb")
        name, data = await self.ask(report_file, self.runs, run_id, form)
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        self.finish(data, set_content_type="application/octet-stream")


class RunManifestHandler(Handler):
    """What was submitted to the cluster of a run."""

    @web.authenticated
    @authorized("read", AUTH)
    async def get(self, run_id: str) -> None:
        text = await self.ask(submitted_manifest, self.runs, run_id)
        if text is None:
            raise self.problem(404, f"the run {run_id} ran on this machine, which takes no manifest")
        self.finish(to_wire({"text": text}))


def report_file(runs: Runs, run_id: str, form: str) -> tuple[str, bytes]:
    """The report of a run, and its file's name. Raises `UnknownRun`."""
    with runs.record() as store:
        name, home = reports.default_name(store.head(run_id)["pipeline"], run_id, form), store.home
    with tempfile.TemporaryDirectory() as folder:
        return name, reports.write(run_id, Path(folder) / name, home).read_bytes()


def submitted_manifest(runs: Runs, run_id: str) -> str | None:
    """The documents of a run on a cluster as they were last submitted; ``None`` for a run on this machine. Raises `UnknownRun`."""
    with runs.record() as store:
        if store.head(run_id)["engine"] == "local":
            return None
        engine = cast("ClusterEngine[Any, Any]", engine_of(store, run_id))
        return as_yaml(engine.recompile(run_id).documents)


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
        engine, page = facts.head["engine"], cluster_page(store.folder(run_id))
        attempts = {
            entry.path: [_attempt(one, engine, page) for one in entry.attempts]
            for step in facts.steps
            for entry in step.entries
        }
        return {
            "notebook": facts.head["notebook"], "target": facts.target or facts.head["engine"], "environment": _environment(store, run_id),
            "steps": steps, "attempts": {path: found for path, found in attempts.items() if found},
        }  # fmt: skip


def _attempt(attempt: Attempt, engine: str, page: str | None) -> dict[str, Any]:
    pod = noted_pod(attempt.folder)
    if pod is not None:
        node = pod.pop("id", "")  # older records have none
        pod["page"] = page_of_node(engine, page, node) if page is not None else None
    return {
        "number": attempt.number, "state": attempt.state, "started": attempt.started, "finished": attempt.finished,
        "error": attempt.error, "pod": pod,
    }  # fmt: skip


def _environment(store: RunStore, run_id: str) -> dict[str, str]:
    """Where and how the steps ran, by names of `kfnb.engines.engine_interface.RunOptions`; empty for a run on a cluster."""
    return {name: str(value) for name, value in options_set(store.folder(run_id), PLACES).items()}
