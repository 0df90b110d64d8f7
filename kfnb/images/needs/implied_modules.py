"""The modules that libraries import when code uses something of them, by the tables of `library_needs`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from kfnb.images.needs import library_needs as table
from kfnb.images.needs.step_imports import imports_of, nodes_of

SCHEME = re.compile(r"([a-z][a-z0-9_+]*)://")
ARROW = "[pyarrow]"  #: in the name of a data type


@dataclass(frozen=True, order=True)
class Need:
    """A need as in the tables, and the code that has it, as a user reads it."""

    modules: str
    why: str


def implied_needs(sources: Iterable[str], libraries: set[str]) -> set[Need]:
    """What the code in ``sources`` needs besides its imports.

    Parameters
    ----------
    libraries
        The top-level names of the modules that the whole pipeline imports.
    """
    texts = list(sources)
    names = tuple({name: full for text in texts for name, full in imports_of(text).names}.items())
    known = frozenset(libraries)
    return {need for text in texts for need in _needs_of(text, names, known)}


@lru_cache(maxsize=2048)  # code that steps share mostly has the same names around it
def _needs_of(source: str, names: tuple[tuple[str, str], ...], libraries: frozenset[str]) -> frozenset[Need]:
    bound = dict(names)
    found = (item for node in nodes_of(source) for item in _needs(node, bound, libraries))
    return frozenset(Need(need, why) for need, why in found if need)


def _needs(node: ast.AST, names: Mapping[str, str], libraries: frozenset[str]) -> Iterator[tuple[str, str]]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from _imported(node)
    elif isinstance(node, ast.Call):
        yield from _called(node, names, libraries)
    elif isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
        yield from _read(node, names, libraries)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield from _text(node.value, libraries)


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    full = [a.name for a in node.names]
    if isinstance(node, ast.ImportFrom):
        full = [node.module or "", *(f"{node.module}.{n}" for n in full)] if not node.level else []
    for name in full:
        if name in table.IMPORTS:
            yield table.IMPORTS[name], f"import {name}"


def _called(node: ast.Call, names: Mapping[str, str], libraries: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Needs of a call with certain keywords."""
    keywords = {k.arg: k.value for k in node.keywords if k.arg is not None and not _is_off(k.value)}
    short = _last(node.func)
    for position, argument in enumerate(node.args):
        keyword = table.POSITIONAL.get((short, position))
        if keyword is not None:
            keywords.setdefault(keyword, argument)
    full = _full_name(node.func, names)
    for library in libraries & table.CALLS.keys() if full is None else {full.partition(".")[0]} & table.CALLS.keys():
        for pattern, need in table.CALLS[library].items():
            name, _, keyword = pattern.partition(" ")
            if keyword in keywords and (fnmatchcase(short, name) if full is None else _ends_with(full, name)):
                yield need, f"{short}({keyword}=…)"
    for keyword, argument in keywords.items():
        values = table.KEYWORDS.get(keyword, {})
        value = argument.value if isinstance(argument, ast.Constant) else None
        if isinstance(value, str):
            yield values.get(value, values.get("*", "")), f"{short}({keyword}={value!r})"


def _read(
    node: ast.Name | ast.Attribute, names: Mapping[str, str], libraries: frozenset[str]
) -> Iterator[tuple[str, str]]:
    """Needs of functions, classes, methods and attributes."""
    full = _full_name(node, names)
    if full is not None:
        library = full.partition(".")[0]
        for pattern, need in table.CALLS.get(library, {}).items():
            if " " not in pattern and "." in full and _ends_with(full, pattern):
                yield need, full.rpartition(".")[2]
    elif isinstance(node, ast.Attribute):
        for library, need in table.METHODS.get(node.attr, {}).items():
            if library.partition(".")[0] in libraries:
                yield need, f".{node.attr}"


def _text(text: str, libraries: frozenset[str]) -> Iterator[tuple[str, str]]:
    scheme = SCHEME.match(text)
    if scheme is not None:
        yield table.SCHEMES.get(scheme[1], ""), scheme[0]
    if ARROW in text:
        yield "pyarrow", text
    if "pandas" in libraries and len(text) < 200:
        for suffix, need in table.SUFFIXES.items():
            if text.endswith(suffix):
                yield need, text


def _is_off(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value in (None, False)


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _full_name(node: ast.expr, names: Mapping[str, str]) -> str | None:
    """The full name of something of a library. ``None`` for what comes from elsewhere, such as a method of a value."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return None
    return ".".join([names[node.id], *reversed(parts)])


def _ends_with(full: str, pattern: str) -> bool:
    """Whether the last parts of a full name match a pattern, which may have dots."""
    count = pattern.count(".") + 1
    return fnmatchcase(".".join(full.split(".")[1:][-count:]), pattern)
