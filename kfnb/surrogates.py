"""One rule for texts that UTF-8 cannot hold.

Half a surrogate pair (``"\\ud83d"``) is written as its escape wherever text leaves the process; in JSON that escape is the text itself.
"""

from __future__ import annotations

import sys
from pathlib import Path

ERRORS = "backslashreplace"  #: how streams and files of ours encode what UTF-8 cannot hold


def encoded(text: str) -> bytes:
    """``text`` in UTF-8."""
    return text.encode("utf-8", ERRORS)


def encodable(text: str) -> str:
    """``text`` as UTF-8 can hold it."""
    return encoded(text).decode()


def write_text(path: Path, text: str) -> None:
    """Write a file in UTF-8."""
    path.write_text(text, encoding="utf-8", errors=ERRORS)


def open_streams_to_any_text() -> None:
    """Let this process print any text, on terminals of another encoding too."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=ERRORS)
