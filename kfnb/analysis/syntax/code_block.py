"""`CodeBlock`: the names, calls and assignments of a function, lambda, class or comprehension of the notebook."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field


@dataclass(eq=False)
class CodeBlock:
    """What a function, lambda or class needs from the notebook's names when it is used.

    Parameters
    ----------
    reads, writes, deletes
        Global names, with the line of the first mention.
    params
        Parameter names in order; those before ``keyword_only`` take positional arguments.
    stores
        Attribute and subscript targets, augmented assignments included: what is changed in place.
    calls
        Every call in the body.
    sources
        Local name to the expressions it may be bound to: for telling whose object a local name is.
    returns
        Returned and yielded expressions.
    makes
        Whether the body makes functions or classes.
    methods
        For a class: its functions by name.
    kept
        Parameters whose default is one object for all calls, such as ``seen=[]``; a class's attributes that all its
        objects share.
    constants
        Literals in the body.
    defaults
        What a parameter is when a call does not hand it over.
    late
        For code that runs at once: names read only by the functions that it makes.
    inner, inner_params
        Names, and of these the parameters, that belong to functions made in the body.
    closed
        Names of the body that such functions change: what they keep from one call to the next.
    scoped
        Of `calls`, those that a ``with`` takes back at its end.
    decorators
        Decorators in the body, each called with what it decorates.
    attributes
        For a class: what its body binds by a call, such as ``x = Field()``.
    mentions
        Every name in the text, its own ones too: the summary depends on no other names of the notebook.
    """

    kind: str
    name: str
    line: int
    reads: dict[str, int] = field(default_factory=dict)
    writes: dict[str, int] = field(default_factory=dict)
    deletes: dict[str, int] = field(default_factory=dict)
    params: tuple[str, ...] = ()
    starred: frozenset[str] = frozenset()
    stores: list[ast.expr] = field(default_factory=list)
    calls: list[ast.Call] = field(default_factory=list)
    sources: dict[str, list[ast.expr]] = field(default_factory=dict)
    returns: list[ast.expr] = field(default_factory=list)
    locals: set[str] = field(default_factory=set)
    creates_functions: bool = False
    generator: bool = False
    methods: dict[str, CodeBlock] = field(default_factory=dict)
    shared_objects: frozenset[str] = frozenset()
    deferred_reads: dict[str, int] = field(default_factory=dict)
    constants: list[ast.Constant] = field(default_factory=list)
    defaults: dict[str, ast.expr] = field(default_factory=dict)
    bases: tuple[str, ...] = ()
    nested_names: set[str] = field(default_factory=set)
    nested_params: set[str] = field(default_factory=set)
    closure_writes: set[str] = field(default_factory=set)
    decorators: list[ast.expr] = field(default_factory=list)
    with_calls: list[ast.Call] = field(default_factory=list)
    attributes: list[ast.Call] = field(default_factory=list)
    mentions: set[str] = field(default_factory=set)
