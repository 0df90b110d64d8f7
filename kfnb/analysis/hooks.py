"""What a library is handed to call or to write to later: streams, handlers, functions that stand in for its own.

From then on any code may change the notebook's objects through it, without naming them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from kfnb.analysis.effects import Effects
from kfnb.analysis.facts import Hook, Site
from kfnb.analysis.reach import place_of
from kfnb.analysis.tables import words
from kfnb.analysis.world import VALUE

#: Places whose objects are written to by code that does not name them.
STREAMS = words("sys.stdout sys.stderr")
#: Calls that hand a stream, or what writes to one, to those who print or log; last words of their names.
STREAM_CALLS = words("addHandler basicConfig")
#: Last words of calls that take something back, or add to what was handed over before.
TAKING_BACK = words("removeHandler removeFilter unregister")
ADDING = words("addHandler addFilter register append insert")


def hook_of(place: str, values: Iterable[ast.expr], site: Site, effects: Effects) -> Hook:
    """The hook that handing ``values`` to ``place`` makes; one without names where the notebook is not reached."""
    world = effects.world
    changed: set[str] = set()
    held: set[str] = set()
    writes = place in STREAMS or place.rpartition(".")[2] in STREAM_CALLS
    for value in values:
        for function in effects.held(value):
            summary = effects.summary(function)
            changed |= {*summary.touches, *summary.writes}
        if writes and place_of(value, effects.top) is None:
            held |= {n for r in effects.roots(value, effects.top) for n in world.group(r)}
    known = {n for n in changed | held if world.kinds.get(n) == VALUE and n not in world.places}
    return Hook(site, frozenset(known & changed), frozenset(known & held))


def hook_key(place: str, node: ast.Call | None) -> str:
    """Under which key a later hook takes the place of an earlier one: a signal's number belongs to it."""
    if node is None:
        return place
    if place.rpartition(".")[2] in ADDING:
        return f"{place}:{node.lineno}:{node.col_offset}"
    return f"{place}:{ast.unparse(node.args[0])}" if len(node.args) > 1 else place
