"""Cells run as ``__main__``: the last expression is displayed, figures are kept, errors show the notebook's own lines."""

from __future__ import annotations

import _ast
import builtins
import os
import sys
from types import ModuleType

from kfnb.runtime import sources
from kfnb.runtime.failures import Failure, from_exception

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

ONLY_AST = 0x400  #: ast.PyCF_ONLY_AST
TOP_LEVEL_AWAIT = 0x2000  #: ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
COROUTINE = 0x80  #: inspect.CO_COROUTINE
FUTURE_FLAGS = 0x1FF0000  #: all of __future__'s compiler flags


class Main(ModuleType):
    """The module ``__main__``: what the step was handed without a name is found as in the notebook, as `pickle` asks for it."""

    def __getattr__(self, name: str) -> Any:
        from kfnb.runtime import classes, functions

        found = classes.known_as(name) or functions.known_as(name)
        if found is None:
            raise AttributeError("module '__main__' has no attribute %r" % name)
        return found


class Session:
    """The namespace of one step and how its cells run."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        for number, text in spec.get("sources", {}).items():
            sources.remember("<cell %s>" % number, text)
        self.flags = 0
        self.warnings: list[str] = []
        module = Main("__main__")
        module.__dict__["__builtins__"] = builtins
        sys.modules["__main__"] = module
        self.namespace: dict[str, Any] = module.__dict__
        self.shell: Any = None
        self._ended = False
        builtins.display = self._display  # type: ignore[attr-defined]
        builtins.get_ipython = self._ipython  # type: ignore[attr-defined]

    def begin(self) -> None:
        """Shared code has run: what the libraries show from here on belongs to the step's own cells."""
        sources.publish(tuple(c["source"] for c in self.spec.get("cells", ())))

    def replay(self, code: dict[str, Any]) -> None:
        """Run a statement of shared code."""
        before = {n: id(v) for n, v in self.namespace.items() if issubclass(type(v), type)}
        what = "shared code of cell %s failed in step %s:\n" % (code["cell"], self.spec.get("step"))
        shown = _silence()  # it was shown where it stands
        try:
            self._execute(code, show=False, what=what)
        finally:
            _unsilence(shown)
        for name, value in list(self.namespace.items()):
            if issubclass(type(value), type) and value.__module__ == "__main__" and before.get(name) != id(value):
                from kfnb.runtime.classes import track

                track(value, "cell %s line %s %s" % (code["cell"], code.get("line", 1), value.__qualname__))

    def run(self, code: dict[str, Any]) -> None:
        """Run one cell of the step. Raises `Failure` when it raises."""
        if self._ended:
            return
        self.begin()
        self._execute(code, show=True)
        self._figures(code["cell"])

    # ---------------------------------------------------------------- running
    def _execute(self, code: dict[str, Any], show: bool, what: str = "") -> None:
        source: str = code["source"]
        if "IPython" in source:
            self._take_over()
        wrappers: tuple[Any, ...] = ()
        if "%" in source or "!" in source or "?" in source:
            from kfnb.runtime.syntax import translate

            translation = translate(source)
            source, wrappers = translation.code, translation.wrappers
        text = "\n" * (code.get("line", 1) - 1) + source
        name = "<cell %s>" % code["cell"]
        self.cell = code["cell"]
        body = self._body(text, name, show and not _hidden(code["source"]))
        for wrapper in reversed(wrappers):
            body = _wrapped(body, wrapper.name, wrapper.args, self.namespace)
        try:
            body()
        except SystemExit as error:
            if error.code not in (None, 0):
                raise from_exception(error, what) from None
            self._ended = True
            self.warnings.append("cell %s left the step with sys.exit()" % code["cell"])
        except Failure:
            raise
        except BaseException as error:
            raise from_exception(error, what) from None

    def _body(self, text: str, name: str, show: bool) -> Any:
        def body() -> None:
            tree: Any = compile(text, name, "exec", ONLY_AST | TOP_LEVEL_AWAIT | self.flags, True)
            last = None
            if show and tree.body and type(tree.body[-1]) is _ast.Expr:
                last = _ast.Expression(tree.body.pop().value)
            if tree.body:
                self._exec(compile(tree, name, "exec", TOP_LEVEL_AWAIT | self.flags, True))
            if last is not None:
                value = self._exec(compile(last, name, "eval", TOP_LEVEL_AWAIT | self.flags, True))
                if value is not None:
                    self._display(value)

        return body

    def _exec(self, code: Any) -> Any:
        self.flags |= code.co_flags & FUTURE_FLAGS
        if not code.co_flags & COROUTINE:
            return eval(code, self.namespace)
        import asyncio

        loop = asyncio.new_event_loop() if self.loop is None else self.loop
        self.loop = loop
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(eval(code, self.namespace))

    loop: Any = None
    cell = 0

    # ---------------------------------------------------------------- showing
    def _take_over(self) -> None:
        """IPython's own ``display`` prints only, where no kernel runs."""
        try:
            import IPython.core.display_functions as functions
            import IPython.display as module
        except ImportError:
            return
        functions.display = module.display = self._display

    def _display(self, *values: Any, **options: Any) -> None:
        from kfnb.runtime.display import display

        for value in values:
            display(value, self.spec["folder"], self.cell, options)

    def _figures(self, cell: int) -> None:
        if "matplotlib.pyplot" in sys.modules:
            from kfnb.runtime.display import close_figures

            close_figures(self.spec["folder"], cell)

    def _ipython(self) -> Any:
        if self.shell is None:
            from kfnb.runtime.shell import Shell

            self.shell = Shell(self.namespace, self._display, lambda: self.cell)
        return self.shell


def _silence() -> int:
    """Let what is printed go nowhere. `sys.stdout` stays the same object: a logger may take hold of it."""
    sys.stdout.flush()
    shown, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return shown


def _unsilence(shown: int) -> None:
    sys.stdout.flush()
    os.dup2(shown, 1)
    os.close(shown)


def _hidden(source: str) -> bool:
    """A semicolon at the end of a cell hides its display, as in IPython."""
    return source.rstrip().endswith(";")


def _wrapped(body: Any, name: str, args: str, namespace: dict[str, Any]) -> Any:
    from kfnb.runtime.shell import wrapped

    return wrapped(body, name, args, namespace)
