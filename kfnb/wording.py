"""How kfnb words times, durations and errors for people. Every surface uses the same words."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any


def elapsed(times: Mapping[str, Any], now: float | None = None) -> float | None:
    """The seconds from ``started`` to ``finished``, or to now while something runs; ``None`` before it has begun."""
    start, end = times["started"], times["finished"]
    if start is None:
        return None
    return float((end if end is not None else now if now is not None else time.time()) - start)
