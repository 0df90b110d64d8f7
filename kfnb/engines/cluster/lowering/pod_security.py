"""What the pods of steps may do: the security contexts of Kubernetes, as a target asks for them.

With ``restricted``, which is the default, a pod satisfies the *restricted* Pod Security Standard, and nothing in it needs a certain user.
With ``baseline``, images run as the user that they name, also as root. With ``off``, kfnb says nothing of it.
"""

from __future__ import annotations

import json
from typing import Any

from kfnb.engines.cluster.submission.cluster_options import CLUSTER_USER, ClusterOptions
from kfnb.step_settings import Settings

SECURITY = ("restricted", "baseline", "off")
#: The user of restricted pods, because Kubernetes refuses to start an image as root there, and most images name no other user.
DEFAULT_USER = 1000
TEMPORARY = "/tmp"
#: The containers that Argo adds to the pod of a step. Only a patch of the pod reaches them.
ADDED_CONTAINERS = {"initContainers": ("init",), "containers": ("wait",)}


def user_of(options: ClusterOptions) -> int | None:
    """The user that pods run as; ``None`` where the image or the cluster says."""
    if isinstance(options.run_as_user, int):
        return options.run_as_user
    return DEFAULT_USER if options.security == "restricted" and options.run_as_user != CLUSTER_USER else None


def pod_context(options: ClusterOptions) -> dict[str, Any]:
    """The security context of a whole pod."""
    user = user_of(options)
    restricted = options.security == "restricted"
    group = options.fs_group if options.fs_group is not None else user if restricted else None
    fields = {
        "runAsNonRoot": True if restricted else None,
        "runAsUser": user,
        "fsGroup": group,
        # A volume with many files is then not changed file by file each time.
        "fsGroupChangePolicy": None if group is None else "OnRootMismatch",
        "seccompProfile": None if options.security == "off" else {"type": "RuntimeDefault"},
    }
    return {k: v for k, v in fields.items() if v is not None}


def container_context(options: ClusterOptions) -> dict[str, Any]:
    """The security context of a step's container."""
    read_only = {"readOnlyRootFilesystem": True} if options.read_only_root else {}
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


def secure(container: dict[str, Any], body: dict[str, Any], settings: Settings, options: ClusterOptions) -> None:
    """Give a container its security context, and a folder to write to where its file system is read-only."""
    context = container_context(options)
    if context:
        container["securityContext"] = context
    if options.read_only_root and all(v.path.rstrip("/") != TEMPORARY for v in settings.volumes):
        container["volumeMounts"] = [*container.get("volumeMounts", []), {"name": "kfnb-tmp", "mountPath": TEMPORARY}]
        body["volumes"] = [*body.get("volumes", []), {"name": "kfnb-tmp", "emptyDir": {}}]


def home_variable(options: ClusterOptions, settings: Settings) -> list[dict[str, str]]:
    """The variable ``HOME`` of a container without the runtime: the home of its image may belong to another user."""
    changed = options.read_only_root or user_of(options) is not None or options.security == "restricted"
    own = any(name == "HOME" for name, _ in settings.env)
    return [{"name": "HOME", "value": TEMPORARY}] if changed and not own else []


_RESTRICTED_CONTAINER = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
