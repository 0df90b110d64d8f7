"""Ambient state: generators, environment, options. Which expressions set it, which draw from it."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from kfnb.analysis import tables
from kfnb.analysis.frames import Frame
from kfnb.analysis.reach import place_of
from kfnb.analysis.trees import root

#: Kinds whose state is all replaced by setting it; others keep what was there before.
GENERATORS = frozenset(("@random", "@numpy.random", "@torch.random"))


def setting_of(name: str) -> str | None:
    """The ambient kind that calling or assigning the library name ``name`` sets."""
    if name in tables.AMBIENT_WRITES:
        return tables.AMBIENT_WRITES[name]
    while "." in name:
        name = name.rpartition(".")[0]
        if f"{name}.*" in tables.AMBIENT_WRITES:
            return tables.AMBIENT_WRITES[f"{name}.*"]
    return None


def ambient_of(node: ast.expr, frame: Frame) -> str | None:
    """The kind that assigning to ``node`` sets."""
    name = place_of(node, frame) if isinstance(node, (ast.Attribute, ast.Subscript)) else None
    return setting_of(name) if name else None


def ambient_of_call(node: ast.Call, name: str | None, made_by: Mapping[str, str]) -> str | None:
    """The kind that a call of the library's ``name`` sets (``"=@kind"``) or draws from (``"@kind"``)."""
    seeded = any(k.arg in tables.SEED_KEYWORDS and not _none(k.value) for k in node.keywords)
    if name is None:
        return _of_method(node, made_by, seeded)
    kind = setting_of(name)
    if kind is not None:
        return None if name in tables.READING else f"={kind}"
    library, _, last = name.rpartition(".")
    if library in ("random", "numpy.random"):
        return None if last in tables.RANDOM_OWN else f"@{library}"
    first = name.partition(".")[0]
    if first == "torch":
        draws = last.startswith("rand") or last in (
            "normal",
            "bernoulli",
            "multinomial",
            "poisson",
            "dropout",
            "shuffle",
        )
        layer = library.startswith("torch.nn") and last[:1].isupper() or last in ("DataLoader", "random_split")
        return "@torch.random" if draws or layer else None
    if first in tables.DRAWING_LIBRARIES and not seeded and not name.startswith(tables.STEADY_PREFIXES):
        return None if last[:1].isupper() else "@numpy.random"
    return None


def _of_method(node: ast.Call, made_by: Mapping[str, str], seeded: bool) -> str | None:
    if not isinstance(node.func, ast.Attribute) or node.func.attr not in tables.DRAWING_METHODS or seeded:
        return None
    maker = made_by.get(root(node.func.value) or "", "")
    own = maker.endswith("(seeded)") or maker.startswith((*tables.STEADY_PREFIXES, *tables.STATEFUL_MAKERS))
    return None if own or (maker == "" and node.func.attr.startswith("fit")) else "@numpy.random"


def _none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
