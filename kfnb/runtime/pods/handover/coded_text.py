"""The code of texts that pass through an engine, which would read parts of them as its own syntax.

Argo replaces ``{{…}}`` again at every hop, kubelet replaces ``$(NAME)`` and ``$$``, and Argo's executor drops a newline at the end.
A text that has none of these stays as it is, so that a person can read it in the engine's pages. Any other text gets a
prefix, and what the engines would read is percent-encoded.
"""

from __future__ import annotations

from kfnb.runtime.light_json import dumps

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

PREFIX = "kfnb+text:"
NOTHING = PREFIX + "%none"  #: instead of a text from a script that was skipped; no text has this code
SYNTAX = ("{{", "}}", "$(", "$$")  #: Argo's templates, kubelet's variables, kubelet's escape
CODES = (
    ("%", "%25"),
    ("{", "%7B"),
    ("}", "%7D"),
    ("$", "%24"),
)  #: the percent sign comes first, because codes contain it


def coded(text: str) -> str:
    """A text in the form in which it passes through an engine."""
    changed = has_syntax(text) or text.startswith(PREFIX) or text.endswith("\n")
    return always_coded(text) if changed else text


def coded_for_database(text: str) -> str:
    """A text in the form in which it passes through an engine that keeps texts in a database.

    Kubeflow Pipelines' may store characters of three bytes and no control characters.
    """
    if all(c.isprintable() or c in "\n\r\t" for c in text) and max(text, default="") <= "\uffff":
        return coded(text)
    return "".join(c if c.isprintable() and c <= "\uffff" else _percent(c) for c in always_coded(text))


def always_coded(text: str) -> str:
    """The coded form of a text, with the prefix also where the text could stay as it is."""
    for character, code in CODES:
        text = text.replace(character, code)
    return PREFIX + (text[:-1] + "%0A" if text.endswith("\n") else text)


def decoded(text: str) -> str:
    """The text that `coded` was given. A text without the prefix is the text itself."""
    if not text.startswith(PREFIX):
        return text
    first, *parts = text[len(PREFIX) :].encode("utf-8", "surrogatepass").split(b"%")
    return b"".join((first, *(bytes((int(p[:2], 16),)) + p[2:] for p in parts))).decode("utf-8", "surrogatepass")


def _percent(character: str) -> str:
    return "".join("%%%02X" % b for b in character.encode("utf-8", "surrogatepass"))


def has_syntax(text: str) -> bool:
    """Whether a text contains something that an engine would replace."""
    return any(sign in text for sign in SYNTAX)


def plain_json(value: Any) -> str:
    """JSON without the characters that engines replace. They occur inside strings only. It is printable ASCII."""
    return dumps(value).replace("{{", "{\\u007b").replace("$", "\\u0024").replace("\x7f", "\\u007f")
