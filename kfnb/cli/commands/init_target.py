"""The command ``init-target``, which looks at a cluster and makes a target of it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kfnb.cli.command_helpers import FAILED, OK, as_json, cluster_errors, emit, refuse

if TYPE_CHECKING:
    from kfnb.engines.cluster.targets.connection import Connection
    from kfnb.engines.cluster.targets.diagnosis import Diagnosis
    from kfnb.engines.cluster.targets.survey import Survey

NAMES = {"argo": "cluster", "kfp": "kubeflow"}  #: of targets that nobody named


@click.command("init-target")
@click.argument("name", required=False)
@click.option("--engine", type=click.Choice(["argo", "kfp"]), help="By default what is there; Argo, when both are.")
@click.option("--kubeconfig", metavar="FILE", help="By default this pod's cluster, or your own kubeconfig.")
@click.option("--context", metavar="NAME", help="The context of the kubeconfig.")
@click.option("--namespace", metavar="NAME", help="The namespace in which runs are made.")
@click.option("--host", metavar="URL", help="The address of Kubeflow Pipelines, where it has one of its own.")
@click.option("--rbac", is_flag=True, help="Only print the roles that are needed, as YAML for an administrator.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@as_json
def init_target(
    name: str | None, engine: str | None, kubeconfig: str | None, context: str | None, namespace: str | None, host: str | None,
    rbac: bool, yes: bool, as_json: bool,
) -> None:  # fmt: skip
    """Make a target of a cluster: look at what is there, and write it into your configuration as the target NAME.

    Nothing is changed on the cluster. In a terminal, it asks for what the options leave open. When rights are missing, it prints the roles
    that an administrator can apply, as does

    \b
    kfnb init-target --rbac --namespace team-a | kubectl apply -f -
    """
    from kfnb.engines.cluster.targets.write_target import check_new_target

    asks = not (yes or as_json or rbac) and sys.stdin.isatty()
    with cluster_errors(as_json):
        if name:
            check_new_target(name)
        if host:
            settings = {"engine": "kfp", "host": host, **({"namespace": namespace} if namespace else {})}
            _add(name or NAMES["kfp"], settings, as_json)
        chosen = _connection(kubeconfig, context, namespace, asks)
        if rbac:
            click.echo(_roles(chosen), nl=False)
            sys.exit(OK)
        found = _surveyed(chosen, as_json)
        engine = engine or _engine(found, as_json)
        name = name or (click.prompt("name of the target", default=NAMES[engine]) if asks else NAMES[engine])
        _add(name, _settings(found, engine, chosen), as_json, found)


def _connection(kubeconfig: str | None, context: str | None, namespace: str | None, asks: bool) -> Connection:
    """The cluster and the namespace that the options name, or that the user chooses."""
    from kfnb.engines.cluster.clients.kubeconfig import contexts_of, read_access
    from kfnb.engines.cluster.targets.connection import Connection
    from kfnb.engines.cluster.targets.target_settings import absolute_path

    chosen = Connection(kubeconfig=absolute_path(kubeconfig, Path.cwd()) if kubeconfig else "", context=context or "")
    if not context:
        names, current = contexts_of(chosen)
        if asks and len(names) > 1:
            current = click.prompt("context", type=click.Choice(names), default=current or None)
        chosen = replace(chosen, context=current)
    if not namespace:
        usual = read_access(chosen).namespace or "default"
        namespace = click.prompt("namespace", default=usual) if asks else usual
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


def _engine(found: Survey, as_json: bool) -> str:
    if found.argo:
        return "argo"
    if found.kfp:
        return "kfp"
    refuse(
        f"{found.server} has neither Argo Workflows nor Kubeflow Pipelines: install one of them, or name another cluster with --context",
        as_json,
    )


def _settings(found: Survey, engine: str, chosen: Connection) -> dict[str, Any]:
    """The settings of the target. They name the context, so that a later change of the current one changes no target."""
    from kfnb.engines.cluster.targets.survey import proposed_settings

    settings: dict[str, Any] = {"engine": engine}
    settings |= {key: value for key in ("kubeconfig", "context") if (value := getattr(chosen, key))}
    if engine == "kfp":
        from kfnb.engines.kfp.kfp_client import KfpClient

        reached = replace(chosen, server_namespace=found.kfp or chosen.server_namespace)
        settings |= {"server_namespace": found.kfp} if found.kfp not in ("", "kubeflow") else {}
        settings |= {"namespace": chosen.namespace} if KfpClient(reached).multi_user() else {}
        return settings
    return {**settings, "namespace": chosen.namespace, **proposed_settings(found, engine)}


def _add(name: str, settings: dict[str, Any], as_json: bool, found: Survey | None = None) -> None:
    """Write the target, say whether it is ready and what is missing, and exit."""
    from kfnb.engines.cluster.targets.diagnosis import diagnose
    from kfnb.engines.cluster.targets.targets import Target
    from kfnb.engines.cluster.targets.write_target import add_target, target_text

    diagnosis, roles = diagnose(Target(name, settings["engine"], settings)), ""
    if found is not None and settings["engine"] == "argo" and diagnosis.state in ("forbidden", "missing"):
        from kfnb.engines.cluster.targets.rights import STEPS_ACCOUNT, manifests

        settings = {**settings, "service_account": STEPS_ACCOUNT}  # which the roles make
        roles = manifests(found.namespace, user=found.user)
    path = add_target(name, settings)
    if as_json:
        told = {"state": diagnosis.state, "told": list(diagnosis.lines), "found": found.lines() if found else []}
        emit({"target": name, "file": str(path), "settings": settings, **told, "rbac": roles})
    else:
        click.echo(f"\n{target_text(name, settings)}\nwritten into {path}: {diagnosis.state}")
        _show(diagnosis, roles)
    sys.exit(OK if diagnosis.state == "ready" else FAILED)


def _show(diagnosis: Diagnosis, roles: str) -> None:
    for line in diagnosis.lines[1:] if diagnosis.state in ("ready", "forbidden", "missing") else diagnosis.lines:
        click.echo(f"  {line}")
    if diagnosis.state == "ready":
        click.echo("try it: kfnb targets --deep")
    elif roles:
        click.echo(f"an administrator can apply this:\n\n{roles}", nl=False)
