"""The runtime of one step: it binds the inputs, runs the cells and stores the outputs. SPEC.md describes its contract."""

from __future__ import annotations

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any


def run(spec: dict[str, Any]) -> int:
    """Run one step in this process, which is the step's own, and write its result.

    Returns
    -------
    int
        The exit status: 0 succeeded, 1 the user's code failed, 2 values could not be loaded or stored.
    """
    from kfnb.runtime.run_step import run_step

    return run_step(spec)
