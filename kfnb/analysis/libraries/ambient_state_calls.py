"""Calls that set or use ambient state: random generators, environment variables, options of libraries."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator

from kfnb.analysis.effects.effect_types import Frame
from kfnb.analysis.effects.library_call_reach import place_of
from kfnb.analysis.libraries import effect_tables
from kfnb.analysis.libraries.random_draw_tables import SEED_ALL
from kfnb.analysis.libraries.random_draws import Maker, Origin, draws

#: Kinds of ambient state that setting replaces as a whole. Setting another kind keeps the rest of its state.
GENERATORS = frozenset(("@random", "@numpy.random", "@torch.random", "@tensorflow.random"))


@functools.lru_cache(maxsize=4096)
def setting_of(name: str) -> str | None:
    """The kind of ambient state that calling or assigning the library's ``name`` sets."""
    if name in effect_tables.AMBIENT_WRITES:
        return effect_tables.AMBIENT_WRITES[name]
    while "." in name:
        name = name.rpartition(".")[0]
        if f"{name}.*" in effect_tables.AMBIENT_WRITES:
            return effect_tables.AMBIENT_WRITES[f"{name}.*"]
    return None


def ambient_of(node: ast.expr, frame: Frame) -> str | None:
    """The kind of ambient state that assigning to ``node`` sets."""
    name = place_of(node, frame) if isinstance(node, (ast.Attribute, ast.Subscript)) else None
    return setting_of(name) if name else None


def ambient_of_call(
    node: ast.Call,
    place: str | None,
    library: str | None,
    origin: Origin,
    made_by: Maker,
    value: bool = False,
    own_method: bool = False,
) -> Iterator[tuple[str, str]]:
    """The kinds of ambient state that a call sets or draws from, each with ``set`` or ``draw``.

    ``place`` is the library's object that is called, ``library`` the library's function; the others are those of `draws`.
    """
    if place is not None:
        for kind in SEED_ALL.get(place, ()):
            yield kind, "set"
        setting = setting_of(place)
        if setting is not None or place in SEED_ALL:
            if setting is not None and place not in effect_tables.READING:
                yield setting, "set"
            return
    for kind in draws(node, library, origin, made_by, value, own_method):
        yield kind, "draw"
