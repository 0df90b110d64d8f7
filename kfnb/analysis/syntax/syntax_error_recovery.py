"""Recovers the names that a cell with a syntax error would bind, so that the error is one problem, not one for each name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kfnb.analysis.syntax.scopes import bindings
from kfnb.thread_safe_parser import parse

#: A line without indentation that continues the statement before it.
GOES_ON = re.compile(r"(else|elif|except|finally)\b|[)\]}]")
DEFINED = re.compile(r"\s*(?:async\s+)?(?:def|class)\s+(\w+)")
IMPORTED = re.compile(r"\s*(?:from\s+[\w.]+\s+)?import\s+([\w\s.,*()]+)")
ASSIGNED = re.compile(r"\s*([A-Za-z_][\w\s,*()]*?)\s*(?::[^=]*)?[-+*/%&|^@]?=(?!=)")
LOOPED = re.compile(r"\bfor\s+([\w\s,()]+?)\s+in\b")
NAMED = re.compile(r"\bas\s+(\w+)|\b(\w+)\s*:=")
WORD = re.compile(r"[A-Za-z_]\w*")
WORDS = frozenset("as import from for in if else and or not None True False lambda def class return del global".split())


def recovered(code: str) -> ast.Module:
    """The statements of ``code`` that can be parsed, and an assignment for each name that the others seem to bind."""
    body: list[ast.stmt] = []
    for first, chunk in _chunks(code):
        body += _parsed(chunk, first) or [_assignment(n, first + at) for at, n in _names(chunk)]
    return ast.Module(body, [])


def names_only(tree: ast.Module) -> ast.Module:
    """An assignment for each name that ``tree`` binds, in place of a cell that a kernel cannot run."""
    return ast.Module([_assignment(name, 0) for name in sorted(bindings(tree.body)[0])], [])


def _chunks(code: str) -> Iterator[tuple[int, str]]:
    """The pieces of code that begin without indentation, each with its first line, counted from 0."""
    lines = code.split("\n")
    starts = [n for n, line in enumerate(lines) if line.strip() and not line[0].isspace() and not GOES_ON.match(line)]
    starts = [n for n in starts if not any(p in starts and lines[p].startswith("@") for p in (n - 1,))]
    for number, start in enumerate(starts):
        end = starts[number + 1] if number + 1 < len(starts) else len(lines)
        yield start, "\n".join(lines[start:end])


def _parsed(chunk: str, first: int) -> list[ast.stmt] | None:
    try:
        tree = parse(chunk)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    ast.increment_lineno(tree, first)
    return tree.body


def _names(chunk: str) -> Iterator[tuple[int, str]]:
    for at, line in enumerate(chunk.split("\n")):
        names: list[str] = []
        for pattern in (DEFINED, ASSIGNED):
            match = pattern.match(line)
            names += WORD.findall(match.group(1)) if match else []
        imported = IMPORTED.match(line)
        if imported:
            parts = [p.strip(" ()") for p in imported.group(1).split(",")]
            names += [re.split(r"\s+as\s+", p)[-1].split(".")[0] for p in parts]
        names += [w for m in LOOPED.finditer(line) for w in WORD.findall(m.group(1))]
        names += [m.group(1) or m.group(2) for m in NAMED.finditer(line)]
        yield from ((at, name) for name in dict.fromkeys(names) if WORD.fullmatch(name) and name not in WORDS)


def _assignment(name: str, line: int) -> ast.stmt:
    node = ast.Assign([ast.Name(name, ast.Store())], ast.Constant(None))
    for part in ast.walk(node):
        if isinstance(part, (ast.expr, ast.stmt)):
            part.lineno = part.end_lineno = line + 1
            part.col_offset = part.end_col_offset = 0
    return node
