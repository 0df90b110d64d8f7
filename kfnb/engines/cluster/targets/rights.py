"""The rights on a cluster that kfnb and its steps need: one table, which is checked, and printed for an administrator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kfnb.engines.cluster.clients.kubernetes_client import Kube

EMPTY = '""'  #: the group of Kubernetes' own resources
STEPS_ACCOUNT = "kfnb-steps"  #: the service account that the manifests make


@dataclass(frozen=True)
class Rule:
    """Rights on some resources of one API group, as a Role writes them.

    Parameters
    ----------
    purpose
        What the rights are for.
    required
        Whether no run is possible without them.
    """

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    purpose: str
    required: bool = True


#: What the person needs who runs notebooks.
USER_RULES = (
    Rule("argoproj.io", ("workflows",), ("create", "get", "list", "watch", "patch"), "to submit, follow and cancel runs"),
    Rule("", ("pods",), ("get", "list"), "to find the pods of steps"),
    Rule("", ("pods/log",), ("get",), "to read logs"),
    Rule("", ("pods", "events"), ("list", "watch"), "to say what a step waits for", required=False),
    Rule("argoproj.io", ("workflows",), ("delete",), "to remove what `kfnb targets --deep` made", required=False),
    Rule("argoproj.io", ("cronworkflows", "workflowtemplates"), ("create", "get", "list", "patch", "delete"), "to make schedules", required=False),
    Rule("", ("configmaps", "persistentvolumeclaims", "serviceaccounts"), ("get",), "to check a target before a run", required=False),
    Rule("authorization.k8s.io", ("localsubjectaccessreviews",), ("create",), "to check the rights of the steps", required=False),
)  # fmt: skip
#: What the service account of the steps needs: Argo's own container in each pod hands on the outputs.
STEP_RULES = (
    Rule("argoproj.io", ("workflowtaskresults",), ("create", "patch"), "to hand on what a step has made"),
)  # fmt: skip


def missing_rights(kube: Kube) -> Iterator[tuple[Rule, str]]:
    """The rules of which the user lacks something, and what is missing, as ``list, watch pods``. Raises `ClusterError`.

    The server lists the user's rights in one answer. It need not know those that other programs grant, so whatever is not in the list is
    asked for by itself.
    """
    granted = kube.own_rules()
    for rule in USER_RULES:
        lacking = {
            resource: [
                verb
                for verb in rule.verbs
                if not _granted(granted, verb, rule.group, resource)
                and not kube.is_allowed(verb, rule.group, *resource.split("/", 1))
            ]
            for resource in rule.resources
        }
        if any(lacking.values()):
            yield rule, _in_words(lacking)


def _in_words(lacking: dict[str, list[str]]) -> str:
    """What is missing, with the resources together that lack the same."""
    together: dict[str, list[str]] = {}
    for resource, verbs in lacking.items():
        if verbs:
            together.setdefault(", ".join(verbs), []).append(resource)
    return "; ".join(f"{verbs} {' and '.join(resources)}" for verbs, resources in together.items())


def missing_step_rights(kube: Kube, account: str) -> str:
    """What the service account of the steps may not do; empty when it may do all.

    Raises `ClusterError`, of the kind ``forbidden`` when the user may not ask that.
    """
    return _in_words({
        resource: [verb for verb in rule.verbs if not kube.account_is_allowed(account, verb, rule.group, resource)]
        for rule in STEP_RULES
        for resource in rule.resources
    })  # fmt: skip


def _granted(rules: Iterable[dict[str, list[str]]], verb: str, group: str, resource: str) -> bool:
    def has(rule: dict[str, list[str]], key: str, value: str) -> bool:
        return bool({value, "*"} & set(rule.get(key) or ()))

    return any(
        has(r, "verbs", verb) and has(r, "apiGroups", group) and has(r, "resources", resource) and not r.get("resourceNames")
        for r in rules
    )  # fmt: skip


# -------------------------------------------------------------------- manifests for an administrator
def manifests(namespace: str, account: str = STEPS_ACCOUNT, user: str = "") -> str:
    """The roles as YAML that an administrator can apply: of the person who runs notebooks, and of the service account of the steps.

    Parameters
    ----------
    user
        The name that the cluster knows the person by. Without it, the administrator must bind the role.
    """
    documents = [
        _role("kfnb-user", namespace, USER_RULES),
        f"apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: {account}, namespace: {namespace}}}\n",
        _role("kfnb-steps", namespace, STEP_RULES),
        _binding("kfnb-steps", namespace, f"{{kind: ServiceAccount, name: {account}, namespace: {namespace}}}"),
    ]
    if user:
        documents.append(_binding("kfnb-user", namespace, _subject(user)))
    return "---\n".join(documents)


def _role(name: str, namespace: str, rules: tuple[Rule, ...]) -> str:
    lines = [
        f"- {{apiGroups: [{rule.group or EMPTY}], resources: [{', '.join(rule.resources)}], verbs: [{', '.join(rule.verbs)}]}}"
        f"  # {rule.purpose}\n"
        for rule in rules
    ]
    head = f"apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: {name}, namespace: {namespace}}}\nrules:\n"
    return head + "".join(lines)


def _binding(role: str, namespace: str, subject: str) -> str:
    return (
        f"apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: {role}, namespace: {namespace}}}\n"
        f"roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: {role}}}\nsubjects: [{subject}]\n"
    )


def _subject(user: str) -> str:
    parts = user.split(":")
    if parts[:2] == ["system", "serviceaccount"] and len(parts) == 4:
        return f"{{kind: ServiceAccount, name: {parts[3]}, namespace: {parts[2]}}}"
    quoted = user.replace("\\", "\\\\").replace('"', '\\"')
    return f'{{kind: User, name: "{quoted}", apiGroup: rbac.authorization.k8s.io}}'
