"""The pod of an executor: its resources in the IR, and its entry in the platform document.

The fields are those of kubeflow/pipelines `kubernetes_platform/proto/kubernetes_executor_config.proto` that version 2.17 acts on (`backend/src/v2/driver/k8s.go`).
It knows ``podAffinity`` and ``enabledSharedMemory`` and ignores them, so shared memory is an empty folder in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kfnb.engines.cluster.lowering.jobs_and_blocks import Job
from kfnb.engines.cluster.lowering.plain_container_commands import pod_deadline
from kfnb.engines.cluster.lowering.pod_affinity import WEIGHT, node_expressions
from kfnb.engines.cluster.lowering.pod_security import SHARED_MEMORY, context_of_pod, user_of
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.step_settings import KeyFiles, KeyVariable, Settings, Toleration, Volume

Json = dict[str, Any]


def resources_of(settings: Settings) -> Json:
    """The resources of a container: the newer text fields, which take Kubernetes' quantities, and the accelerator."""
    resources: Json = {}
    if settings.cpu:
        resources.update(resourceCpuRequest=settings.cpu, resourceCpuLimit=settings.cpu)
    if settings.memory:
        resources.update(resourceMemoryRequest=settings.memory, resourceMemoryLimit=settings.memory)
    accelerators = [("nvidia.com/gpu", str(settings.gpu))] if settings.gpu else list(settings.limits)
    if accelerators:
        kind, count = accelerators[0]
        resources["accelerator"] = {"resourceType": kind, "resourceCount": count}
    return resources


def platform_of(job: Job, options: ClusterOptions) -> Json:
    """The entry of an executor in the platform document; empty when it needs none."""
    settings = job.step.settings
    metadata = {k: dict(v) for k, v in (("labels", settings.labels), ("annotations", settings.annotations)) if v}
    deadline = pod_deadline(job)
    shared = {
        "volumeName": "kfnb-shm",
        "mountPath": SHARED_MEMORY,
        "medium": "Memory",
        "sizeLimit": settings.shared_memory,
    }
    pull_secrets = dict.fromkeys((*options.pull_secrets, *settings.pull_secrets))
    platform: Json = {
        "pvcMount": [_claim(v) for v in settings.volumes],
        "secretAsEnv": [_variable("secret", s) for s in settings.secrets],
        "secretAsVolume": [_files("secret", s) for s in settings.secret_files],
        "configMapAsEnv": [_variable("configMap", c) for c in settings.config_maps],
        "configMapAsVolume": [_files("configMap", c) for c in settings.config_map_files],
        "emptyDirMounts": [shared] if settings.shared_memory else [],
        "nodeSelector": {"labels": dict(settings.nodes)} if settings.nodes else {},
        "tolerations": [_toleration(t) for t in settings.tolerations],
        "nodeAffinity": _node_affinity(settings),
        "podMetadata": metadata,
        "imagePullPolicy": settings.image_pull_policy,
        "imagePullSecret": [{"secretName": n, "secretNameParameter": _constant(n)} for n in pull_secrets],
        "securityContext": _security(options, settings),
        "activeDeadlineSeconds": None if deadline is None else str(deadline),
    }
    return {k: v for k, v in platform.items() if v}


def _security(options: ClusterOptions, settings: Settings) -> Json:
    """The user of the container. The server sets the rest of the restricted standard itself, from version 2.16 on."""
    if user_of(options, settings) is None and options.security != "restricted":
        return {}
    known = ("runAsUser", "runAsGroup", "runAsNonRoot")
    return {k: v for k, v in context_of_pod(options, settings).items() if k in known}


def _claim(volume: Volume) -> Json:
    folder = {"subPath": volume.sub_path} if volume.sub_path else {}
    return {"constant": volume.claim, "mountPath": volume.path, "pvcNameParameter": _constant(volume.claim), **folder}


def _variable(kind: str, key: KeyVariable) -> Json:
    """A key of a secret or of a config map as a variable. The deprecated plain name is for servers before 2.5."""
    entry = {f"{kind}Key": key.key, "envVar": key.env}
    return {f"{kind}Name": key.name, f"{kind}NameParameter": _constant(key.name), "keyToEnv": [entry]}


def _files(kind: str, files: KeyFiles) -> Json:
    return {f"{kind}Name": files.name, f"{kind}NameParameter": _constant(files.name), "mountPath": files.path}


def _toleration(toleration: Toleration) -> Json:
    fields = {
        "key": toleration.key,
        "operator": "Equal" if toleration.value else "Exists",
        "value": toleration.value,
        "effect": toleration.effect,
    }
    return {k: v for k, v in fields.items() if v}


def _node_affinity(settings: Settings) -> Sequence[Json]:
    """One term with all that a node must have, since the server makes alternatives of terms, and a term for each wish."""
    required, wishes = node_expressions(settings)
    terms: list[Json] = [{"matchExpressions": required}] if required else []
    return [*terms, *({"matchExpressions": e, "weight": WEIGHT} for e in wishes)]


def _constant(text: str) -> Json:
    return {"runtimeValue": {"constant": text}}
