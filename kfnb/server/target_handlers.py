"""The REST endpoints of targets: where a notebook can run, whom it trusts, and the form that makes a target of a cluster."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.iostream import StreamClosedError

from kfnb.engines.cluster.clients.cluster_errors import BadTarget
from kfnb.engines.cluster.targets.connection import check_namespace
from kfnb.engines.cluster.targets.target_settings import TARGET_NAME, USUAL_NAMES, Stores, settings_error
from kfnb.server import target_requests
from kfnb.server.browser_json import to_wire
from kfnb.server.request_checks import AUTH, Handler
from kfnb.server.target_requests import Choice, Probes


class TrustHandler(Handler):
    """The settings files beside a notebook that name servers: list what they request, or record that the user trusts one."""

    @web.authenticated
    @authorized("execute", AUTH)
    async def get(self) -> None:
        path = self.get_query_argument("notebook", "")
        place = self.notebook_path(path) if path else None
        self.finish(to_wire({"files": await self.ask(self.runs.proposals, place)}))

    @web.authenticated
    @authorized("execute", AUTH)
    async def post(self) -> None:
        body = self.body(path=str, fingerprint=str)
        place = self.notebook_path(str(body.get("path") or ""))
        if not await self.ask(self.runs.trust, place, str(body.get("fingerprint"))):
            raise self.problem(409, "the file is not what was shown: look at it again")
        self.finish(to_wire({"files": await self.ask(self.runs.proposals, place)}))


class ClustersHandler(Handler):
    """The contexts of the user's kubeconfig: their names and namespaces, nothing else of it."""

    @web.authenticated
    @authorized("execute", AUTH)
    async def get(self) -> None:
        self.finish(to_wire(await self.ask(target_requests.clusters)))


#: What names a cluster and the target for it, in the body of a request.
CHOICE: dict[str, type] = dict.fromkeys(("context", "namespace", "engine", "name", "repository", "values"), str)


class ChoiceHandler(Handler):
    """An endpoint whose requests name a cluster."""

    def choice(self, body: dict[str, Any]) -> Choice:
        """What the user has chosen. Raises an HTTP error for what cannot be chosen."""
        context, namespace, engine, name = _texts(body, "context", "namespace", "engine", "name")
        stores = Stores(*_texts(body, "repository", "values"))
        try:
            check_namespace(namespace)
        except BadTarget as error:
            raise self.problem(400, str(error)) from None
        if engine and engine not in USUAL_NAMES:
            raise self.problem(400, f"`engine` is one of {', '.join(USUAL_NAMES)}")
        if name and not TARGET_NAME.fullmatch(name):
            raise self.problem(400, "the name of a target has only letters, digits, `.`, `_` and `-`")
        wrong = settings_error(name or "cluster", {"engine": engine or "argo", **stores.settings()})
        if wrong:
            raise self.problem(400, wrong)
        return Choice(context, namespace, engine, name, stores)


def _texts(body: dict[str, Any], *keys: str) -> list[str]:
    return [str(body.get(key) or "").strip() for key in keys]


class TargetsHandler(ChoiceHandler):
    """The targets on which a notebook can run: their names and engines, never their addresses. Or add a target to the user's own."""

    @web.authenticated
    @authorized("read", AUTH)
    async def get(self) -> None:
        path = self.get_query_argument("notebook", "")
        place = self.notebook_path(path) if path else None
        self.finish(to_wire(await self.ask(self.runs.targets, place)))

    @web.authenticated
    @authorized("execute", AUTH)
    async def post(self) -> None:
        body = self.body(**CHOICE, settings=dict, replace=bool)
        choice = self.choice(body)
        if not choice.engine or not choice.name or not body.get("settings"):
            raise self.problem(400, "a target needs `engine`, `name` and the `settings` that were proposed")
        file = await self.ask(target_requests.write, choice, body["settings"], bool(body.get("replace")))
        if file is None:
            raise self.problem(412, "the cluster is not what was shown any more: look at it again")
        self.set_status(201)
        self.finish(to_wire({"name": choice.name, "file": file}))


class ProposalHandler(ChoiceHandler):
    """What a cluster has, and the target that fits it. Nothing is changed there, and nothing is written."""

    @web.authenticated
    @authorized("execute", AUTH)
    async def post(self) -> None:
        choice = self.choice(self.body(**CHOICE))
        self.finish(to_wire(await self.ask(target_requests.proposal, choice)))


class ProbeHandler(ChoiceHandler):
    """A trial run on a cluster: one line of JSON for each part of the way, as soon as it is known."""

    @property
    def probes(self) -> Probes:
        found: Probes = self.settings["kfnb_probes"]
        return found

    @web.authenticated
    @authorized("execute", AUTH)
    async def post(self) -> None:
        choice = self.choice(self.body(**CHOICE))
        target = await self.ask(target_requests.proposed_target, choice)
        if self.probes.busy:
            raise self.problem(409, "a trial run is going on already: wait for its end")
        self.set_header("Content-Type", "application/x-ndjson")
        self.set_header("X-Accel-Buffering", "no")  # proxies pass each line on
        self._begun = True
        async for line in self.probes.lines(target):
            self.write(to_wire(line) + "\n")
            try:
                await self.flush()
            except StreamClosedError:
                break
        self.finish()

    _begun = False

    def on_connection_close(self) -> None:
        """Whoever does not look any more has no trial run."""
        super().on_connection_close()
        if self._begun:
            self.probes.stop()
