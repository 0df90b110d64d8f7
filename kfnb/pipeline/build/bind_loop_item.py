"""Binds the variable of a loop over objects: each iteration takes its item from the collection by index."""

from __future__ import annotations

import re

from kfnb.pipeline.model import Code, Input, ItemRef, Replay, Step

INDEX, ITEMS = "_kfnb_index", "_kfnb_items"  #: the index of the item, and a collection without a name
_TAKEN = re.compile(r"(\w+) = (?:\[\*(\w+)\]|(\w+))\[(_kfnb_(?:index|item_\d+))\]")


def take_item(loop: str, variable: str, collection: str, cell: int, line: int) -> tuple[Input | Replay, ...]:
    """What a step inside ``loop`` does first: bind ``variable`` to an item of the expression ``collection``."""
    return Input(INDEX, ItemRef(loop)), Replay(Code(cell, f"{variable} = {collection}[{INDEX}]", line))


def taken_items(step: Step) -> dict[str, tuple[str, str]]:
    """The loop variables of a step: for each, the inputs that hold the collection and the index."""
    matches = (_TAKEN.fullmatch(p.code.source) for p in step.prepare if isinstance(p, Replay))
    return {m[1]: (m[2] or m[3], m[4]) for m in matches if m is not None}
