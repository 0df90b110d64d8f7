"""Tells method calls that configure an object, and can run again with shared code, from calls that act once."""

from __future__ import annotations

import ast
import re

from kfnb.analysis.libraries import pure_calls
from kfnb.analysis.libraries.effect_tables import word_set

#: Methods that reach out of the process or may take long, so that they must run once.
OUTWARD = word_set("""
    execute executemany executescript commit rollback send sendall sendall post request put_object connect login logout open close flush
    recv acquire release join kill terminate wait sleep invoke ingest migrate sync crawl scrape plot show display print summary
""")
#: Beginnings of the names of further methods of this kind.
OUTWARD_START = re.compile(
    r"(?:upload|download|save|load|send|fetch|request|run|train|fit|predict|transform|delete|create|start|stop|write|read|dump|export|import|"
    r"publish|push|pull|submit|process|generate|build|compute|init_db|print|display|show|plot|log|track|record|notify|query|scan|test)(?:_|$)"
)
#: Exceptions: these methods only configure the object.
CONFIGURING = word_set("read_string read_dict create_function create_aggregate create_collation log_level")
#: Beginnings of the names of methods that only return something.
ASKING = re.compile(
    r"(?:get|list|describe|is|has|to|count|num|len|info|head|tail|help|repr|find|search|check|validate|show|print|display)(?:_|$)"
)


def configures(method: str) -> bool:
    """Whether a method of an unknown object can be called again on another copy of the object."""
    if method in CONFIGURING:
        return True
    return not (
        method in OUTWARD
        or method in pure_calls.RUNNING
        or method in pure_calls.SLOW_METHODS
        or method.startswith("_")
        or OUTWARD_START.match(method)
    )


def acts_alone(node: ast.stmt) -> bool:
    """Whether a statement is a method call without a use of its result, under a name that suggests a change."""
    call = node.value if isinstance(node, ast.Expr) else None
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and not ASKING.match(call.func.attr)


def receiver_of(call: ast.Call) -> str | None:
    """The name of the object whose method is called, through attributes and items with literal keys."""
    node: ast.expr = call.func
    if not isinstance(node, ast.Attribute):
        return None
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Constant):
            return None
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def makes_folders(body: list[ast.stmt], guarded: bool) -> bool:
    """Whether statements only create folders that may exist; ``guarded`` says that a test around them checks for that."""
    for node in body:
        call = node.value if isinstance(node, ast.Expr) else None
        if (
            not isinstance(call, ast.Call)
            or not isinstance(call.func, ast.Attribute)
            or call.func.attr not in ("mkdir", "makedirs")
        ):
            return False
        if not guarded and not any(k.arg == "exist_ok" for k in call.keywords):
            return False
    return bool(body)
