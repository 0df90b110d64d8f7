"""Argo's template substitution (`util/template`), and kubelet's: what they do to a text that passes through them.

Argo writes a part of the Workflow as JSON, replaces its ``{{…}}`` there, and reads it back. It does so again at every hop, so what a
value brings along is replaced as well.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tests.cluster.expressions import Env, Missing, Unresolved, evaluate, paths_of

KUBELET = re.compile(r"\$\$|\$\(([^)]*)\)")
SHORT = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    '"': '\\"',
    "\\": "\\\\",
}


def replaced(part: Any, env: Env, strict: tuple[str, ...] = ()) -> Any:
    """A part of a Workflow with its tags replaced. A tag that ``env`` does not know stays, unless it begins with one of ``strict``.

    Raises
    ------
    Unresolved
        With the controller's message.
    """
    text = json.dumps(part, ensure_ascii=False)
    if "{{" not in text:
        return part
    first, *rest = text.split("{{")
    found, remaining = [first], "{{".join(rest)
    while True:
        tag, end, after = remaining.partition("}}")
        if not end:
            raise Unresolved(f'Cannot find end tag="}}}}" in the template starting from {remaining[:40]!r}')
        found.append(_expression(tag[1:], env, strict) if tag.startswith("=") else _simple(tag, env, strict))
        before, start, remaining = after.partition("{{")
        found.append(before)
        if not start:
            break
    try:
        return json.loads("".join(found))
    except ValueError:
        raise Unresolved("cannot finish template replacement because the result was invalid JSON") from None


def _simple(tag: str, env: Env, strict: tuple[str, ...]) -> str:
    try:
        return go_quoted(str(_looked_up(tag.strip(), env)))
    except Missing:
        if tag.strip().split(".")[0] in strict:
            raise Unresolved(f"failed to resolve {{{{{tag}}}}}") from None
        return "{{" + tag + "}}"


def _expression(text: str, env: Env, strict: tuple[str, ...]) -> str:
    expression = json.loads(f'"{text}"', strict=False)
    missing = [p for p in paths_of(expression) if not _known(p, env)]
    for path in missing:
        if path.split(".")[0] in strict:
            raise Unresolved(f"failed to evaluate expression: {path} is missing")
    late = {"item", "retries", "workflow.status", "workflow.failures"} & set(missing)
    try:
        value = None if late else evaluate(expression, env)
    except Unresolved:
        if not missing and strict:
            raise
        value = None
    if value is None:
        return "{{=" + text + "}}"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)[1:-1]
    return go_quoted(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _looked_up(path: str, env: Env) -> Any:
    value: Any = env
    for part in path.split("."):
        if not isinstance(value, dict) or part not in value:
            raise Missing(path)
        value = value[part]
    if value is None or isinstance(value, dict):
        raise Missing(path)
    return value


def _known(path: str, env: Env) -> bool:
    value: Any = env
    for part in path.split("."):
        if not isinstance(value, dict) or part not in value:
            return False
        value = value[part]
    return True


def go_quoted(text: str) -> str:
    """What Go's `strconv.Quote` makes of a text. Some of its escapes are none of JSON."""

    def one(character: str) -> str:
        if character in SHORT:
            return SHORT[character]
        if character.isprintable():
            return character
        code = ord(character)
        return (
            f"\\x{code:02x}"
            if code < 0x20 or code == 0x7F
            else f"\\u{code:04x}"
            if code < 0x10000
            else f"\\U{code:08x}"
        )

    return "".join(map(one, text))


def kubelet(text: str, env: dict[str, str]) -> str:
    """``$$`` is ``$``, ``$(NAME)`` the variable where there is one."""
    return KUBELET.sub(lambda m: "$" if m[0] == "$$" else env.get(m[1], m[0]), text)
