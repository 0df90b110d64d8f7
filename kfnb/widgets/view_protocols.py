"""Protocols: what views need of runs and sweeps, and what the ways of showing a view need of the view."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from typing import Any, Protocol

from kfnb.engines.engine_interface import Engine
from kfnb.pipeline.drawing.graph_elements import Graph
from kfnb.pipeline.model import Pipeline
from kfnb.runs.record.run_store import RunStore
from kfnb.widgets.view_state import Json


class FollowedRun(Protocol):
    """A run that can be followed."""

    id: str

    @property
    def pipeline(self) -> Pipeline: ...

    @property
    def ended(self) -> bool: ...

    def record(self) -> AbstractContextManager[RunStore]:
        """Open the record of runs for this thread."""

    def opened_engine(self) -> AbstractContextManager[Engine]:
        """Open the engine of the run for this thread."""


class ControlledRun(FollowedRun, Protocol):
    """A run that can also be cancelled and retried."""

    name: str

    def cancel(self) -> bool: ...

    def retry(self, step: str | None = None, notebook: Any = None) -> ControlledRun: ...


class ShownSweep(Protocol):
    """A sweep that is shown as a table and a plot."""

    @property
    def ended(self) -> bool: ...

    def _repr_mimebundle_(self) -> dict[str, str]: ...


class Face(Protocol):
    """One way of showing a view. Several threads call it, one at a time."""

    def update(self, changes: Json) -> None:
        """Show what has changed."""

    def tick(self) -> None:
        """Show the changes that have waited: some time has passed."""

    def flush(self) -> None:
        """Show everything: no more changes come for now."""

    def close(self) -> None:
        """Remove it from the page, where that is possible."""


class ShownView(Protocol):
    """What a face needs of the view that it shows."""

    name: str
    graph: Graph
    lock: threading.RLock

    def snapshot(self) -> Json: ...

    def states(self) -> dict[str, str]: ...

    def act(self, request: Json) -> None: ...

    def add_face(self, face: Face) -> None: ...
