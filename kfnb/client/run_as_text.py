"""A run as a table of plain text."""

from __future__ import annotations

import time
from typing import Any

from kfnb.states import SYMBOLS


def table(summary: dict[str, Any]) -> str:
    """A line for the run and one for each step: state, seconds, attempts, why."""
    head = f"run {summary['run']} of {summary['pipeline']}: {summary['state']}"
    names = summary["steps"]
    width = max((len(n) for n in names), default=0)
    return "\n".join([head, *(f"  {_row(name, step, width)}" for name, step in names.items())])


def _row(name: str, step: dict[str, Any], width: int) -> str:
    state, began, ended = step["state"], step["started"], step["finished"]
    took = f"{(ended or time.time()) - began:.1f} s" if began is not None and state != "cached" else ""
    tries = f" (attempt {step['attempts']})" if (step["attempts"] or 0) > 1 and "iterations" not in step else ""
    told = (step["reason"] or "").split("\n")[0]
    return f"{SYMBOLS[state]} {name:{width}}  {state + tries:10} {took:>8}  {told}".rstrip()
