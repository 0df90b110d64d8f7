"""Words values and names for a report, safely for Markdown and HTML."""

from __future__ import annotations

import json
from html import escape
from typing import Any

LONGEST = 300  #: letters of a value that are shown


def value(found: Any) -> str:
    """A parameter or metric as text; of a long number the first six digits."""
    if isinstance(found, float) and len(repr(found)) > 12:
        return f"{found:.6g}"
    text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, default=str)
    return short(text, LONGEST)


def short(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def listed(names: list[str], most: int = 6) -> str:
    """``a, b and c``; of many the first, and how many more there are."""
    if len(names) > most:
        return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def safe(text: str) -> str:
    """Text for HTML inside a Markdown cell: no tag, no formula, no line that Markdown would take for its own."""
    return escape(text).replace("$", "&#36;").replace("\n", "<br>")


def plain(text: str) -> str:
    """Text for Markdown itself."""
    return "".join(f"\\{c}" if c in "\\`*_[]~$" else c for c in escape(text, quote=False).replace("\n", " "))
