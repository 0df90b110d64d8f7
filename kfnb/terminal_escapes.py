"""Removes escape sequences other than colors from text that kfnb prints on a terminal.

The output of a step can contain sequences that rename the window, write to the clipboard, move the cursor, or make the terminal
type an answer. This module removes them. Of a line with carriage returns it keeps the last part, as a screen does.
"""

from __future__ import annotations

import re

#: An escape sequence, also in its 8-bit form, or one that is cut off at the end of the text.
SEQUENCE = re.compile(
    r"(?P<colour>\x1b\[[0-9;:]*m)"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # cursor movements, erasing, modes
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # window titles, the clipboard
    r"|\x1b[ -/]*[0-~]?"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)
RESET = "\x1b[0m"


def terminal_text(text: str) -> str:
    """The text with its colors, which end with each line, and without other escape sequences."""
    return "\n".join(_terminal_line(line) for line in text.split("\n"))


def without_codes(text: str) -> str:
    """The text without any escape sequences."""
    return "\n".join(SEQUENCE.sub("", _visible(line)) for line in text.split("\n"))


def _terminal_line(line: str) -> str:
    text = SEQUENCE.sub(lambda m: m["colour"] or "", _visible(line))
    colours = [m["colour"] for m in SEQUENCE.finditer(text) if m["colour"]]
    return text + RESET if colours and colours[-1] not in (RESET, "\x1b[m") else text


def _visible(line: str) -> str:
    """The part of a line that is visible after carriage returns: the last one that is not empty."""
    return next((part for part in reversed(line.split("\r")) if part), "") if "\r" in line else line
