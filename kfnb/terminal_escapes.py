"""Texts of others for a terminal: colours stay, and nothing that a terminal would do.

What a step prints may name windows, write to the clipboard, move the cursor over what stands there, or ask the terminal for an
answer that it types. None of it comes through; of what a carriage return writes over, the last is shown, as on a screen.
"""

from __future__ import annotations

import re

#: A sequence from its first sign to its last, or to the end of the text where it is cut off; 8-bit forms too.
SEQUENCE = re.compile(
    r"(?P<colour>\x1b\[[0-9;:]*m)"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # moves the cursor, erases, sets modes
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # names a window, fills the clipboard
    r"|\x1b[ -/]*[0-~]?"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)
RESET = "\x1b[0m"


def terminal_text(text: str) -> str:
    """Lines as a terminal may get them: with their colours, each line ending its own."""
    return "\n".join(_line(line) for line in text.split("\n"))


def without_codes(text: str) -> str:
    """Lines without any sequences, colours neither."""
    return "\n".join(SEQUENCE.sub("", _last(line)) for line in text.split("\n"))


def _line(line: str) -> str:
    found = SEQUENCE.sub(lambda m: m["colour"] or "", _last(line))
    colours = [m["colour"] for m in SEQUENCE.finditer(found) if m["colour"]]
    return found + RESET if colours and colours[-1] not in (RESET, "\x1b[m") else found


def _last(line: str) -> str:
    """What stands on a line after carriage returns: what was written last."""
    return next((part for part in reversed(line.split("\r")) if part), "") if "\r" in line else line
