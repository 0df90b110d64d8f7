"""The states of steps and runs: their symbols, and the state of several of them together.

``tools/generate_states.py`` writes the same tables for the pages in the browser.
"""

from __future__ import annotations

from collections.abc import Iterable

SYMBOLS = {
    "pending": "○", "running": "▶", "succeeded": "✓", "failed": "✗", "skipped": "–", "omitted": "∅", "cached": "⟲", "cancelled": "■",
}  # fmt: skip
#: A step shows the first of these states that one of its iterations has.
PRIORITY = ("running", "failed", "cancelled", "pending", "succeeded", "cached", "omitted", "skipped")
FINAL = ("succeeded", "failed", "cancelled")  #: the states in which a run has ended
RUN_STATES = ("pending", "running", *FINAL)  #: the states that a run can be in
STEP_FINAL = ("succeeded", "failed", "skipped", "omitted", "cached", "cancelled")  #: those in which a step has ended
ENDED = ("succeeded", "cached")  #: those of a step or an iteration that has left its values
TIMED = ("running", "succeeded", "failed", "cancelled")  #: those of a step that has run in this run
STARTING = "starting: "  #: how the reason of a pending step begins when nothing is in its way
NO_ITEMS = "the loop has no items"  #: why a step was skipped whose collected values are empty lists


def together(states: Iterable[str]) -> str:
    """The state of a step whose iterations have these states, of which there is at least one."""
    return min(states, key=PRIORITY.index)
