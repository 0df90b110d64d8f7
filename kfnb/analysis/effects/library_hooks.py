"""Library hooks: objects that a cell hands to a library, which calls them or writes to them later.

From then on any code may change the notebook's objects through the library without naming them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import NamedTuple

from kfnb.analysis.effects.definition_effects import Effects
from kfnb.analysis.effects.effect_types import Effect
from kfnb.analysis.effects.library_call_reach import LIBRARY, place_of
from kfnb.analysis.libraries.ambient_state_calls import setting_of
from kfnb.analysis.libraries.effect_tables import word_set
from kfnb.analysis.syntax.ast_queries import dotted, root
from kfnb.analysis.unit_facts import Hook, Site
from kfnb.analysis.units.abstract_state import VALUE

#: Objects that code writes to without naming them, since ``print`` and the like use them.
STREAMS = word_set("sys.stdout sys.stderr")
#: Last words of calls that receive a stream, or an object that writes to one, for logging.
STREAM_CALLS = word_set("addHandler basicConfig")
#: Context managers that change something of the process while they are entered, with the place that they change.
CONTEXTS = {
    "contextlib.redirect_stdout": "sys.stdout", "contextlib.redirect_stderr": "sys.stderr", "contextlib.chdir": "os.chdir",
    "warnings.catch_warnings": "warnings.filterwarnings", "decimal.localcontext": "decimal.setcontext", "numpy.errstate": "numpy.seterr",
    "numpy.printoptions": "numpy.set_printoptions", "pandas.option_context": "pandas.set_option", "torch.no_grad": "torch.set_grad_enabled",
    "torch.inference_mode": "torch.set_grad_enabled", "matplotlib.pyplot.rc_context": "matplotlib.rc",
}  # fmt: skip
#: Last words of calls that add a hook and keep the earlier ones.
ADDING = word_set("addHandler addFilter register append insert")


def hook_of(place: str, values: Iterable[ast.expr], site: Site, effects: Effects) -> Hook:
    """The hook that exists once the library's ``place`` has received ``values``.

    It has no names if the library cannot change the notebook's values through it.
    """
    world = effects.world
    changed: set[str] = set()
    written: set[str] = set()
    is_stream = place in STREAMS or place.rpartition(".")[2] in STREAM_CALLS
    for value in values:
        for function in effects.callables_in(value):
            summary = effects.summary(function)
            changed |= {*summary.mutations, *summary.writes}
        if isinstance(value, ast.Attribute) and place_of(value, effects.top) is None:
            written |= effects.roots(value.value, effects.top) if _changes_itself(value, effects) else set()
        if is_stream and place_of(value, effects.top) is None:
            written |= {n for r in effects.roots(value, effects.top) for n in world.group(r)}
    known = {n for n in changed | written if world.kinds.get(n) == VALUE and n not in world.places}
    return Hook(site, frozenset(known & changed), frozenset(known & written))


class EnteredContext(NamedTuple):
    """A context manager that a call enters or leaves without ``with``: the place that it changes, and the new values."""

    place: str
    values: list[ast.expr]


def entered_context(node: ast.Call, effects: Effects, effect: Effect) -> EnteredContext | None:
    """The context manager that a call enters or leaves without ``with``. Adds to ``effect`` what it sets."""
    if not isinstance(node.func, ast.Attribute) or node.func.attr not in ("__enter__", "__exit__", "enter_context"):
        return None
    entering = node.func.attr != "__exit__"
    manager = node.args[0] if node.func.attr == "enter_context" and node.args else node.func.value
    if isinstance(manager, ast.Call):
        maker = dotted(manager.func, effects.world.origin) or ""
        values = [*manager.args, *(k.value for k in manager.keywords)]
    else:
        maker, values = effects.world.made_by.get(root(manager) or "", ""), [manager]
    place = CONTEXTS.get(maker)
    if place is None:
        return None
    setting = setting_of(place)
    if setting is not None:
        effect.ambient[setting] = "set"
        return None
    effect.add_reach(place, LIBRARY)
    return EnteredContext(place, values if entering else [])


def _changes_itself(method: ast.Attribute, effects: Effects) -> bool:
    """Whether a method of an object of the notebook changes that object."""
    methods = [c.methods[method.attr] for c in effects.world.callables(root(method) or "") if method.attr in c.methods]
    return any(f"<{f.params[0]}>" in effects.summary(f).mutations for f in methods if f.params)


def hook_key(place: str, node: ast.Call | None) -> str:
    """The key under which a later hook replaces an earlier one. A signal's number is part of it."""
    if node is None:
        return place
    if place.rpartition(".")[2] in ADDING:
        return f"{place}:{node.lineno}:{node.col_offset}"
    return f"{place}:{ast.unparse(node.args[0])}" if len(node.args) > 1 else place
