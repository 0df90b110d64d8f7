"""Proposes a target for a cluster: the settings that follow from what is there, whether it is ready, and the roles that are missing.

The command ``kfnb init-target`` and the form in JupyterLab both ask here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from kfnb.engines.cluster.clients.cluster_errors import BadTarget
from kfnb.engines.cluster.targets.connection import Connection
from kfnb.engines.cluster.targets.diagnosis import STOPPING, Diagnosis, diagnose
from kfnb.engines.cluster.targets.rights import STEPS_ACCOUNT, manifests
from kfnb.engines.cluster.targets.survey import Survey, proposed_settings
from kfnb.engines.cluster.targets.target_settings import Stores
from kfnb.engines.cluster.targets.targets import Target
from kfnb.engines.cluster.targets.write_target import target_text


@dataclass(frozen=True)
class ProposedTarget:
    """A target that fits a cluster, before it is written.

    Parameters
    ----------
    roles
        The roles that an administrator can apply, as YAML. It is empty when nothing is missing that roles give.
    """

    target: Target
    diagnosis: Diagnosis
    roles: str

    @property
    def text(self) -> str:
        """The target as the configuration file would have it."""
        return target_text(self.target.name, self.target.settings)

    @property
    def told(self) -> tuple[str, ...]:
        """What the user reads of the diagnosis. Where the cluster has answered, its first line only names the cluster."""
        answered = self.diagnosis.state in ("ready", *STOPPING)
        return self.diagnosis.lines[1:] if answered else self.diagnosis.lines


def engines_of(found: Survey) -> list[str]:
    """The engines that the cluster has. The first is the usual one."""
    return [engine for engine, is_there in (("argo", found.argo), ("kfp", bool(found.kfp))) if is_there]


def usual_engine(found: Survey) -> str:
    """The engine of a target for which nobody named one. Raises `BadTarget` when the cluster has none."""
    engines = engines_of(found)
    if not engines:
        raise BadTarget(
            f"{found.server} has neither Argo Workflows nor Kubeflow Pipelines: install one of them, or name the context of another cluster"
        )
    return engines[0]


def settings_for(found: Survey, engine: str, chosen: Connection, stores: Stores) -> dict[str, Any]:
    """The settings of the target. They name the context, so that a later change of the current one changes no target."""
    return {**_settings_found(found, engine, chosen), **stores.settings()}


def _settings_found(found: Survey, engine: str, chosen: Connection) -> dict[str, Any]:
    settings: dict[str, Any] = {"engine": engine}
    settings |= {key: value for key in ("kubeconfig", "context") if (value := getattr(chosen, key))}
    if engine == "kfp":
        from kfnb.engines.kfp.kfp_client import KfpClient

        reached = replace(chosen, server_namespace=found.kfp or chosen.server_namespace)
        settings |= {"server_namespace": found.kfp} if found.kfp not in ("", "kubeflow") else {}
        settings |= {"namespace": chosen.namespace} if KfpClient(reached).multi_user() else {}
        return settings
    return {**settings, "namespace": chosen.namespace, **proposed_settings(found, engine)}


def propose(name: str, settings: dict[str, Any], found: Survey | None = None) -> ProposedTarget:
    """Ask whether a target with these settings would be ready, and complete it. Nothing is changed on the cluster.

    Parameters
    ----------
    found
        What its cluster has. Without it, no roles are proposed.

    Raises
    ------
    BadTarget
        When a setting is wrong.
    """
    target_text(name, settings)
    diagnosis = diagnose(Target(name, settings["engine"], settings))
    roles = ""
    if found is not None and settings["engine"] == "argo" and diagnosis.state in STOPPING:
        settings = {**settings, "service_account": STEPS_ACCOUNT}  # which the roles make
        roles = manifests(found.namespace, user=found.user)
    return ProposedTarget(Target(name, settings["engine"], settings), diagnosis, roles)
