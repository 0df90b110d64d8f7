"""The command ``init-target``, which looks at a cluster and makes a target of it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kfnb.cli.command_helpers import FAILED, OK, as_json, cluster_errors, emit

if TYPE_CHECKING:
    from kfnb.engines.cluster.targets.connection import Connection
    from kfnb.engines.cluster.targets.proposed_target import ProposedTarget
    from kfnb.engines.cluster.targets.survey import Survey


@click.command("init-target")
@click.argument("name", required=False)
@click.option("--engine", type=click.Choice(["argo", "kfp"]), help="By default what is there; Argo, when both are.")
@click.option("--kubeconfig", metavar="FILE", help="By default this pod's cluster, or your own kubeconfig.")
@click.option("--context", metavar="NAME", help="The context of the kubeconfig.")
@click.option("--namespace", metavar="NAME", help="The namespace in which runs are made.")
@click.option("--host", metavar="URL", help="The address of Kubeflow Pipelines, where it has one of its own.")
@click.option("--repository", metavar="R", help="Where images of steps are built to: registry.example.org/team/app.")
@click.option(
    "--values",
    metavar="V",
    help="What values pass through: s3://BUCKET/PREFIX, volume:CLAIM, the kind of the artifact repository…",
)
@click.option("--rbac", is_flag=True, help="Only print the roles that are needed, as YAML for an administrator.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@as_json
def init_target(
    name: str | None, engine: str | None, kubeconfig: str | None, context: str | None, namespace: str | None, host: str | None,
    repository: str | None, values: str | None, rbac: bool, yes: bool, as_json: bool,
) -> None:  # fmt: skip
    """Make a target of a cluster: look at what is there, and write it into your configuration as the target NAME.

    Nothing is changed on the cluster. In a terminal, it asks for what the options leave open. When rights are missing, it prints the roles
    that an administrator can apply, as does

    \b
    kfnb init-target --rbac --namespace team-a | kubectl apply -f -
    """
    from kfnb.engines.cluster.targets.connection import check_namespace
    from kfnb.engines.cluster.targets.proposed_target import propose, settings_for, usual_engine
    from kfnb.engines.cluster.targets.target_settings import USUAL_NAMES, Stores
    from kfnb.engines.cluster.targets.write_target import check_new_target

    asks = not (yes or as_json or rbac) and sys.stdin.isatty()
    with cluster_errors(as_json):
        if name:
            check_new_target(name)
        if namespace:
            check_namespace(namespace)
        if host:
            settings = {
                "engine": "kfp",
                "host": host,
                **({"namespace": namespace} if namespace else {}),
                **Stores(repository or "", values or "").settings(),
            }
            _add(propose(name or USUAL_NAMES["kfp"], settings), as_json)
        chosen = _connection(kubeconfig, context, namespace, asks)
        if rbac:
            click.echo(_roles(chosen), nl=False)
            sys.exit(OK)
        found = _surveyed(chosen, as_json)
        engine = engine or usual_engine(found)
        usual = USUAL_NAMES[engine]
        name = name or (click.prompt("name of the target", default=usual) if asks else usual)
        if repository is None and asks:
            click.echo(
                "With a repository in a registry, images are built for the steps, and nothing is installed when they start."
            )
            repository = click.prompt(
                "repository (such as registry.example.org/team/app)", default="", show_default=False
            )
        settings = settings_for(found, engine, chosen, Stores(repository or "", values or ""))
        _add(propose(name, settings, found), as_json, found)


def _connection(kubeconfig: str | None, context: str | None, namespace: str | None, asks: bool) -> Connection:
    """The cluster and the namespace that the options name, or that the user chooses."""
    from kfnb.engines.cluster.clients.kubeconfig import contexts_of, read_access
    from kfnb.engines.cluster.targets.connection import Connection, check_namespace
    from kfnb.engines.cluster.targets.target_settings import absolute_path

    chosen = Connection(kubeconfig=absolute_path(kubeconfig, Path.cwd()) if kubeconfig else "", context=context or "")
    if not context:
        contexts, current = contexts_of(chosen)
        if asks and len(contexts) > 1:
            current = click.prompt("context", type=click.Choice(list(contexts)), default=current or None)
        chosen = replace(chosen, context=current)
    if not namespace:
        usual = read_access(chosen).namespace or "default"
        namespace = click.prompt("namespace", default=usual) if asks else usual
        check_namespace(namespace)
    return replace(chosen, namespace=namespace)


def _roles(chosen: Connection) -> str:
    """The roles that are needed. They can be printed for a cluster that does not answer."""
    from kfnb.engines.cluster.clients.cluster_errors import ClusterError
    from kfnb.engines.cluster.clients.kubernetes_client import connect
    from kfnb.engines.cluster.targets.rights import manifests

    try:
        user = connect(chosen).user_name()
    except ClusterError:
        user = ""
    return manifests(chosen.namespace, user=user)


def _surveyed(chosen: Connection, as_json: bool) -> Survey:
    from kfnb.engines.cluster.clients.kubernetes_client import connect
    from kfnb.engines.cluster.targets.survey import survey

    found = survey(connect(chosen))
    if not as_json:
        click.echo("\n".join(found.lines()))
    return found


def _add(proposed: ProposedTarget, as_json: bool, found: Survey | None = None) -> None:
    """Write the target, say whether it is ready and what is missing, and exit."""
    from kfnb.engines.cluster.targets.write_target import add_target

    name, settings, diagnosis = proposed.target.name, proposed.target.settings, proposed.diagnosis
    path = add_target(name, settings)
    if as_json:
        told = {"state": diagnosis.state, "told": list(diagnosis.lines), "found": found.lines() if found else []}
        emit({"target": name, "file": str(path), "settings": settings, **told, "rbac": proposed.roles})
    else:
        click.echo(f"\n{proposed.text}\nwritten into {path}: {diagnosis.state}")
        _show(proposed)
    sys.exit(OK if diagnosis.state == "ready" else FAILED)


def _show(proposed: ProposedTarget) -> None:
    for line in proposed.told:
        click.echo(f"  {line}")
    if proposed.diagnosis.state == "ready":
        click.echo("try it: kfnb targets --deep")
    elif proposed.roles:
        click.echo(f"an administrator can apply this:\n\n{proposed.roles}", nl=False)
