"""What the pods of steps may do: the security contexts of Kubernetes, as a target asks for them.

With ``restricted``, which is the default, a pod satisfies the *restricted* Pod Security Standard, and nothing in it needs a certain user.
With ``baseline``, images run as the user that they name, also as root. With ``off``, kfnb says nothing of it.
"""

from __future__ import annotations

import json
from typing import Any

from kfnb.engines.cluster.submission.cluster_options import CLUSTER_USER, ClusterOptions
from kfnb.pipeline.model import Step
from kfnb.step_settings import Settings

SECURITY = ("restricted", "baseline", "off")
#: The user of restricted pods, because Kubernetes refuses to start an image as root there, and most images name no other user.
DEFAULT_USER = 1000
TEMPORARY, SHARED_MEMORY = "/tmp", "/dev/shm"
#: The fields of a step's own security context that concern its whole pod.
POD_FIELDS = ("runAsUser", "runAsGroup", "fsGroup")
#: The containers that Argo adds to the pod of a step. Only a patch of the pod reaches them.
ADDED_CONTAINERS = {"initContainers": ("init",), "containers": ("wait",)}


def user_of(options: ClusterOptions, settings: Settings) -> int | None:
    """The user that pods run as; ``None`` where the image or the cluster says."""
    own = dict(settings.security_context).get("runAsUser")
    if own is not None:
        return int(own)
    if isinstance(options.run_as_user, int):
        return options.run_as_user
    return DEFAULT_USER if options.security == "restricted" and options.run_as_user != CLUSTER_USER else None


def overrides_pod(settings: Settings) -> bool:
    """Whether a step has a security context of its own for the whole pod."""
    return any(name in POD_FIELDS for name, _ in settings.security_context)


def context_of_pod(options: ClusterOptions, settings: Settings) -> dict[str, Any]:
    """The security context of a whole pod."""
    own = {name: int(value) for name, value in settings.security_context if name in POD_FIELDS}
    user = user_of(options, settings)
    restricted = options.security == "restricted"
    group = own.get("fsGroup", options.fs_group if options.fs_group is not None else user if restricted else None)
    fields = {
        "runAsNonRoot": True if restricted else None,
        "runAsUser": user,
        "runAsGroup": own.get("runAsGroup"),
        "fsGroup": group,
        # A volume with many files is then not changed file by file each time.
        "fsGroupChangePolicy": None if group is None else "OnRootMismatch",
        "seccompProfile": None if options.security == "off" else {"type": "RuntimeDefault"},
    }
    return {k: v for k, v in fields.items() if v is not None}


def has_read_only_root(options: ClusterOptions, step: Step) -> bool:
    """Whether the image's file system is read-only in the pod of a step.

    The mark of the step decides, then the target. When neither says anything, it is read-only in restricted pods, except where the step
    declares an output file in a folder of the image, since it could not be written then.
    """
    own = dict(step.settings.security_context).get("readOnlyRootFilesystem")
    if own is not None:
        return own == "true"
    if options.read_only_root is not None:
        return options.read_only_root
    folders = (TEMPORARY, SHARED_MEMORY, *(v.path.rstrip("/") for v in step.settings.volumes if not v.read_only))
    written = [o.path for o in step.shell_outputs if o.path is not None]
    return options.security == "restricted" and all(any(p.startswith(f + "/") for f in folders) for p in written)


def container_context(options: ClusterOptions, step: Step) -> dict[str, Any]:
    """The security context of a step's container."""
    read_only = {"readOnlyRootFilesystem": True} if has_read_only_root(options, step) else {}
    return {**(_RESTRICTED_CONTAINER if options.security == "restricted" else {}), **read_only}


def patch_of_added_containers(options: ClusterOptions) -> str:
    """The patch with which Argo's own containers satisfy the restricted standard; empty where it is not asked for."""
    if options.security != "restricted":
        return ""
    patch = {
        kind: [{"name": name, "securityContext": _RESTRICTED_CONTAINER} for name in names]
        for kind, names in ADDED_CONTAINERS.items()
    }
    return json.dumps(patch, sort_keys=True)


def secure(container: dict[str, Any], body: dict[str, Any], step: Step, options: ClusterOptions) -> None:
    """Give a container its security context, and a folder to write to where its file system is read-only."""
    context = container_context(options, step)
    if context:
        container["securityContext"] = context
    if has_read_only_root(options, step) and all(v.path.rstrip("/") != TEMPORARY for v in step.settings.volumes):
        container["volumeMounts"] = [*container.get("volumeMounts", []), {"name": "kfnb-tmp", "mountPath": TEMPORARY}]
        body["volumes"] = [*body.get("volumes", []), {"name": "kfnb-tmp", "emptyDir": {}}]


def home_variable(options: ClusterOptions, step: Step) -> list[dict[str, str]]:
    """The variable ``HOME`` of a container without the runtime: the home of its image may belong to another user."""
    user = user_of(options, step.settings)
    changed = has_read_only_root(options, step) or user is not None or options.security == "restricted"
    own = any(name == "HOME" for name, _ in step.settings.env)
    return [{"name": "HOME", "value": TEMPORARY}] if changed and not own else []


_RESTRICTED_CONTAINER = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
