"""Runs cells as ``__main__``: displays the last expression, keeps figures, and shows errors with the lines of the cells."""

from __future__ import annotations

import _ast
import builtins
import os
import sys

from kfnb.runtime.cells import cell_sources
from kfnb.runtime.step_failures import Failure, from_exception

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Callable

ONLY_AST = 0x400  #: ast.PyCF_ONLY_AST
TOP_LEVEL_AWAIT = 0x2000  #: ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
COROUTINE = 0x80  #: inspect.CO_COROUTINE
FUTURE_FLAGS = 0x1FF0000  #: all of __future__'s compiler flags
#: Words of code that needs a running asyncio loop, which a kernel always has; and of code that runs a loop itself.
TASKS = ("create_task", "ensure_future", "get_running_loop", "asyncio.gather", "TaskGroup")
STATEMENTS = ("import", "from", "def", "class")  #: first words of a line that is no magic
OWN_LOOP = ("asyncio.run(", "run_until_complete", "asyncio.Runner")


class Main(type(sys)):  # type: ignore[misc]  # importing `types` costs more than most of a step's start
    """The module ``__main__``. It also finds classes and functions that came with a value, since `pickle` looks them up here."""

    def __getattr__(self, name: str) -> Any:
        from kfnb.runtime.values import class_pickling, function_pickling

        found = class_pickling.known_as(name) or function_pickling.known_as(name)
        if found is None:
            raise AttributeError("module '__main__' has no attribute %r" % name)
        return found


class Session:
    """The namespace of one step and how its cells run."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        for number, text in spec.get("sources", {}).items():
            cell_sources.remember("<cell %s>" % number, text)
        self.flags = 0
        self.warnings: list[str] = []
        module = Main("__main__")
        module.__dict__["__builtins__"] = builtins
        sys.modules["__main__"] = module
        self.namespace: dict[str, Any] = module.__dict__
        self.history: Any = None
        self._shell: Any = None
        self._displays: Any = None
        self._ended = self._needs_loop = False
        texts = [
            c["source"] for c in [*spec.get("cells", ()), *(i["run"] for i in spec.get("prepare", ()) if "run" in i)]
        ]
        self._starts_tasks = any(word in text for text in texts for word in TASKS)
        builtins.display = lambda *values, **options: self.displays.display(*values, **options)  # type: ignore[attr-defined]
        builtins.get_ipython = lambda: self.shell  # type: ignore[attr-defined]
        builtins.__IPYTHON__ = True  # type: ignore[attr-defined]
        from kfnb.runtime.import_watch import when_imported
        from kfnb.runtime.magics.patch_ipython import answer_for_ipython

        answer_for_ipython(lambda: self.shell)
        when_imported("matplotlib.pyplot", lambda pyplot: _show_figures_in(pyplot, self.show_figures))

    @property
    def shell(self) -> Any:
        """What ``get_ipython()`` returns, created at the first use."""
        if self._shell is None:
            try:
                from kfnb.runtime.magics.ipython_shell import Shell
            except ImportError:  # it did not travel: libraries take this error for a plain Python
                raise NameError("name 'get_ipython' is not defined") from None

            self._shell = Shell(self)
        return self._shell

    @property
    def displays(self) -> Any:
        if self._displays is None:
            from kfnb.runtime.cells.display import Displays

            self._displays = Displays(self.spec["folder"], lambda: self.cell, self.report, self.spec.get("secret_mask"))
        return self._displays

    def report(self, error: BaseException) -> None:
        """Print an error that does not end the step."""
        from_exception(error).show()

    def begin(self) -> None:
        """Begin the step's own cells, after the shared code has run."""
        cell_sources.publish(tuple(c["source"] for c in self.spec.get("cells", ())))
        if self.history is None and self.spec.get("history"):
            from kfnb.runtime.cells.output_history import History

            texts = {int(n): text for n, text in self.spec.get("sources", {}).items()}
            self.history = History(self.namespace, texts)

    def replay(self, code: dict[str, Any]) -> None:
        """Run a statement of shared code."""
        before = {n: id(v) for n, v in self.namespace.items() if issubclass(type(v), type)}
        error_prefix = "shared code of cell %s failed in step %s:\n" % (code["cell"], self.spec.get("step"))
        stdout_copy = _mute_stdout()  # the step that has this code printed it already
        try:
            self._execute(code, show=False, error_prefix=error_prefix)
        finally:
            _unmute_stdout(stdout_copy)
        for name, value in list(self.namespace.items()):
            if issubclass(type(value), type) and value.__module__ == "__main__" and before.get(name) != id(value):
                from kfnb.runtime.values.class_pickling import track

                track(value, "cell %s line %s %s" % (code["cell"], code.get("line", 1), value.__qualname__))

    def run(self, code: dict[str, Any]) -> None:
        """Run one cell of the step. Raises `Failure` when it raises, unless its tag `raises-exception` lets it."""
        if self._ended:
            return
        self.begin()
        if self.history is not None:
            self.history.enter(code["cell"])
        try:
            self._execute(code, show=True)
        except Failure as failure:
            if not code.get("raises"):
                self.show_figures()
                raise
            failure.show()
            self.displays.keep_error(failure)
        self.show_figures()
        if self.tasks is not None:
            self.tasks.turn()

    def run_text(self, source: str, show: bool = True, raises: bool = False) -> Any:
        """Run text as a cell inside the current cell, for ``%run`` and for `get_ipython().run_cell`."""
        from kfnb.runtime.cells.output_history import ExecutionResult

        result = ExecutionResult()
        try:
            self._execute({"source": source, "cell": self.cell}, show, result=result)
        except Failure as failure:
            if raises:
                raise
            failure.show()
            result.error_in_exec = failure.__cause__ or failure
        return result

    # ---------------------------------------------------------------- running
    def _execute(self, code: dict[str, Any], show: bool, error_prefix: str = "", result: Any = None) -> None:
        source: str = code["source"]
        wrappers: tuple[Any, ...] = ()
        if not is_plain(source):
            from kfnb.runtime.cells.ipython_syntax import translate

            translation = translate(source, self.namespace.__contains__)
            source, wrappers = translation.code, translation.wrappers
        text = "\n" * (code.get("line", 1) - 1) + source
        name = "<cell %s>" % code["cell"]
        self.cell = code["cell"]
        self._needs_loop = self._starts_tasks and not any(word in source for word in OWN_LOOP)
        body = self._body(text, name, show and not _hides_display(code["source"]), result)
        for wrapper in reversed(wrappers):
            from kfnb.runtime.magics.cell_magics import wrapped

            body = wrapped(body, wrapper.name, wrapper.args, self.shell)
        if self._shell is None:
            self._run_guarded(body, error_prefix)
            return
        events = self._shell.events
        events.trigger("pre_execute")
        events.trigger("pre_run_cell", None)
        try:
            self._run_guarded(body, error_prefix)
        finally:
            events.trigger("post_execute")
            events.trigger("post_run_cell", None)

    def _run_guarded(self, body: Any, error_prefix: str) -> None:
        """Run a cell's body. An exception becomes a `Failure` that shows the lines of the cell."""
        try:
            body()
        except SystemExit as error:
            if error.code not in (None, 0):
                raise from_exception(error, error_prefix) from None
            self._ended = True
            self.warnings.append("cell %s ended the step with sys.exit(): the rest of the step did not run" % self.cell)
        except Failure:
            raise
        except BaseException as error:
            raise from_exception(error, error_prefix) from error

    def _body(self, text: str, name: str, show: bool, result: Any) -> Any:
        def body() -> None:
            tree: Any = compile(text, name, "exec", ONLY_AST | TOP_LEVEL_AWAIT | self.flags, True)
            for part, displayed in _split_displayed(tree.body) if show else [(tree.body, False)]:
                if not displayed:
                    tree.body = part
                    self._exec(compile(tree, name, "exec", TOP_LEVEL_AWAIT | self.flags, True))
                    continue
                last = _ast.Expression(part[0].value)
                value = self._exec(compile(last, name, "eval", TOP_LEVEL_AWAIT | self.flags, True))
                if result is not None:
                    result.result = value
                if value is not None:
                    if self.history is not None:
                        self.history.add_output(value)
                    self.displays.display(value)

        return body

    def _exec(self, code: Any) -> Any:
        self.flags |= code.co_flags & FUTURE_FLAGS
        if not code.co_flags & COROUTINE and not self._needs_loop:
            return eval(code, self.namespace)
        if self.tasks is None:
            from kfnb.runtime.cells.asyncio_loop import Tasks

            self.tasks = Tasks()
        return self.tasks.run(code, self.namespace)

    tasks: Any = None  #: the asyncio loop, created when a cell needs it
    cell = 0

    def end(self) -> None:
        """End the step's cells: cancel tasks that still run."""
        if self.tasks is not None:
            self.warnings += self.tasks.end()

    def show_figures(self) -> None:
        """Show and close the open figures of pyplot."""
        if "matplotlib.pyplot" in sys.modules:
            self.displays.close_figures()


def _show_figures_in(pyplot: Any, show: Callable[[], None]) -> None:
    """Make ``plt.show()`` display and close the open figures, as the backend of a notebook does; Agg's does nothing."""

    def show_figures(*args: Any, **kwargs: Any) -> None:
        show()

    # a bundle may hold the function: pickle looks it up under this name
    show_figures.__module__, show_figures.__name__, show_figures.__qualname__ = pyplot.__name__, "show", "show"
    pyplot.show = show_figures


def is_plain(source: str) -> bool:
    """Whether a cell is certainly plain Python. This cheap test saves the import of the translator."""
    if "%" in source or "!" in source or "?" in source or ">>>" in source or "In [" in source:
        return False
    if source[:1] in " \t\n":
        return False
    first, _, rest = source.partition(" ")  # a cell of one line may begin with the name of a magic: `ls data`
    if "\n" in source.strip() or first in STATEMENTS:
        return True
    return not first.strip().isidentifier() or rest.lstrip()[:1] == "="


def _mute_stdout() -> int:
    """Discard what is printed. `sys.stdout` stays the same object, since a logger may keep it."""
    sys.stdout.flush()
    stdout_copy, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return stdout_copy


def _unmute_stdout(stdout_copy: int) -> None:
    sys.stdout.flush()
    os.dup2(stdout_copy, 1)
    os.close(stdout_copy)


def _hides_display(source: str) -> bool:
    """Whether a semicolon at the end of a cell hides its display, as in IPython."""
    return source.rstrip().endswith(";")


def _split_displayed(body: list[Any]) -> Any:
    """The statements of a cell in parts, and whether the value of each is displayed, as IPython's settings say."""
    module = sys.modules.get("IPython.core.interactiveshell")
    which = getattr(module.InteractiveShell, "ast_node_interactivity", "") if module is not None else ""
    if which == "all":
        return [([node], type(node) is _ast.Expr) for node in body]
    if not body or type(body[-1]) is not _ast.Expr or which == "none":
        return [(body, False)] if body else []
    return [(body[:-1], False), (body[-1:], True)] if len(body) > 1 else [(body, True)]
