"""The part of Argo's expression language (expr-lang) that manifests use, evaluated as the controller does."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")|(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>&&|\|\||==|!=|<=|>=|\.\.|[-+!<>?:(){}\[\],.]))"
)
ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
Env = dict[str, Any]
Value = Callable[[Env], Any]


class Unresolved(Exception):
    """The expression cannot be evaluated, or the controller cannot replace a tag."""


class Missing(Unresolved):
    """Nothing of that name is known."""


def evaluate(text: str, env: Env) -> Any:
    try:
        value = _parsed(text)[0](env)
    except (TypeError, ValueError) as error:
        raise Unresolved(f"failed to evaluate expression: {error}") from None
    if value is None:
        raise Missing(f"failed to evaluate expression {text!r}")
    return value


def paths_of(text: str) -> list[str]:
    """The names that an expression mentions, also in parts that are not evaluated, as dotted paths."""
    return [p for p in _parsed(text)[1] if p.split(".")[0] not in FUNCTIONS]


@cache
def _parsed(text: str) -> tuple[Value, tuple[str, ...]]:
    """An expression, and the paths in it. A Workflow has few, and each is evaluated at every hop."""
    parser = _Parser(text)
    return parser.parse(), tuple(dict.fromkeys(parser.paths))


def _to_json(value: Any) -> str:
    """Go's JSON: sorted, without spaces, and safe inside of HTML."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _replace(old: str, new: str, text: Any) -> str:
    if not isinstance(text, str):
        raise Unresolved(f"sprig.replace of {text!r}")
    return text.replace(old, new)


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


FUNCTIONS: Env = {
    "toJson": _to_json,
    "fromJSON": json.loads,
    "len": len,
    "asInt": int,
    "asFloat": float,
    "sprig": {
        "replace": _replace,
        "sha256sum": _sha,
        "hasPrefix": lambda prefix, text: text.startswith(prefix),
        "trimPrefix": lambda prefix, text: text.removeprefix(prefix),
    },
}


class _Parser:
    def __init__(self, text: str) -> None:
        self.text, self.tokens, self.at = text, [], 0
        self.paths: list[str] = []
        end = 0
        while end < len(text.rstrip()):
            match = TOKEN.match(text, end)
            if match is None:
                raise Unresolved(f"failed to evaluate expression: cannot be read at {text[end:]!r}")
            self.tokens.append((match.lastgroup, match.group(match.lastgroup or 0)))
            end = match.end()

    def parse(self) -> Value:
        expression = self.ternary()
        if self.at != len(self.tokens):
            raise Unresolved(f"unexpected {self.tokens[self.at]} in {self.text}")
        return expression

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def take(self, sign: str) -> bool:
        if self.peek() == sign and self.tokens[self.at][0] == "sign":
            self.at += 1
            return True
        return False

    def expect(self, sign: str) -> None:
        if not self.take(sign):
            raise Unresolved(f"expected {sign} in {self.text}")

    def ternary(self) -> Value:
        test = self.either()
        if not self.take("?"):
            return test
        yes = self.ternary()
        self.expect(":")
        no = self.ternary()
        return lambda env: yes(env) if test(env) else no(env)

    def either(self) -> Value:
        expression = self.both()
        while self.take("||"):
            left, right = expression, self.both()
            expression = lambda env, a=left, b=right: a(env) or b(env)  # noqa: E731
        return expression

    def both(self) -> Value:
        expression = self.compared()
        while self.take("&&"):
            left, right = expression, self.compared()
            expression = lambda env, a=left, b=right: a(env) and b(env)  # noqa: E731
        return expression

    def compared(self) -> Value:
        left = self.range()
        for sign, does in (("==", lambda a, b: type(a) is type(b) and a == b), ("!=", lambda a, b: a != b)):
            if self.take(sign):
                right = self.range()
                return lambda env, f=does: f(left(env), right(env))
        return left

    def range(self) -> Value:
        first = self.sum()
        if not self.take(".."):
            return first
        last = self.sum()
        return lambda env: list(range(first(env), last(env) + 1))

    def sum(self) -> Value:
        expression = self.unary()
        while self.peek() in ("+", "-"):
            minus = self.take("-") or not self.take("+")
            left, right = expression, self.unary()
            expression = lambda env, a=left, b=right, m=minus: a(env) - b(env) if m else a(env) + b(env)  # noqa: E731
        return expression

    def unary(self) -> Value:
        if self.take("!"):
            inner = self.unary()
            return lambda env: not inner(env)
        return self.postfix()

    def postfix(self) -> Value:
        path = [self.peek()] if self.at < len(self.tokens) and self.tokens[self.at][0] == "name" else []
        expression = self.primary()
        while True:
            if path:
                self.paths.append(".".join(path))
            if self.take("."):
                name = self.tokens[self.at][1]
                self.at += 1
                path = [*path, name] if path else []
                expression = _member(expression, lambda env, n=name: n)
            elif self.take("["):
                text = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
                path = [*path, text[1][1:-1]] if path and text[0] == "string" else []
                key = self.ternary()
                self.expect("]")
                expression = _member(expression, key)
            elif self.take("("):
                arguments = []
                while not self.take(")"):
                    arguments.append(self.ternary())
                    self.take(",")
                expression = lambda env, f=expression, a=tuple(arguments): f(env)(*(x(env) for x in a))  # noqa: E731
            else:
                return expression

    def primary(self) -> Value:
        if self.at >= len(self.tokens):
            raise Unresolved(f"failed to evaluate expression: unexpected token EOF in {self.text}")
        kind, text = self.tokens[self.at]
        self.at += 1
        if kind == "string":
            value = re.sub(r"\\(.)", lambda m: ESCAPES.get(m[1], m[1]), text[1:-1])
            return lambda env: value
        if kind == "number":
            number = json.loads(text)
            return lambda env: number
        if kind == "name":
            return lambda env: _known(env, text)
        if text == "(":
            inner = self.ternary()
            self.expect(")")
            return inner
        if text == "{":
            pairs = []
            while not self.take("}"):
                key = self.primary()
                self.expect(":")
                pairs.append((key, self.ternary()))
                self.take(",")
            return lambda env: {k(env): v(env) for k, v in pairs}
        raise Unresolved(f"unexpected {text} in {self.text}")


def _known(env: Env, name: str) -> Any:
    if name in env:
        return env[name]
    if name in FUNCTIONS:
        return FUNCTIONS[name]
    raise Missing(f"unknown name {name}")


def _member(of: Value, key: Value) -> Value:
    def get(env: Env) -> Any:
        members, name = of(env), key(env)
        if not isinstance(members, dict) or name not in members:
            raise Missing(f"no {name}")
        return members[name]

    return get
