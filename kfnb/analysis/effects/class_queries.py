"""Queries about a class of the notebook: which methods run when it is created, and which attributes its objects share."""

from __future__ import annotations

import ast

from kfnb.analysis.libraries.effect_tables import CHANGING_FUNCTIONS, MUTATORS
from kfnb.analysis.syntax.code_block import CodeBlock

METACLASSES = frozenset(("type", "ABCMeta", "EnumMeta", "EnumType"))


def class_creation_methods(cls: CodeBlock, metaclass: bool) -> frozenset[str]:
    """Methods of ``cls`` that run when a class is derived from it, or when it creates a class as its metaclass."""
    if metaclass or METACLASSES & set(cls.bases):
        return frozenset(("__prepare__", "__new__", "__init__"))
    return frozenset(("__init_subclass__",))


def changes_shared_attribute(cls: CodeBlock) -> bool:
    """Whether a method changes a list, dict or other collection of the class's body, which all instances share."""
    if not cls.shared_objects:
        return False
    for method in cls.methods.values():
        me = method.params[0] if method.params else ""
        changed = [t.value for t in method.stores if isinstance(t, (ast.Attribute, ast.Subscript))]
        changed += [c.func.value for c in method.calls if isinstance(c.func, ast.Attribute) and c.func.attr in MUTATORS]
        changed += [c.args[0] for c in method.calls if c.args and _name(c.func) in CHANGING_FUNCTIONS]
        if any(_attribute(part, me) in shared_attributes(cls) for part in changed):
            return True
    return False


def shared_attributes(cls: CodeBlock) -> frozenset[str]:
    """Attributes that the class's body binds to a collection and that no method binds again on an instance."""
    return cls.shared_objects - _instance_attributes(cls) if cls.shared_objects else cls.shared_objects


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _instance_attributes(cls: CodeBlock) -> set[str]:
    """Attributes that a method sets on its instance."""
    return {
        t.attr
        for m in cls.methods.values()
        for t in m.stores
        if isinstance(t, ast.Attribute) and isinstance(t.value, ast.Name) and t.value.id == (m.params or ("",))[0]
    }


def _attribute(node: ast.expr, me: str) -> str | None:
    """The attribute of the instance that an expression begins with: ``"seen"`` for ``self.seen`` and ``self.seen[k].x``."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        inner = node.func if isinstance(node, ast.Call) else node.value
        if isinstance(node, ast.Attribute) and isinstance(inner, ast.Name):
            return node.attr if inner.id == me else None
        node = inner
    return None
