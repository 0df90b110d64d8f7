"""Hides the values of secrets in what a step prints, displays and reports."""

from __future__ import annotations

import os
import re
import sys
from binascii import b2a_base64

from kfnb.runtime.light_json import dumps

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Iterable, Iterator

HIDDEN = "***"
SHORTEST = 4  #: characters of a value that is hidden; a shorter one stands in too many words
SHORTEST_LINE = 8  #: the same for one line of a value of several lines
SHORTEST_CODE = 8  #: the same for the characters of base64 that depend on the value alone
CUT = "…"  #: what ends a text that was shortened


class SecretMask:
    """Hides values as they are, as Python and JSON write them in quotation marks, and in base64, in URLs and in HTML.

    Parameters
    ----------
    values
        The values of the secrets.
    """

    def __init__(self, values: Iterable[str]) -> None:
        texts = list(values)
        forms = {form for value in texts for form in _forms(value)}
        ordered = sorted(forms, key=len, reverse=True)
        self._text = re.compile("|".join(map(re.escape, ordered)))
        self._encoded = [form.encode("utf-8", "surrogateescape") for form in ordered]
        self._data = re.compile(b"|".join(map(re.escape, self._encoded)))
        self._by_start: dict[str, list[str]] = {}
        for form in ordered:
            self._by_start.setdefault(form[0], []).append(form)
        plain = {text for value in texts for text in (value, value.strip())}
        wide = [
            text.encode("utf-32-" + sys.byteorder[0] + "e", "surrogatepass") for text in plain
        ]  # as arrays of texts have them
        self._plain = [*(text.encode("utf-8", "surrogateescape") for text in plain), *wide]
        self.longest, self.longest_plain = max(map(len, self._encoded)), max(map(len, self._plain))

    def text(self, text: str) -> str:
        """The text without the values. The rest of a value at the end of a text that was shortened is hidden too."""
        hidden = self._text.sub(HIDDEN, text)
        if hidden.endswith(CUT):
            start = self.begun(hidden[: -len(CUT)], SHORTEST)
            hidden = hidden[: len(hidden) - len(CUT) - start] + HIDDEN + CUT if start else hidden
        return hidden

    def data(self, data: bytes) -> bytes:
        """The same for bytes."""
        return self._data.sub(HIDDEN.encode(), data)

    def holds(self, data: bytes) -> bool:
        """Whether one of the values is in the data."""
        return self.stands_in(data) or any(
            form in data for form in self._encoded
        )  # several times as fast as the pattern

    def stands_in(self, data: bytes) -> bool:
        """Whether one of the values is in the data as it is. That is several times as fast as `holds`."""
        return any(form in data for form in self._plain)

    def begun(self, text: str, least: int = 1) -> int:
        """How many characters at the end of a text may be the beginning of a value; 0 when fewer than ``least``."""
        for start in range(max(len(text) - self.longest, 0), len(text) - least + 1):
            forms = self._by_start.get(text[start])
            end = text[start:] if forms else ""
            if forms and any(len(end) < len(form) and form.startswith(end) for form in forms):
                return len(end)
        return 0

    def parts(self, value: Any) -> Any:
        """A value of JSON without the values in any of its texts."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.parts(k): self.parts(v) for k, v in value.items()}
        return [self.parts(v) for v in value] if isinstance(value, (list, tuple)) else value

    def hide_in(self, stream: Any) -> None:
        """Let a text stream hide the values. What may be the beginning of one waits for the next text, or until the stream is flushed."""
        write, flush, waiting = stream.write, stream.flush, [""]

        def hiding_write(text: str) -> int:
            hidden = self._text.sub(HIDDEN, waiting[0] + text)
            begun = self.begun(hidden)
            waiting[0] = hidden[len(hidden) - begun :]
            write(hidden[: len(hidden) - begun])
            return len(text)

        def hiding_flush() -> None:
            text, waiting[0] = waiting[0], ""
            if text:
                write(text)
            flush()

        stream.write, stream.flush = hiding_write, hiding_flush


def mask_of(names: Iterable[str]) -> SecretMask | None:
    """The mask for the values of environment variables; ``None`` when there is nothing to hide."""
    values = [os.environ[n] for n in names if len(os.environ.get(n, "").strip()) >= SHORTEST]
    return SecretMask(values) if values else None


def _forms(value: str) -> Iterator[str]:
    from html import escape
    from urllib.parse import quote, quote_plus

    stripped = value.strip()
    lines = [line.strip() for line in stripped.splitlines()]
    for text in (value, stripped, *(lines if len(lines) > 1 else ())):
        if len(text) < (SHORTEST if text in (value, stripped) else SHORTEST_LINE):
            continue
        yield from (
            text,
            dumps(text)[1:-1],
            repr(text)[1:-1],
            quote(text),
            quote(text, safe=""),
            quote_plus(text),
            escape(text),
        )
        data = text.encode("utf-8", "surrogateescape")
        yield from _codes(data)


def _codes(data: bytes) -> Iterator[str]:
    """What every base64 of a text holds that has the data in it, for each place at which the data may begin in a group of three bytes."""
    for before in range(3):
        bits = (before + len(data)) * 8
        first = (before * 8 + 5) // 6
        code = b2a_base64(b"\0" * before + data, newline=False).decode()[first : bits // 6]
        if len(code) >= SHORTEST_CODE:
            yield from (code, code.replace("+", "-").replace("/", "_"))
