"""Ways to spoil a notebook, from its bytes to its syntax trees. All are drawn from one generator: a seed is a notebook."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from random import Random
from typing import Any

from tests.fuzz.corpus import PIPELINE, SETTINGS, SNIPPETS, TAGS

Json = dict[str, Any]

#: What may stand where something else is expected.
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 3.5, 1e308, float("inf"), 10**30, "", "x", "\ud800", "a\0b", "é" * 50, [], [None], [[]], ["x", 1], {}, {"": None}, {"a": {"b": []}},
    "nan", "[-True]", ["step:a"], {"step": ["a"]},
)  # fmt: skip
KEYS = ("step", "when", "foreach", "role", "exit", "after", "image", "packages", "retry", "cache", "env", "output", "name", "description", "target", "defaults", "unmarked")  # fmt: skip
TOKENS = (
    "(", ")", "[", "]", "{", "}", ":", ",", "=", ":=", "+=", "-True", "*", "**", "@", ".", "->", "if ", "else", "elif x:", "for ", "in ", "while ", "def f(", "class A:", "lambda: ",
    "async ", "await ", "yield ", "return ", "global a\n", "nonlocal a\n", "import ", "from . import *", "del ", "not ", "None", "True", "...", "'", '"', "'''", "f'{", "}'", "\\", "\\\n", "\n",
    "\t", "    ", "\f", "\0", "\r", "\ufeff", "%", "%%", "!", "?", "??", "$x", "#", ";", "0x", "1e9", "99999999999999999999", "__class__", "ﬁ", "x", "y", "kfnb_status", "%%component a",
    "%%pipeline p", "%%parameters", "\u2028", "\ud800", "match x:\n  case _:", "try:\n", "except:", "finally:", "with ", "break", "continue", "type X = int",
)  # fmt: skip


def mutated(random: Random, corpus: list[Json]) -> bytes:
    """One spoilt notebook file."""
    data = json.loads(json.dumps(random.choice(corpus)))
    for _ in range(random.choice((1, 1, 2, 3, 8))):
        random.choice(OF_JSON)(random, data, corpus)
        data = json.loads(json.dumps(data))  # no part of it stands twice
    text = json.dumps(data)
    return other_bytes(random, text.encode()) if random.random() < 0.05 else text.encode()


def other_bytes(random: Random, data: bytes) -> bytes:
    """A file cut, doubled, or with other bytes in it."""
    found = bytearray(data)
    for _ in range(random.choice((1, 2, 20))):
        at = random.randrange(len(found) + 1)
        end = min(len(found), at + random.choice((0, 1, 1, 5, 500)))
        found[at:end] = bytes(random.randrange(256) for _ in range(random.choice((0, 1, 3)))) if random.random() < 0.8 else found[:at][-200:]  # fmt: skip
    return bytes(found)


# ---------------------------------------------------------------- the JSON
def _codes(data: Json) -> list[Json]:
    cells = data.get("cells")
    return [c for c in cells if isinstance(c, dict)] if isinstance(cells, list) else []


def odd_field(random: Random, data: Json, corpus: list[Json]) -> None:
    """Something anywhere in the file has another type, or is gone."""
    place: Any = data
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = random.choice(keys)
        if isinstance(place[key], (dict, list)) and random.random() < 0.8:
            place = place[key]
            continue
        if random.random() < 0.2:
            del place[key]
        else:
            place[key] = json.loads(json.dumps(random.choice(ODD)))
        return


def odd_metadata(random: Random, data: Json, corpus: list[Json]) -> None:
    """Settings of the notebook or of a cell that are not what they should be."""
    table = {random.choice(KEYS): random.choice((*ODD, *TAGS)) for _ in range(random.randint(1, 3))}
    if random.random() < 0.4 or not _codes(data):
        own = {**table, "defaults": random.choice((table, *ODD))} if random.random() < 0.5 else table
        data["metadata"] = {"kfnb": own} if random.random() < 0.7 else {"kubeflow_notebook": own}
    else:
        random.choice(_codes(data))["metadata"] = {"kfnb": table, "tags": random.choice((["step:m"], *ODD))}


def odd_version(random: Random, data: Json, corpus: list[Json]) -> None:
    """Another format of the file."""
    if random.random() < 0.5:
        cells = data.pop("cells", [])
        data.update(nbformat=3, worksheets=random.choice(([{"cells": cells}], [cells], [None], {}, [{"cells": None}])))
    else:
        data["metadata"] = {"kernelspec": random.choice((*ODD, {"name": "ir"}, {"language": []})), "language_info": random.choice(ODD)}  # fmt: skip


def other_tags(random: Random, data: Json, corpus: list[Json]) -> None:
    if _codes(data):
        tags = random.choices(TAGS, k=random.choice((1, 2, 4)))
        random.choice(_codes(data))["metadata"] = {"tags": tags}


def other_order(random: Random, data: Json, corpus: list[Json]) -> None:
    """Cells in another order, twice, or of another notebook."""
    cells = _codes(data)
    other = _codes(random.choice(corpus))
    change = random.randrange(4)
    if change == 0:
        random.shuffle(cells)
    elif change == 1 and cells:
        cells += [json.loads(json.dumps(c)) for c in random.choices(cells, k=random.choice((1, 2, 10)))]
    elif change == 2 and other:
        cells.insert(random.randrange(len(cells) + 1), json.loads(json.dumps(random.choice(other))))
    elif cells:
        cells.pop(random.randrange(len(cells)))
    data["cells"] = cells


# ---------------------------------------------------------------- the code
def _source(random: Random, data: Json, change: Callable[[Random, str], str]) -> None:
    cells = [c for c in _codes(data) if isinstance(c.get("source"), (str, list))]
    if cells:
        chosen = random.choice(cells)
        source = chosen["source"]
        chosen["source"] = change(random, source if isinstance(source, str) else "".join(s for s in source if isinstance(s, str)))  # fmt: skip


def other_tokens(random: Random, data: Json, corpus: list[Json]) -> None:
    _source(random, data, spoilt)


def spoilt(random: Random, text: str) -> str:
    """Code with tokens put in, taken out or exchanged."""
    for _ in range(random.choice((1, 1, 2, 5))):
        at = random.randrange(len(text) + 1)
        end = min(len(text), at + random.choice((0, 0, 1, 4, 30)))
        text = text[:at] + random.choice((*TOKENS, "")) + text[end:]
    return text


def other_lines(random: Random, data: Json, corpus: list[Json]) -> None:
    def change(random: Random, text: str) -> str:
        lines = text.split("\n")
        at = random.randrange(len(lines) + 1)
        new = random.choice((*SNIPPETS, *PIPELINE, "%%component a --when 'n > 1' --cpu 2", "%%pipeline p(a: int = 1) --run", "%%parameters x"))  # fmt: skip
        indent = " " * random.choice((0, 0, 0, 4))
        lines[at : at + random.choice((0, 0, 1, 3))] = [indent + line for line in new.split("\n")]
        return "\n".join(lines)

    _source(random, data, change)


def other_tree(random: Random, data: Json, corpus: list[Json]) -> None:
    """Code whose syntax tree has pieces of another in it."""

    def change(random: Random, text: str) -> str:
        try:
            tree, other = ast.parse(text), ast.parse(random.choice((*SNIPPETS, *PIPELINE)))
        except (SyntaxError, ValueError):
            return spoilt(random, text)
        mine = [n for n in ast.walk(tree) if isinstance(n, (ast.expr, ast.stmt))]
        theirs = [n for n in ast.walk(other) if isinstance(n, (ast.expr, ast.stmt))] or mine
        if not mine:
            return text
        target = random.choice(mine)
        new = random.choice(theirs if random.random() < 0.5 else mine)
        if isinstance(target, ast.stmt) and isinstance(new, ast.expr):
            new = ast.Expr(new)
        _exchange(tree, target, new)
        try:
            return ast.unparse(tree)
        except Exception:  # a tree that no text has: RecursionError, where it holds itself
            return text

    _source(random, data, change)


def _exchange(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for node in ast.walk(tree):
        for name, value in ast.iter_fields(node):
            if value is old:
                setattr(node, name, new)
                return
            if isinstance(value, list) and any(v is old for v in value):
                value[[v is old for v in value].index(True)] = new
                return


OF_JSON = (
    odd_field, odd_metadata, odd_version, other_tags, other_tags, other_order, other_tokens, other_tokens, other_lines, other_lines, other_tree, other_tree,
)  # fmt: skip


# ---------------------------------------------------------------- lines of their own
def mark(random: Random) -> str:
    """A tag, spoilt or not."""
    tag = random.choice(TAGS)
    return tag if random.random() < 0.3 else spoilt(random, tag)


def component_line(random: Random) -> str:
    """A ``%%component`` line."""
    words = [mark(random).partition(":") for _ in range(random.randint(0, 3))]
    line = f"%%component {random.choice(('a', 'b', '', '1', 'ﬁ', '--'))} " + " ".join(f"--{w} {v!r}" for w, _, v in words)  # fmt: skip
    return line if random.random() < 0.5 else spoilt(random, line)


def pipeline_cell(random: Random) -> str:
    """A ``%%pipeline`` cell of lines that may nest."""
    head = random.choice(("p", "p(x: int = 1)", "p(", "", "p --param 'a: int = [-True]'", "p(a=1, a=2)", "p --description \ud800", "p(*a)", "p(x: list[int] = (1,))"))  # fmt: skip
    lines: list[str] = []
    indent = ""
    for _ in range(random.randint(1, 6)):
        body = random.choice(PIPELINE)
        lines += [indent + line for line in body.split("\n")]
        if random.random() < 0.3:
            lines.append(indent + random.choice(("if x:", "for i in x:", "try:", "else:", "finally:", "elif x > 1:")))
            indent += "    "
    text = "\n".join([f"%%pipeline {head}", *lines])
    return text if random.random() < 0.6 else spoilt(random, text)


def settings(random: Random) -> bytes:
    """A ``kfnb.toml``."""
    text = random.choice(SETTINGS)
    for _ in range(random.choice((1, 2, 4))):
        lines = text.split("\n")
        at = random.randrange(len(lines))
        key = random.choice(("engine", "values", "image", "packages", "env", "namespace", "verify", "server", "host", "labels", "targets", "x"))  # fmt: skip
        value = random.choice(('"argo"', '"kfp"', "[]", "{}", "1", "true", '["a", 1]', "1979-05-27", '{a = "b"}', "inf", '""', '"volume:"', "[[1]]"))  # fmt: skip
        lines[at : at + random.choice((0, 1))] = [f"{key} = {value}"] if random.random() < 0.7 else [spoilt(random, lines[at])]  # fmt: skip
        text = "\n".join(lines)
    return text.encode("utf-8", "surrogatepass")
