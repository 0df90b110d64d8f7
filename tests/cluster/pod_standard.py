"""The *restricted* Pod Security Standard, written from its specification, and the pods that controllers make of our documents.

https://kubernetes.io/docs/concepts/security/pod-security-standards/ (Kubernetes 1.36)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

CAPABILITIES = {
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID",
    "SETPCAP", "SETUID", "SYS_CHROOT",
}  # fmt: skip
VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
}  # fmt: skip
SYSCTLS = {
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start", "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
}  # fmt: skip
Json = dict[str, Any]


def violations(spec: Json) -> list[str]:
    """What the restricted standard forbids of the specification of a pod."""
    return [*_baseline(spec), *_restricted(spec)]


def _containers(spec: Json) -> Iterator[tuple[str, Json, Json]]:
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(kind) or ():
            yield container["name"], container, container.get("securityContext") or {}


def _baseline(spec: Json) -> Iterator[str]:
    pod = spec.get("securityContext") or {}
    contexts = [("pod", pod), *((n, c) for n, _, c in _containers(spec))]
    for name, context in contexts:
        if (context.get("windowsOptions") or {}).get("hostProcess"):
            yield f"{name}: hostProcess"
        if (context.get("seccompProfile") or {}).get("type") == "Unconfined":
            yield f"{name}: seccompProfile is Unconfined"
        if (context.get("appArmorProfile") or {}).get("type") not in (None, "RuntimeDefault", "Localhost"):
            yield f"{name}: appArmorProfile"
        selinux = context.get("seLinuxOptions") or {}
        allowed = (None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
        if selinux.get("type") not in allowed or selinux.get("user") or selinux.get("role"):
            yield f"{name}: seLinuxOptions"
    yield from (f"pod: {k}" for k in ("hostNetwork", "hostPID", "hostIPC") if spec.get(k))
    yield from (f"pod: sysctl {s['name']}" for s in pod.get("sysctls") or () if s["name"] not in SYSCTLS)
    yield from (f"volume {v['name']}: hostPath" for v in spec.get("volumes") or () if "hostPath" in v)
    for name, container, context in _containers(spec):
        if context.get("privileged"):
            yield f"{name}: privileged"
        if set((context.get("capabilities") or {}).get("add") or ()) - CAPABILITIES:
            yield f"{name}: adds capabilities"
        if context.get("procMount") not in (None, "Default"):
            yield f"{name}: procMount"
        yield from (f"{name}: hostPort" for p in container.get("ports") or () if p.get("hostPort"))


def _restricted(spec: Json) -> Iterator[str]:
    pod = spec.get("securityContext") or {}
    for volume in spec.get("volumes") or ():
        if not VOLUMES & set(volume):
            yield f"volume {volume['name']}: kind"
    if pod.get("runAsUser") == 0:
        yield "pod: runAsUser=0"
    if pod.get("runAsNonRoot") is False:
        yield "pod: runAsNonRoot=false"
    for name, _, context in _containers(spec):
        if context.get("allowPrivilegeEscalation") is not False:
            yield f"{name}: allowPrivilegeEscalation != false"
        if "ALL" not in ((context.get("capabilities") or {}).get("drop") or ()):
            yield f"{name}: does not drop all capabilities"
        if set((context.get("capabilities") or {}).get("add") or ()) - {"NET_BIND_SERVICE"}:
            yield f"{name}: adds capabilities"
        if context.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True:
            yield f"{name}: runAsNonRoot != true"
        if context.get("runAsUser") == 0:
            yield f"{name}: runAsUser=0"
        profile = context.get("seccompProfile") or pod.get("seccompProfile") or {}
        if profile.get("type") not in ("RuntimeDefault", "Localhost"):
            yield f"{name}: seccompProfile"


# -------------------------------------------------------------------- the pods of our documents
def pods_of_workflow(workflow: Json, initless: bool = False) -> dict[str, Json]:
    """The pods that Argo makes of a Workflow, by template: it adds its own containers and volumes, then the patch.

    Source: argo-workflows 4.1 `workflow/controller/workflowpod.go` (``newExecContainer``, ``ApplyPodSpecPatch``).
    """
    spec = workflow["spec"]
    pods = {}
    for template in spec["templates"]:
        if "container" not in template:
            continue
        pod = {
            "initContainers": [{"name": "init"}],
            "containers": [{"name": "wait"}, {"name": "main", **deepcopy(template["container"])}],
            "volumes": [{"name": "var-run-argo", "emptyDir": {}}, {"name": "tmp-dir-argo", "emptyDir": {}}, *template.get("volumes", [])],
            "securityContext": template.get("securityContext") or spec.get("securityContext") or {},
        }  # fmt: skip
        for patch in (spec.get("podSpecPatch"), template.get("podSpecPatch")):
            pod = merged(pod, json.loads(patch)) if patch else pod
        pods[template["name"]] = pod
    return pods


def pods_of_pipeline(documents: list[Json]) -> dict[str, Json]:
    """The pods of executors that Kubeflow Pipelines makes of the IR and its platform document.

    Source: kubeflow/pipelines 2.17 `argocompiler/security_context.go` and `driver/k8s.go`. Argo's own containers get what the
    ``executor`` of its controller says, which Kubeflow's manifests set.
    """
    profile = {"type": "RuntimeDefault"}
    added = {
        "runAsNonRoot": True, "runAsUser": 65532, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
        "seccompProfile": profile,
    }  # fmt: skip
    main = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "seccompProfile": profile}
    platform: Json = {}
    if len(documents) > 1:
        platform = documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    return {
        name: {
            "securityContext": {"seccompProfile": profile},
            "initContainers": [{"name": "init", "securityContext": added}, {"name": "kfp-launcher", "securityContext": {**main, "runAsNonRoot": True}}],
            "containers": [
                {"name": "wait", "securityContext": added},
                {"name": "main", "securityContext": {**main, **platform.get(name, {}).get("securityContext", {})}},
            ],
        }
        for name, executor in documents[0]["deploymentSpec"]["executors"].items() if "container" in executor
    }  # fmt: skip


def merged(pod: Any, patch: Any) -> Any:
    """A strategic merge: mappings merge by key, and lists of named things by name."""
    if isinstance(pod, dict) and isinstance(patch, dict):
        return {**pod, **{k: merged(pod.get(k), v) for k, v in patch.items()}}
    if isinstance(pod, list) and patch and isinstance(patch[0], dict):
        found = {p["name"]: p for p in pod}
        for entry in patch:
            found[entry["name"]] = merged(found.get(entry["name"]), entry)
        return list(found.values())
    return patch
