"""Statements that a later step can replay: imports, and settings of libraries."""

from __future__ import annotations

import ast
import sys

from kfnb.analysis.effects.effect_types import Frame
from kfnb.analysis.effects.library_call_reach import place_of
from kfnb.analysis.files.magic_effects import MagicCall, magic_call, names_in_magic
from kfnb.analysis.libraries import effect_tables
from kfnb.analysis.libraries.ambient_state_calls import GENERATORS, setting_of
from kfnb.analysis.syntax.ast_queries import dotted, is_literal, names_in, root, source_of, targets
from kfnb.analysis.unit_facts import Replay, Site
from kfnb.analysis.units.abstract_state import IMPORT, AbstractState
from kfnb.analysis.units.unit_record import PREDEFINED
from kfnb.runtime.magics.magic_table import SET_UP
from kfnb.runtime.magics.variable_expansion import expressions

#: Methods of the IPython shell that register something for the rest of the session.
REGISTERING = frozenset(("register_magics", "register_magic_function"))


def replay_of(node: ast.stmt, code: str, site: Site, frame: Frame) -> Replay | None:
    """The replay of a top-level statement in later steps; ``None`` if later steps do not run it again.

    Definitions and values are not replayed, because they travel.
    """
    if imports_only(node):
        binds = frozenset(import_names(node))
        star = any(isinstance(n, ast.ImportFrom) and n.names[0].name == "*" for n in ast.walk(node))
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        effect = star or future or not binds or _has_import_effect(node)
        return Replay(site, source_of(node, code), binds, frozenset(names_in(node)) - binds, effect, star)
    if _is_setting(node, frame):
        world = frame.world
        reads = frozenset(n for n in names_in(node) if n not in PREDEFINED or n in world.known)
        magic = magic_call(node.value, world.made_by) if isinstance(node, ast.Expr) else None
        reads |= names_in_magic(magic, world.known) if magic is not None else frozenset()
        return Replay(site, source_of(node, code), frozenset(), reads, effect=True)
    return None


def is_conditional(node: ast.stmt, frame: Frame) -> bool:
    """Whether a setting applies only if its step has run. So it is for ambient state and for changes of a library."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        name = dotted(node.value.func, frame.origin)
        return name is not None and setting_of(name) is not None or _sets_environment(node.value, frame.world)
    return isinstance(node, ast.Assign)


def _sets_environment(node: ast.expr, world: AbstractState) -> bool:
    magic = magic_call(node, world.made_by)
    return magic is not None and magic.name in ("env", "set_env")


def _is_setting(node: ast.stmt, frame: Frame) -> bool:
    """Whether a statement only changes a setting of a library, and uses nothing but imports and literals."""
    world = frame.world
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        call = node.value
        if isinstance(call.func, ast.Attribute) and call.func.attr in REGISTERING:
            return True
        magic = magic_call(call, world.made_by)
        if magic is not None or root(call.func) == "get_ipython":
            return magic is not None and _sets_up(magic)
        name = dotted(call.func, world.origin)
        if name is None:
            return False
        # A folder may have to be created first, so the working folder travels as state from step to step.
        tells = setting_of(name) not in (None, "@cwd", *GENERATORS) and name not in effect_tables.READING
        return (name in effect_tables.SETUP_CALLS or tells) and _plain(node, world)
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
        if not isinstance(target, (ast.Attribute, ast.Subscript)):
            return False
        return place_of(target, frame) is not None and _plain(node, world)
    return False


def _plain(node: ast.stmt, world: AbstractState) -> bool:
    """Whether a statement uses only imports, builtins and literals."""
    return all(world.kinds.get(n) == IMPORT or (n in PREDEFINED and n not in world.known) for n in names_in(node))


def _sets_up(magic: MagicCall) -> bool:
    """Whether later steps can run a magic again. An environment variable with a computed value travels instead."""
    if magic.name in ("env", "set_env") and expressions(magic.line):
        return False
    if magic.name in ("load_ext", "reload_ext") and magic.line.split()[:1] == ["kfnb"]:
        return False  # kfnb's own magics belong to the live kernel, and a step may run without kfnb
    return magic.body is None and magic.name in SET_UP


def imports_only(node: ast.stmt) -> bool:
    """Whether a statement is an import, or a ``try`` around imports and literals only."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return True
    if isinstance(node, ast.Try):
        bodies = [node.body, node.orelse, node.finalbody, *(h.body for h in node.handlers)]
        return any(isinstance(n, (ast.Import, ast.ImportFrom)) for n in node.body) and all(
            _harmless(n) for b in bodies for n in b
        )
    return False


def _harmless(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign):
        return is_literal(node.value) and all(isinstance(t, ast.Name) for t in node.targets)
    if isinstance(node, ast.Expr):
        call = node.value
        return (
            isinstance(call, ast.Constant)
            or isinstance(call, ast.Call)
            and getattr(call.func, "id", "") == "print"
            and all(is_literal(a) for a in call.args)
        )
    return isinstance(node, ast.Pass) or imports_only(node)


def import_names(node: ast.AST) -> list[str]:
    """Names that the imports in a statement bind, and its literal fallbacks."""
    names: list[str] = []
    for part in ast.walk(node):
        if isinstance(part, (ast.Import, ast.ImportFrom)) and getattr(part, "module", "") != "__future__":
            names += [a.asname or a.name.split(".")[0] for a in part.names if a.name != "*"]
        elif isinstance(part, ast.Assign) and isinstance(node, ast.Try):
            names += [n for t in part.targets for n in targets(t)]
    return names


def _has_import_effect(node: ast.AST) -> bool:
    """Whether an import may have an effect of its own, so that it matters even if no code reads the name."""
    modules = []
    for part in ast.walk(node):
        if isinstance(part, ast.Import):
            modules += [a.name for a in part.names]
        elif isinstance(part, ast.ImportFrom):
            modules += [f"{part.module or ''}.{a.name}" for a in part.names]
    for name in modules:
        first = name.split(".")[0]
        quiet = first in effect_tables.IMPORTS_WITHOUT_EFFECT or first in sys.stdlib_module_names
        if not quiet or any(word in name for word in effect_tables.SUBMODULES_WITH_IMPORT_EFFECT):
            return True
    return False
