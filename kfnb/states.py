"""The states of steps and runs: their signs, and what several of them are together."""

from __future__ import annotations

from collections.abc import Iterable

SYMBOLS = {
    "pending": "○", "running": "▶", "succeeded": "✓", "failed": "✗", "skipped": "–", "omitted": "∅", "cached": "⟲", "cancelled": "■",
}  # fmt: skip
WEIGHT = ("running", "failed", "cancelled", "pending", "succeeded", "cached", "omitted", "skipped")
NO_ITEMS = "the loop has no items"  #: why a step was skipped whose collected values are empty lists
ENDED = ("succeeded", "cached")  #: of an iteration that has given its values


def together(states: Iterable[str]) -> str:
    """The state of a step whose iterations have these states, of which there is at least one."""
    return min(states, key=WEIGHT.index)
