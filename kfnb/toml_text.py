"""Reads TOML: the standard library does since Python 3.11."""

from __future__ import annotations

import sys
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover
    import tomli as tomllib


def read_toml(text: str) -> dict[str, Any]:
    """A TOML document. Raises `ValueError`, which says where the text is wrong."""
    found: dict[str, Any] = tomllib.loads(text)
    return found
