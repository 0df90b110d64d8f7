"""Lists the constructs that a pipeline cell cannot hold, and what to write instead."""

from __future__ import annotations

import ast

#: Node class to the construct's name and the way out.
REFUSED: dict[type[ast.AST], tuple[str, str]] = {
    ast.While: ("`while`", "a graph has no end in sight: loop with `for` over a list, or loop inside a component"),
    ast.With: ("`with`", "open and close it inside one component, or use try/finally"),
    ast.AsyncWith: ("`async with`", "open and close it inside one component"),
    ast.AsyncFor: ("`async for`", "loop inside a component"),
    ast.Await: ("`await`", "await it inside a component"),
    ast.FunctionDef: (
        "a function defined here",
        "define it in a cell before; with `@component` when it should be a step",
    ),
    ast.AsyncFunctionDef: ("a function defined here", "define it in a cell before"),
    ast.ClassDef: ("a class defined here", "define it in a cell before"),
    ast.Return: ("`return`", "the values of the steps are the results; end a branch with `if` and `else`"),
    ast.Break: (
        "`break`",
        "the iterations run side by side: choose the items before the loop, or test with `if` inside it",
    ),
    ast.Continue: ("`continue`", "put the rest of the loop's body under an `if`"),
    ast.Raise: ("`raise`", "call a component that raises"),
    ast.Assert: ("`assert`", "check it inside a component, which then fails"),
    ast.Global: ("`global`", "pass the value as an argument"),
    ast.Nonlocal: ("`nonlocal`", "pass the value as an argument"),
    ast.Delete: ("`del`", "leave it out: every step gets only what it reads"),
    ast.Match: ("`match`", "write if/elif/else"),
    ast.NamedExpr: ("`:=`", "assign it in a line of its own before"),
    ast.Yield: ("`yield`", "return a list from a component"),
    ast.YieldFrom: ("`yield`", "return a list from a component"),
    ast.Import: ("`import`", "import it in a cell before"),
    ast.ImportFrom: ("`import`", "import it in a cell before"),
}
if hasattr(ast, "TryStar"):
    REFUSED[ast.TryStar] = ("`except*`", "a failed step fails the run: use try/finally")

EXCEPT = ("`except`", "a failed step fails the run: handle the error inside the component, or use try/finally")
LOOP_ELSE = ("`else` of a loop", "write it after the loop")
LATE_CALL = ("a component called behind `and`, `or`", "call it in a line of its own before, or use if/else")
LAMBDA_CALL = ("a component called in a `lambda`", "call it in a line of its own")
GENERATOR_CALL = ("a component called in a generator or set", "write a list: `[f(x) for x in items]`")
STAR = (
    "`*` or `**` over a step's output",
    "name the arguments one by one, or pass the whole value and unpack it in the component",
)
RETURN_IN_LOOP = ("`return` in a loop", "collect results with `.append` and read the list after the loop")
TARGET = ("this target", "assign to a name, or to names separated by commas")
RECURSION = ("a pipeline that calls itself", "loop with `for` over a list, or recur inside a component")
OUTPUT = ("`.output`", "the name is the value already: write the name alone")
