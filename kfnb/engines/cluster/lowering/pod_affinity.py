"""Affinity of pods: the marks ``affinity`` in the form of Kubernetes."""

from __future__ import annotations

from typing import Any

from kfnb.setting_marks.label_selectors import requirements
from kfnb.step_settings import Affinity, Settings

PREFER = "prefer-"
WEIGHT = 100  #: of a wish, among what the scheduler likes about a node: the most
EACH_NODE = "kubernetes.io/hostname"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
KINDS = {"pod": "podAffinity", "anti-pod": "podAntiAffinity"}


def expressions(affinity: Affinity) -> list[dict[str, Any]]:
    """The requirements of one affinity in Kubernetes' form."""
    found = requirements(affinity.selector, nodes=affinity.kind.removeprefix(PREFER) == "node")
    return [{"key": r.key, "operator": r.operator, **({"values": list(r.values)} if r.values else {})} for r in found]


def node_expressions(settings: Settings) -> tuple[list[dict[str, Any]], list[list[dict[str, Any]]]]:
    """What a node must have, of all marks together, and each wish."""
    required = [e for a in settings.affinity if a.kind == "node" for e in expressions(a)]
    return required, [expressions(a) for a in settings.affinity if a.kind == PREFER + "node"]


def affinity_of(settings: Settings) -> dict[str, Any]:
    """The field ``affinity`` of a pod. Several marks of one kind must all hold, so they are one term for nodes: terms are alternatives."""
    required, wishes = node_expressions(settings)
    node: dict[str, Any] = {}
    if required:
        node[REQUIRED] = {"nodeSelectorTerms": [{"matchExpressions": required}]}
    if wishes:
        node[PREFERRED] = [{"weight": WEIGHT, "preference": {"matchExpressions": e}} for e in wishes]
    found: dict[str, Any] = {"nodeAffinity": node} if node else {}
    for kind, field in KINDS.items():
        terms = [_pod_term(a) for a in settings.affinity if a.kind == kind]
        wished = [
            {"weight": WEIGHT, "podAffinityTerm": _pod_term(a)} for a in settings.affinity if a.kind == PREFER + kind
        ]
        if terms or wished:
            found[field] = {k: v for k, v in ((REQUIRED, terms), (PREFERRED, wished)) if v}
    return found


def _pod_term(affinity: Affinity) -> dict[str, Any]:
    return {"labelSelector": {"matchExpressions": expressions(affinity)}, "topologyKey": affinity.topology or EACH_NODE}
