"""The addresses of the pages on which a cluster itself shows a run."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.targets.connection import address_of

API_PORT = 8888  #: of the server of Kubeflow Pipelines, which has no pages


def page_of(engine: str, settings: dict[str, Any], location: dict[str, Any]) -> str:
    """The address of a run's page; empty when the target does not say where the cluster's pages are.

    Parameters
    ----------
    settings
        The settings of the target: ``ui``, or else ``server`` of Argo and ``host`` of Kubeflow Pipelines.
    location
        Where the run is on the cluster.
    """
    named = settings.get("ui") or settings.get("server" if engine == "argo" else "host") or ""
    try:
        address = address_of(str(named)) if named else None
    except ClusterError:
        return ""
    if address is None or (engine == "kfp" and address.port == API_PORT and not settings.get("ui")):
        return ""
    if engine == "kfp" and location.get("run"):
        return f"{address}/#/runs/details/{quote(str(location['run']), safe='')}"
    if engine == "argo" and location.get("name"):
        namespace, name = (quote(str(location[k]), safe="") for k in ("namespace", "name"))
        return f"{address}/workflows/{namespace}/{name}"
    return ""


def page_of_node(engine: str, page: str, node: str) -> str:
    """The address at which the page of a run shows a node of its Workflow.

    A retry is a Workflow of its own, and the id of a node begins with the name of its Workflow (argo-workflows ``NodeID``). The page of
    Argo takes the node from its query (`workflow-details.tsx`); that of Kubeflow Pipelines knows nodes only by the numbers of its
    metadata store, which its REST API does not tell: it is opened at the run.
    """
    workflow = node.rpartition("-")[0]
    if engine != "argo" or not workflow:
        return page
    return f"{page.rpartition('/')[0]}/{quote(workflow, safe='')}?tab=workflow&nodeId={quote(node, safe='')}"
