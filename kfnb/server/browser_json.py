"""Writes answers as JSON that a browser can read."""

from __future__ import annotations

import json
import math
from typing import Any


def to_wire(answer: Any) -> str:
    """JSON (RFC 8259), which has no NaN and no infinity: such a number becomes the text ``"nan"`` or ``"inf"``."""
    try:
        return json.dumps(answer, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(answer), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, (list, tuple)) else value
