"""Notebooks become pipelines: mark cells as steps, run them here, on Kubeflow Pipelines or on Argo Workflows."""

from __future__ import annotations

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

    from kfnb.runtime.commands import component_from_command
    from kfnb.runtime.components import InputPath, OutputPath, component

__all__ = ["InputPath", "OutputPath", "component", "component_from_command"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """What notebooks import from here, loaded when it is asked for."""
    if name == "component_from_command":
        from kfnb.runtime.commands import component_from_command

        return component_from_command
    if name in __all__:
        from kfnb.runtime import components

        return getattr(components, name)
    raise AttributeError(f"module 'kfnb' has no attribute {name!r}")


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext kfnb``: ``%%component``, ``%%pipeline``, ``%%parameters`` and the other roles' magics in this kernel."""
    from kfnb.kernel import component, pipeline, roles

    component.load(shell)
    pipeline.load(shell)
    roles.load(shell)
