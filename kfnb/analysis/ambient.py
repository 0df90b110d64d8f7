"""Ambient state: generators, environment, options. Which expressions set it, which draw from it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from kfnb.analysis import tables
from kfnb.analysis.drawing import Maker, Origin, draws
from kfnb.analysis.drawtables import SEED_ALL
from kfnb.analysis.trees import dotted

#: Kinds whose state is all replaced by setting it; others keep what was there before.
GENERATORS = frozenset(("@random", "@numpy.random", "@torch.random", "@tensorflow.random"))


def setting_of(name: str) -> str | None:
    """The ambient kind that calling or assigning the library name ``name`` sets."""
    if name in tables.AMBIENT_WRITES:
        return tables.AMBIENT_WRITES[name]
    while "." in name:
        name = name.rpartition(".")[0]
        if f"{name}.*" in tables.AMBIENT_WRITES:
            return tables.AMBIENT_WRITES[f"{name}.*"]
    return None


def ambient_of(node: ast.expr, origin: Callable[[str], str | None]) -> str | None:
    """The kind that assigning to ``node`` sets."""
    if isinstance(node, (ast.Attribute, ast.Subscript)):
        name = dotted(node, origin)
        return (
            setting_of(f"{name}.item")
            if name and isinstance(node, ast.Subscript)
            else setting_of(name)
            if name
            else None
        )
    return None


def ambient_of_call(
    node: ast.Call, name: str | None, origin: Origin, made_by: Maker, value: bool = False, own_method: bool = False
) -> Iterator[tuple[str, str]]:
    """The kinds that a call of the library's ``name`` sets or draws from, with ``set`` or ``draw``; see `draws`."""
    if name is not None:
        for kind in SEED_ALL.get(name, ()):
            yield kind, "set"
        setting = setting_of(name)
        if setting is not None or name in SEED_ALL:
            if setting is not None and name not in tables.READING:
                yield setting, "set"
            return
    for kind in draws(node, name, origin, made_by, value, own_method):
        yield kind, "draw"
