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
    from kfnb.version import __version__ as __version__

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


def __getattr__(name: str) -> Any:
    """Import what notebooks use from here when they use it: a step imports only what it needs."""
    if name == "runs":
        return __import__("kfnb.runs", fromlist=["runs"])  # the module itself can be called
    if name in ("component", "InputPath", "OutputPath"):
        module = "kfnb.runtime.components.component_decorators"
    elif name == "component_from_command":
        module = "kfnb.runtime.components.container_commands"
    elif name == "Failed":
        module = "kfnb.runtime.values.failed_iteration"
    elif name in ("Run", "RunFailed"):
        module = "kfnb.client.run_object"
    elif name == "run":
        module = "kfnb.client.run_notebook"
    elif name == "sweep":
        module = "kfnb.sweeps.start_sweep"
    elif name == "__version__":
        module = "kfnb.version"
    else:
        raise AttributeError(f"module 'kfnb' has no attribute {name!r}")
    return getattr(__import__(module, fromlist=[name]), name)


def load_ipython_extension(shell: Any) -> None:
    """Give this kernel the magics of kfnb: ``%load_ext kfnb`` calls it."""
    from kfnb.kernel.magics import component_magic, pipeline_cell_magic, pipeline_line_magic, role_magics

    component_magic.load(shell)
    pipeline_cell_magic.load(shell)
    role_magics.load(shell)
    pipeline_line_magic.load(shell)
