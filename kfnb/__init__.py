"""Notebooks become pipelines: mark cells as steps, run them here, on Kubeflow Pipelines or on Argo Workflows."""

from __future__ import annotations

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

    from kfnb import runs
    from kfnb.client.run_notebook import run
    from kfnb.client.run_object import Run, RunFailed
    from kfnb.runtime.components.component_decorators import InputPath, OutputPath, component
    from kfnb.runtime.components.container_commands import component_from_command
    from kfnb.runtime.values.failed_iteration import Failed
    from kfnb.sweeps.start_sweep import sweep

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
        from kfnb.runtime.components.container_commands import component_from_command

        return component_from_command
    if name in ("InputPath", "OutputPath", "component"):
        from kfnb.runtime.components import component_decorators

        return getattr(component_decorators, name)
    if name == "Failed":
        from kfnb.runtime.values.failed_iteration import Failed

        return Failed
    if name in ("Run", "RunFailed", "run", "runs"):
        from importlib import import_module

        if name == "runs":
            return import_module("kfnb.runs")
        return getattr(import_module("kfnb.client.run_notebook" if name == "run" else "kfnb.client.run_object"), name)
    if name == "sweep":
        from kfnb.sweeps.start_sweep import sweep

        return sweep
    raise AttributeError(f"module 'kfnb' has no attribute {name!r}")


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext kfnb``: ``%pipeline``, ``%%component``, ``%%pipeline``, ``%%parameters`` and the other roles' magics in this kernel."""
    from kfnb.kernel.magics import component_magic, pipeline_cell_magic, pipeline_line_magic, role_magics

    component_magic.load(shell)
    pipeline_cell_magic.load(shell)
    role_magics.load(shell)
    pipeline_line_magic.load(shell)
