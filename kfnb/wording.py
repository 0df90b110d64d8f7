"""How kfnb words times, durations, errors and hints for people. Every surface uses these words."""

from __future__ import annotations

import difflib
import time
from collections.abc import Iterable, Mapping
from typing import Any


def elapsed(times: Mapping[str, Any], now: float | None = None) -> float | None:
    """The seconds from ``started`` to ``finished`` (see `seconds_between`)."""
    return seconds_between(times["started"], times["finished"], now)


def seconds_between(start: float | None, end: float | None, now: float | None = None) -> float | None:
    """The seconds from ``start`` to ``end``, or to ``now`` while something runs; ``None`` before it has begun."""
    if start is None:
        return None
    if end is None:
        end = time.time() if now is None else now
    return float(end - start)


def duration(seconds: float | None) -> str:
    """A duration in few characters: ``0.4 s``, ``12 s``, ``3:05 min``, ``2:10 h``; empty for ``None``."""
    if seconds is None:
        return ""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"


def moment(seconds: float | None, zone: bool = False) -> str:
    """A local time, ``2025-03-01 14:02:11``, with its zone if ``zone`` is true; empty for ``None``."""
    if seconds is None:
        return ""
    return time.strftime("%Y-%m-%d %H:%M:%S %Z" if zone else "%Y-%m-%d %H:%M:%S", time.localtime(seconds)).strip()


def error_place(error: Mapping[str, Any] | None) -> str:
    """Where an error arose: ``step train, cell 3, line 2``, as far as it is known."""
    if not error:
        return ""
    cell, line = error.get("cell"), error.get("line")
    words = (f"step {error['step']}" if error.get("step") else "", f"cell {cell}" if cell else "", f"line {line}" if cell and line else "")  # fmt: skip
    return ", ".join(w for w in words if w)


def error_line(error: Mapping[str, Any] | None) -> str:
    """Where an error arose and what it is, in one sentence; empty when there is none."""
    if not error:
        return ""
    place = error_place(error)
    return f"{place}{': ' if place else ''}{error['type']}: {error['message']}"


def load_hint(run_id: str, error: Mapping[str, Any] | None) -> str:
    """How to look at the inputs of the step that failed; empty when no step failed."""
    step = error.get("step") if error else None
    return f"%pipeline load {step} --run {run_id} puts what it saw into the kernel" if step else ""


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """The question whether the most similar of the ``known`` names was meant, or ``otherwise`` where none is similar."""
    near = difflib.get_close_matches(name, known, 1)
    return f"did you mean `{near[0]}`?" if near else otherwise
