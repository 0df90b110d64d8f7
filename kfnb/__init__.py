"""Notebooks become pipelines: mark cells as steps, run them here, on Kubeflow Pipelines or on Argo Workflows."""

from __future__ import annotations

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

    from kfnb import runs
    from kfnb.client.api import run
    from kfnb.client.run import Run, RunFailed
    from kfnb.runtime.commands import component_from_command
    from kfnb.runtime.components import InputPath, OutputPath, component
    from kfnb.runtime.failed import Failed
    from kfnb.sweeps.start import sweep

__all__ = [
    "Failed",
    "InputPath",
    "OutputPath",
    "Run",
    "RunFailed",
    "component",
    "component_from_command",
    "run",
    "runs",
    "sweep",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """What notebooks import from here, loaded when it is asked for."""
    if name == "component_from_command":
        from kfnb.runtime.commands import component_from_command

        return component_from_command
    if name in ("InputPath", "OutputPath", "component"):
        from kfnb.runtime import components

        return getattr(components, name)
    if name == "Failed":
        from kfnb.runtime.failed import Failed

        return Failed
    if name in ("Run", "RunFailed", "run", "runs"):
        from importlib import import_module

        if name == "runs":
            return import_module("kfnb.runs")
        return getattr(import_module("kfnb.client.api" if name == "run" else "kfnb.client.run"), name)
    if name == "sweep":
        from kfnb.sweeps.start import sweep

        return sweep
    raise AttributeError(f"module 'kfnb' has no attribute {name!r}")


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext kfnb``: ``%pipeline``, ``%%component``, ``%%pipeline``, ``%%parameters`` and the other roles' magics in this kernel."""
    from kfnb.kernel import commands, component, pipeline, roles

    component.load(shell)
    pipeline.load(shell)
    roles.load(shell)
    commands.load(shell)
