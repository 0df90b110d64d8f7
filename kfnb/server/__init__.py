"""The Jupyter server extension: it answers JupyterLab over REST and a websocket."""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Name the extension's application for Jupyter Server."""
    from kfnb.server.extension_app import KfnbApp

    return [{"module": "kfnb.server", "app": KfnbApp}]
