"""Encodes text that contains half of a surrogate pair, which UTF-8 cannot represent.

Wherever text leaves the process, half of a surrogate pair (``"\\ud83d"``) is written as its escape. In JSON the escape stands for
the same text.
"""

from __future__ import annotations

import sys
from pathlib import Path

ENCODE_ERRORS = "backslashreplace"  #: the error handler of all streams and files that kfnb writes


def encoded(text: str) -> bytes:
    """``text`` in UTF-8."""
    return text.encode("utf-8", ENCODE_ERRORS)


def encodable(text: str) -> str:
    """``text`` with escapes in place of what UTF-8 cannot represent."""
    return encoded(text).decode()


def write_text(path: Path, text: str) -> None:
    """Write a file in UTF-8, with escapes where necessary."""
    path.write_text(text, encoding="utf-8", errors=ENCODE_ERRORS)


def open_streams_to_any_text() -> None:
    """Let this process print any text, also on a terminal with another encoding than UTF-8."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=ENCODE_ERRORS)
