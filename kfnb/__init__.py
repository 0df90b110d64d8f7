"""Notebooks become pipelines: mark cells as steps, run them here, on Kubeflow Pipelines or on Argo Workflows."""

from __future__ import annotations

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

__version__ = "0.1.0"


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext kfnb``: the magic ``%%component`` in this kernel."""
    from kfnb.kernel.component import load

    load(shell)
