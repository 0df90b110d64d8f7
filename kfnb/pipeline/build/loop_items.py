"""The variable of a loop over objects: each iteration takes its item out of the collection, by its number."""

from __future__ import annotations

import re

from kfnb.pipeline.model import Code, Input, ItemRef, Replay, Step

INDEX, ITEMS = "_kfnb_index", "_kfnb_items"  #: the number, and a collection that has no name of its own
_TAKEN = re.compile(r"(\w+) = (?:\[\*(\w+)\]|(\w+))\[(_kfnb_(?:index|item_\d+))\]")


def take_item(loop: str, variable: str, collection: str, cell: int, line: int) -> tuple[Input | Replay, ...]:
    """What a step inside ``loop`` does first: ``variable`` is bound; ``collection`` is an expression."""
    return Input(INDEX, ItemRef(loop)), Replay(Code(cell, f"{variable} = {collection}[{INDEX}]", line))


def taken_items(step: Step) -> dict[str, tuple[str, str]]:
    """The names that a step binds so, here or in a ``%%pipeline`` cell: the inputs that each is taken from, and its number."""
    found = (_TAKEN.fullmatch(p.code.source) for p in step.prepare if isinstance(p, Replay))
    return {m[1]: (m[2] or m[3], m[4]) for m in found if m is not None}
