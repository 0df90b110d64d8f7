"""What a Kubeflow Pipelines server for several users says when it refuses a request, in the user's words."""

from __future__ import annotations

import re

from kfnb.engines.cluster.clients.cluster_errors import ClusterError

ROLE = "a role in that namespace (`kubeflow-pipelines-edit`)"
#: kubeflow/pipelines `backend/src/apiserver/resource/resource_manager.go`, ``IsAuthorized``
NOT_AUTHORIZED = re.compile(r"User '([^']*)' is not authorized .*?Namespace:([^,]*),Verb:([^,]*),.*?Resource:([^,]*),")
NO_USER = "User identity is empty in the request header"


def explained(error: ClusterError, host: str) -> ClusterError:
    """The error of a request, without the layers of the server through which it has come."""
    text = str(error)
    match = NOT_AUTHORIZED.search(text)
    if match is not None:
        user, namespace, verb, resource = match.groups()
        return ClusterError(
            error.kind,
            f"`{user}` may not {verb} {resource} in the namespace {namespace} of {host}: ask for {ROLE}, or set `namespace` in the target "
            "to your own",
        )
    if NO_USER in text:
        return ClusterError(
            error.kind,
            f"{host} does not learn who you are: name the address of your gateway in `host`, and log in there with `cookies_env`, "
            "`token_file` or `token_env` in the target",
        )
    return error
