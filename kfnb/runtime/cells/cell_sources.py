"""Gives the texts of cells to `linecache`, where tracebacks, `inspect.getsource` and debuggers look for them."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from types import CodeType

#: Words of code that may look for source text in the cell in which `linecache` is first imported.
READERS = ("inspect", "getsource", "doctest", "jit", "dill")

_lines: dict[str, dict[int, str]] = {}  #: by file name and number


def remember(name: str, text: str, first: int = 1) -> None:
    """Remember the lines of the file ``name`` from line ``first`` on, which are ``text``."""
    _lines.setdefault(name, {}).update(enumerate(text.split("\n"), first))


def publish(texts: tuple[str, ...] = ()) -> None:
    """Give all lines to `linecache`, when it is imported or the code in ``texts`` may need it."""
    if any(word in text for text in texts for word in READERS):
        import linecache  # noqa: F401
    module = sys.modules.get("linecache")
    if module is None:
        return
    for name, lines in _lines.items():
        all_lines = [lines.get(n, "") + "\n" for n in range(1, max(lines) + 1)]
        module.cache[name] = (sum(map(len, all_lines)), None, all_lines, name)


def lines_of(code: CodeType) -> tuple[str, int, str] | None:
    """The file, first line and text of a function of the notebook; ``None`` when they are unknown."""
    lines = _lines.get(code.co_filename)
    first = code.co_firstlineno
    if lines is None or first not in lines:
        return None
    indent = len(lines[first]) - len(lines[first].lstrip())
    last = _last_line(code)
    while last + 1 in lines and _goes_on(lines[last + 1], indent):
        last += 1
    return code.co_filename, first, "\n".join(lines.get(n, "") for n in range(first, last + 1)).rstrip()


def _goes_on(line: str, indent: int) -> bool:
    """Whether a line after the last statement belongs to the same function: a comment, or a closing bracket."""
    text = line.lstrip()
    return bool(text) and (len(line) - len(text) > indent or text[0] in ")]}")


def _last_line(code: CodeType) -> int:
    inner = [_last_line(c) for c in code.co_consts if isinstance(c, type(code))]
    if hasattr(code, "co_positions"):
        own = [end for _, end, _, _ in code.co_positions() if end is not None]
    else:
        import dis

        own = [line for _, line in dis.findlinestarts(code)]
    found: int = max([code.co_firstlineno, *own, *inner])
    return found
