"""`CodeBlock`: the names, calls and assignments of a function, lambda, class or comprehension of the notebook."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field


@dataclass(eq=False)
class CodeBlock:
    """The facts about one function, lambda, class or comprehension: what it uses of the notebook, and what it does.

    Parameters
    ----------
    reads, writes, deletes
        Global names, with the line of the first mention.
    params
        Names of the parameters in order.
    starred
        Names among `params` that collect arguments, as ``*args`` and ``**kwargs`` do.
    stores
        Targets of assignments to attributes and subscripts, and of augmented assignments.
    calls
        Every call in the body.
    sources
        For each local name the expressions that it may be bound to. Alias analysis follows them.
    returns
        Returned and yielded expressions.
    locals
        Names that are local to the body.
    creates_functions
        Whether the body creates functions or classes.
    methods
        For a class: its functions by name.
    shared_objects
        Parameters whose default is one object for all calls, such as ``seen=[]``. For a class: the attributes that
        all its instances share.
    constants
        Literals in the body.
    defaults
        The default values of parameters.
    bases
        For a class: the names of its base classes and of its metaclass.
    deferred_reads
        For code that runs at once: names that only the functions it creates read.
    nested_names, nested_params
        Names, and of these the parameters, that belong to functions created in the body.
    closure_writes
        Names of the body that such functions change, so that they keep state from one call to the next.
    with_calls
        The calls among `calls` whose effect ends with a ``with`` statement.
    decorators
        Decorators in the body, each called with the function or class below it.
    attributes
        For a class: the calls whose results its body binds, such as ``x = Field()``.
    mentions
        Every name in the text, its local names included. The summary depends on no other names of the notebook.
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
