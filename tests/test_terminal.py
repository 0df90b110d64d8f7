"""What steps print reaches a terminal as text and colours; nothing in it makes the terminal do something."""

from __future__ import annotations

import pytest

from kfnb.terminal_escapes import terminal_text, without_codes


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
        ("\x1b[38;2;1;2;3mfine", "\x1b[38;2;1;2;3mfine\x1b[0m"),
        ("\x1b]52;c;ZXZpbA==\x07copied", "copied"),
        ("\x1b]0;title\x1b\\x\x1b]8;;http://evil\x07link\x1b]8;;\x07", "xlink"),
        ("\x1b[2J\x1b[1;1Hcleared\x1b[K\x1b[?1049h\x1b[6n", "cleared"),
        ('\x1bP$q"p\x1b\\a\x1b_apc\x1b\\b\x1b^pm\x1b\\c\x1bXsos\x1b\\d', "abcd"),
        ("\x9d52;c;ZXZpbA==\x9cx\x9b2Jy\x90z\x9c\x85", "xy"),
        ("\x1bc\x1b7\x1b(0\x1b#8\x1b=ok\x1b", "ok"),
        ("cut off \x1b]52;c;ZXZ", "cut off "),
        ("cut off \x1b[3", "cut off "),
        ("\x1b\x1b]52;c;eA==\x07a", "a"),
        ("\x1b]0;\x1b[31mred\x1b[m", "\x1b[31mred\x1b[m"),
        ("10%\r50%\r100%\r", "100%"),
        ("a\x08b\x07c\x00d\x7f\te", "abcd\te"),
        ("one\n\x1b[32mtwo\nthree", "one\n\x1b[32mtwo\x1b[0m\nthree"),
        ("äöü → ☃ 日本", "äöü → ☃ 日本"),
    ],
)
def test_only_text_and_colours_come_through(printed: str, shown: str) -> None:
    assert terminal_text(printed) == shown
    assert "\x1b" not in without_codes(printed)
