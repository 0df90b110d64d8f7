"""Reads the nodes in a Workflow's status, also when the controller has compressed or offloaded them."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from typing import Any

from kfnb.engines.argo.argo_server_client import ArgoServer

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


class Offloaded(Exception):
    """The nodes are in the controller's database, which only Argo's own server can read."""


def nodes_of(workflow: dict[str, Any], server: ArgoServer | None) -> dict[str, Any]:
    """The nodes by id. Raises `Offloaded` when there is no ``server`` to ask, and `ValueError` when they cannot be read.

    Source: argo-workflows `util/file/fileutil.go` and `persist/sqldb` (``compressedNodes``, ``offloadNodeStatusVersion``). Brotli
    has no magic number, so data that is neither gzip, zstd nor zlib is read as brotli.
    """
    status = workflow.get("status") or {}
    if status.get("compressedNodes"):
        nodes: dict[str, Any] = json.loads(_unpacked(base64.b64decode(status["compressedNodes"])))
        return nodes
    if status.get("offloadNodeStatusVersion") and not status.get("nodes"):
        if server is None:
            raise Offloaded
        return nodes_of(server.workflow(), None)
    return dict(status.get("nodes") or {})


def _unpacked(data: bytes) -> bytes:
    if data.startswith(GZIP):
        return gzip.decompress(data)
    if data.startswith(ZSTD):
        import zstandard

        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    try:
        return zlib.decompress(data)
    except zlib.error:
        import brotli

        unpacked: bytes = brotli.decompress(data)
        return unpacked
