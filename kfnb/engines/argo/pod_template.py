"""The fields of a container template that say how its pod is made: resources, volumes, rights, nodes, retries."""

from __future__ import annotations

from typing import Any

from kfnb.engines.cluster.lowering.jobs_and_blocks import Job
from kfnb.engines.cluster.lowering.plain_container_commands import pod_deadline
from kfnb.engines.cluster.lowering.pod_affinity import affinity_of
from kfnb.engines.cluster.lowering.pod_security import SHARED_MEMORY, context_of_pod, overrides_pod, secure
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.step_settings import Settings

#: When the pod of several steps runs again: it was deleted, it was evicted so that nobody knows how it ended, or something outside asked it to
#: end. A step that failed by itself has had its retries inside the pod.
POD_LOST = "lastRetry.status == 'Error' || lastRetry.exitCode == '-1' || lastRetry.exitCode == '143'"


def pod_of(
    job: Job, container: dict[str, Any], volumes: list[dict[str, Any]], options: ClusterOptions
) -> dict[str, Any]:
    """The container of a job and the settings of its pod."""
    settings = job.step.settings
    env = _variables(settings)
    if env:
        container["env"] = [*container.get("env", []), *env]
    resources = resources_of(settings)
    if resources:
        container["resources"] = resources
    if settings.image_pull_policy:
        container["imagePullPolicy"] = settings.image_pull_policy
    body: dict[str, Any] = {"volumes": volumes} if volumes else {}
    _mount(container, body, settings)
    secure(container, body, job.step, options)
    body["container"] = container
    body.update(_placement(settings))
    if overrides_pod(settings):
        body["securityContext"] = context_of_pod(options, settings)
    deadline = pod_deadline(job)
    if deadline is not None:
        body["activeDeadlineSeconds"] = deadline
    retries = settings.retry or retries_when_lost(job)
    if retries:
        body["retryStrategy"] = {
            "limit": str(retries), "retryPolicy": "Always", **({"expression": POD_LOST} if job.members else {}),
            "backoff": {"duration": "5s", "factor": "2", "maxDuration": "1h"},
        }  # fmt: skip
    return body


def _variables(settings: Settings) -> list[dict[str, Any]]:
    """The environment variables that hold keys of secrets and config maps."""
    kinds = (("secretKeyRef", settings.secrets), ("configMapKeyRef", settings.config_maps))
    return [{"name": v.env, "valueFrom": {kind: {"name": v.name, "key": v.key}}} for kind, keys in kinds for v in keys]


def _mount(container: dict[str, Any], body: dict[str, Any], settings: Settings) -> None:
    """Mount claims, secrets, config maps and shared memory."""
    mounts: list[dict[str, Any]] = []
    volumes: list[dict[str, Any]] = []
    for n, claim in enumerate(settings.volumes, 1):
        folder = {"subPath": claim.sub_path} if claim.sub_path else {}
        read_only = {"readOnly": True} if claim.read_only else {}
        mounts.append({"name": f"claim-{n}", "mountPath": claim.path, **folder, **read_only})
        volumes.append({"name": f"claim-{n}", "persistentVolumeClaim": {"claimName": claim.claim, **read_only}})
    for n, secret in enumerate(settings.secret_files, 1):
        mounts.append({"name": f"secret-{n}", "mountPath": secret.path, "readOnly": True})
        volumes.append({"name": f"secret-{n}", "secret": {"secretName": secret.name}})
    for n, config_map in enumerate(settings.config_map_files, 1):
        mounts.append({"name": f"config-map-{n}", "mountPath": config_map.path, "readOnly": True})
        volumes.append({"name": f"config-map-{n}", "configMap": {"name": config_map.name}})
    if settings.shared_memory:
        mounts.append({"name": "kfnb-shm", "mountPath": SHARED_MEMORY})
        volumes.append({"name": "kfnb-shm", "emptyDir": {"medium": "Memory", "sizeLimit": settings.shared_memory}})
    if mounts:
        container["volumeMounts"] = [*container.get("volumeMounts", []), *mounts]
        body["volumes"] = [*body.get("volumes", []), *volumes]


def _placement(settings: Settings) -> dict[str, Any]:
    """What names the pod and says where it may run, and as whom."""
    metadata = {k: dict(v) for k, v in (("labels", settings.labels), ("annotations", settings.annotations)) if v}
    fields = {
        "metadata": metadata,
        "nodeSelector": dict(settings.nodes),
        "tolerations": [toleration(t.key, t.value, t.effect) for t in settings.tolerations],
        "affinity": affinity_of(settings),
        "priorityClassName": settings.priority_class,
        "serviceAccountName": settings.service_account,
    }
    return {k: v for k, v in fields.items() if v}


def retries_when_lost(job: Job) -> int:
    """How often the pod of several steps runs again when it was lost: as often as one of them may."""
    return max((m.step.settings.retry or 0 for m in job.members), default=0)


def toleration(key: str, value: str, effect: str) -> dict[str, str]:
    fields = {"key": key, "operator": "Equal" if value else "Exists"}
    return {**fields, **({"value": value} if value else {}), **({"effect": effect} if effect else {})}


def resources_of(settings: Settings) -> dict[str, dict[str, str]]:
    """The requests and limits of a container. Both are the same, so a step gets what it asks for and no more."""
    named = (("cpu", settings.cpu), ("memory", settings.memory), ("ephemeral-storage", settings.ephemeral_storage))
    requests = {k: v for k, v in named if v}
    limits = {**requests, **({"nvidia.com/gpu": str(settings.gpu)} if settings.gpu else {}), **dict(settings.limits)}
    return {k: v for k, v in (("requests", requests), ("limits", limits)) if v}
