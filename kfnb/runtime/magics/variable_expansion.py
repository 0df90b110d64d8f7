"""Expands ``{expression}`` and ``$name`` in magics and shell commands as IPython does.

IPython formats the text as `str.format` does, with expressions in place of names. When one expression fails, the whole
text stays as it is.
"""

from __future__ import annotations

import re
from string import Formatter

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Iterator

#: ``$name`` and ``$name.attribute`` outside single quotes; ``$$name`` is left to the shell.
DOLLAR = re.compile(r"(.*?)\$(\$?[\w.]+)(?=([^']*'[^']*')*[^']*$)")
CONVERSIONS: dict[str, Any] = {"r": repr, "s": str, "a": ascii}


def expand(text: str, names: dict[str, Any]) -> str:
    """The text with the values of its expressions, or unchanged when one of them fails."""
    if "$" not in text and "{" not in text and "}" not in text:
        return text
    found = ""
    try:
        for literal, expression, conversion in pieces(text):
            found += literal
            if expression is not None:
                value = eval(expression, names)
                found += format(CONVERSIONS[conversion](value) if conversion else value)
    except Exception:  # braces and signs that are no expression belong to the shell or the magic
        return text
    return found


def pieces(text: str) -> Iterator[tuple[str, str | None, str | None]]:
    """Each expression's text with the plain text before it and the letter of its conversion.

    Raises
    ------
    ValueError
        When the braces are not in pairs.
    """
    for literal, expression, form, conversion in Formatter().parse(text):
        end, plain = 0, ""
        for match in DOLLAR.finditer(literal):
            before, name = match.group(1, 2)
            end = match.end()
            if name.startswith("$"):
                plain += before + name
            else:
                yield plain + before, name, None
                plain = ""
        # what looks like a form is the end of a slice: `{names[1:2]}`
        yield plain + literal[end:], "%s:%s" % (expression, form) if form else expression, conversion


def expressions(text: str) -> list[str]:
    """The texts of the expressions that `expand` would evaluate."""
    if "$" not in text and "{" not in text:
        return []
    try:
        return [expression for _, expression, _ in pieces(text) if expression is not None]
    except ValueError:
        return []
