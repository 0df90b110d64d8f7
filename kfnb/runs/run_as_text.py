"""A run as lines of plain text: one for the run, one for each step, and what went wrong."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from kfnb.states import SYMBOLS, TIMED
from kfnb.wording import duration, elapsed, error_line, load_hint

Json = Mapping[str, Any]


def run_as_text(name: str, run: Json | None, steps: Mapping[str, Json], now: float) -> str:
    """The text of a run, as views show it.

    Parameters
    ----------
    name
        The pipeline's name.
    run
        ``id``, ``state``, ``started``, ``finished`` and ``error``; ``None`` before there is a run.
    steps
        For each step ``state``, ``started``, ``finished``, ``attempts`` and ``reason``; how many ``iterations`` it has and
        how many of them have ``ended``; the last ``line`` that it printed while it runs.
    now
        Seconds since 1970.
    """
    width = max((len(n) for n in steps), default=0)
    lines = [headline(name, run, now), *(f"  {_row(step, one, width, now)}" for step, one in steps.items())]
    if run is not None and run["error"]:
        lines += [line for line in (error_line(run["error"]), load_hint(run["id"], run["error"])) if line]
    return "\n".join(lines)


def summary_as_text(summary: Json) -> str:
    """The text of a run's summary (see `kfnb.runs.run_summary`)."""
    run = {**summary, "id": summary["run"]}
    return run_as_text(summary["pipeline"], run, {n: _step(s) for n, s in summary["steps"].items()}, time.time())


def headline(name: str, run: Json | None, now: float) -> str:
    """One line: the pipeline's name, the run's state, its duration and its id."""
    if run is None:
        return name
    parts = (name, run["state"], duration(elapsed(run, now)), f"run {run['id']}")
    return f"{SYMBOLS[run['state']]} {' · '.join(w for w in parts if w)}"


def step_duration(step: Json, now: float) -> str:
    """How long a step took, until now while it runs; empty when it has not run."""
    return duration(elapsed(step, now)) if step["state"] in TIMED else ""


def _step(entry: Json) -> Json:
    """A step of a summary in the form that `run_as_text` takes."""
    inside = (entry.get("iterations") or {}).values()
    ended = sum(one["state"] in ("succeeded", "cached") for one in inside)
    return {
        **entry,
        "attempts": entry["attempts"] or 0,
        "iterations": len(inside),
        "ended": ended,
        "line": entry["reason"],
    }


def _row(name: str, step: Json, width: int, now: float) -> str:
    state = step["state"] + (f" {step['ended']}/{step['iterations']}" if step["iterations"] else "")
    attempt = f" (attempt {step['attempts']})" if step["attempts"] > 1 and not step["iterations"] else ""
    note = step["line"] if step["state"] == "running" else (step["reason"] or "").split("\n")[0]
    return f"{SYMBOLS[step['state']]} {name:{width}}  {state + attempt:12} {step_duration(step, now):>9}  {note or ''}".rstrip()
