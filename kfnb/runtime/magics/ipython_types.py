"""IPython's small types for magics: the error of a magic written wrongly, and the lines that a command printed."""

from __future__ import annotations

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any


class UsageError(Exception):
    """A magic that is not there, or is written wrongly."""


class SList(list):  # type: ignore[type-arg]
    """The lines that a command printed; ``.n`` is the whole text and ``.s`` the lines joined by spaces, as in IPython."""

    @property
    def n(self) -> str:
        return "\n".join(self)

    nlstr = n

    @property
    def s(self) -> str:
        return " ".join(self)

    spstr = s

    @property
    def l(self) -> Any:  # noqa: E743
        return [*self]

    list = l

    @property
    def p(self) -> Any:
        from pathlib import Path

        return [Path(line) for line in self]

    def grep(self, pattern: Any, prune: bool = False, field: int | None = None) -> SList:
        """The lines that a pattern or function finds, or with ``prune`` the others."""
        import re

        def found(line: str) -> bool:
            if field is not None:
                words = line.split()
                line = words[field] if field < len(words) else ""
            return bool(re.search(pattern, line, re.IGNORECASE) if isinstance(pattern, str) else pattern(line))

        return SList(line for line in self if found(line) is not prune)

    def fields(self, *fields: int) -> SList:
        """The words of each line at these places."""
        if not fields:
            return SList(line.split() for line in self)  # as in IPython, lists of words
        words = [line.split() for line in self]
        return SList(" ".join(w[f] for f in fields if -len(w) <= f < len(w)) for w in words if w)


def unknown_magic(magic: str) -> UsageError:
    """The error for a magic that neither the step nor an extension has."""
    return UsageError(
        "the magic `%s` is not known in this step: it comes with an extension, so `%%load_ext` must stand before it, "
        "and the step needs the extension's package" % magic
    )
