"""Why the cluster does not create a pod: quotas, admission, service accounts, rights."""

from __future__ import annotations

import re

from kfnb.engines.cluster.following.words.image_words import own_words

QUOTA = re.compile(r"exceeded quota: ([\w.-]+), requested: (.*), used: (.*), limited: (.*)", re.DOTALL)
WEBHOOK = re.compile(r'admission webhook "([^"]+)" denied the request:? ?(.*)', re.DOTALL)
STANDARD = re.compile(r'violates PodSecurity "([\w-]+)[^"]*": (.*)', re.DOTALL)
ACCOUNT = re.compile(r'error looking up service account ([\w.-]+)/([\w.-]+)|serviceaccount "([\w.-]+)" not found')
NO_RIGHT = re.compile(
    r'(\S+) is forbidden: User "system:serviceaccount:([^":]+):([^":]+)" cannot (\w+) resource "([\w/]+)"'
)
RANGE = re.compile(
    r"(?:maximum|minimum) [\w-]+ usage per (?:Container|Pod) is .*|is forbidden: \[?(?:maximum|minimum) .*"
)
REPOSITORY = "artifact storage is not configured"


def refusal_words(message: str) -> str:
    """Why the cluster refuses a pod, or what a pod may not do there. It is empty when the message is of another kind."""
    quota = QUOTA.search(message)
    if quota is not None:
        name, asked, used, limit = (own_words(part.strip(" .")) for part in quota.groups())
        return f"the quota `{name}` of the namespace is used up: the step asks for {asked}, {used} is used of {limit}"
    standard = STANDARD.search(message)
    if standard is not None:
        return f"the namespace admits only pods of the Pod Security Standard `{standard[1]}`: {own_words(standard[2])}"
    webhook = WEBHOOK.search(message)
    if webhook is not None:
        said = own_words(webhook[2]) or "it gives no reason"
        return f"the cluster does not admit the pod: its rule `{webhook[1]}` says: {said}"
    account = ACCOUNT.search(message)
    if account is not None:
        name = account[2] or account[3]
        return f"the service account `{name}` does not exist: correct `service_account` in the target"
    right = NO_RIGHT.search(message)
    if right is not None:
        _, namespace, name, verb, resource = right.groups()
        if (verb, resource) == ("create", "configmaps"):  # Argo puts a template there that is too large for a variable
            return (
                "the values that it takes are together too large for the Workflow: let values pass by a volume or an artifact repository"
                f" (`values` in the target), or give the service account `{name}` of namespace `{namespace}` the right to create configmaps"
            )
        return f"the service account `{name}` of namespace `{namespace}` may not {verb} {resource}: it needs a role with that right"
    if REPOSITORY in message:
        return "the controller has no artifact repository, which `values` in the target asks for: set one up, or choose other values"
    limit_range = RANGE.search(message)
    if limit_range is not None:
        return f"the namespace does not admit a pod of this size: {own_words(limit_range[0])}"
    return ""
