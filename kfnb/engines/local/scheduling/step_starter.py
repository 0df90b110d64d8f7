"""What starts the steps of a run: processes, or containers."""

from __future__ import annotations

import os
import selectors
from pathlib import Path
from string import Template
from typing import Any, Protocol

from kfnb.engines.engine_interface import RunOptions
from kfnb.engines.local.processes.fork_client import ForkClient
from kfnb.engines.local.scheduling.fork_safe_imports import libraries_to_preload
from kfnb.pipeline.model import Pipeline


class StepStarter(Protocol):
    """Starts steps, sends signals to them, and tells of their ends."""

    def start(self, id_: int, spec: str, log: int, libraries: bool, spawn: bool) -> None:
        """Start one attempt. ``log`` is the writing end of its pipe."""

    def signal(self, id_: int, number: int) -> None:
        """Send a signal to an attempt."""

    def messages(self) -> list[dict[str, Any]]:
        """What has happened since the last call."""

    def close(self) -> None:
        """End all that was started."""


def step_starter(
    pipeline: Pipeline, options: RunOptions, selector: selectors.BaseSelector, mask: int, run: str, home: Path
) -> StepStarter:
    """What starts the steps of a run. It gives this process the variables that ``options`` has for steps."""
    os.environ.update({k: Template(v).safe_substitute(os.environ) for k, v in options.environment.items()})
    if options.containers is not None:
        from kfnb.engines.local.containers.container_client import ContainerClient
        from kfnb.engines.local.containers.container_tool import ContainerTool

        tool = ContainerTool.find(options.containers)
        return ContainerClient(selector, tool, run, home / "containers", mask)
    return ForkClient(selector, libraries_to_preload(pipeline, Path(options.folder)), options.python, mask)
