"""Runs the text of a cell in the live kernel as IPython does, with the line numbers and tracebacks of the cell."""

from __future__ import annotations

import ast
import asyncio
import concurrent.futures
import contextvars
import inspect
import threading
from collections.abc import Coroutine
from typing import Any

from kfnb.kernel_notebook.executed_cells import Ran


class BadCode(Exception):
    """The text is not Python. IPython shows it like any syntax error in a cell."""

    def __init__(self, shell: Any, error: SyntaxError) -> None:
        super().__init__(str(error))
        self._traceback = shell.SyntaxTB.structured_traceback(type(error), error, [])

    def _render_traceback_(self) -> list[str]:
        return list(self._traceback)


class CellBody:
    """The text of a cell below its magic line, compiled once and run any number of times.

    Parameters
    ----------
    source
        The text below the line of the magic.
    cell
        The cell that ends with this text; ``None`` when code called the magic.

    Raises
    ------
    BadCode
        When the text is not Python with IPython's syntax.
    """

    def __init__(self, shell: Any, source: str, cell: Ran | None) -> None:
        self._shell = shell
        cell_text = cell.source.rstrip() if cell is not None else ""
        above = cell_text[: -len(source.rstrip())].count("\n") if cell_text.endswith(source.rstrip()) else 1
        rest = source.lstrip("\n")
        blank = above + len(source) - len(rest)
        try:
            text = "\n" * blank + shell.transform_cell(rest)
            self._file = shell.compile.cache(text, cell.last if cell else 0, raw_code=cell_text or text)
            tree = shell.transform_ast(shell.compile.ast_parse(text, self._file))
            last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            self._code = self._compiled(tree, "exec")
            self._last = self._compiled(ast.Expression(last.value), "eval") if isinstance(last, ast.Expr) else None
        except SyntaxError as error:
            raise BadCode(shell, error) from None
        self._quiet = source.rstrip().endswith(";")

    def _compiled(self, tree: ast.AST, mode: str) -> Any:
        with self._shell.compile.extra_flags(ast.PyCF_ALLOW_TOP_LEVEL_AWAIT):
            return self._shell.compile(tree, self._file, mode)

    def run(self) -> None:
        """Run the text in the kernel's namespace and display its last expression. ``sys.exit(0)`` ends it, as it ends a step."""
        try:
            self._evaluate(self._code)
            value = None if self._last is None else self._evaluate(self._last)
        except SystemExit as error:
            if error.code not in (None, 0):
                raise
            return
        if value is not None and not self._quiet:
            self._shell.displayhook(value)

    def show(self, error: BaseException) -> None:
        """Make IPython show a traceback that begins in the cell, without the frames above it."""
        frames = error.__traceback__
        while frames is not None and frames.tb_frame.f_code.co_filename != self._file:
            frames = frames.tb_next
        if frames is not None:
            structured_traceback = self._shell.InteractiveTB.structured_traceback
            _render(error, lambda: structured_traceback(type(error), error, frames, 0))

    def _evaluate(self, code: Any) -> Any:
        value = eval(code, self._shell.user_ns)
        return run_coroutine(value) if code.co_flags & inspect.CO_COROUTINE else value


def run_coroutine(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine. It runs in a thread with a loop of its own, since the kernel's loop runs in this one."""
    done: concurrent.futures.Future[Any] = concurrent.futures.Future()
    started = threading.Event()
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = []

    async def entered() -> Any:
        task = asyncio.current_task()
        assert task is not None
        running.append((asyncio.get_running_loop(), task))
        started.set()
        return await coroutine

    def work() -> None:
        try:
            done.set_result(asyncio.run(entered()))
        except BaseException as error:
            done.set_exception(error)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True)
    thread.start()
    try:
        return done.result()
    except BaseException:
        started.wait()
        loop, task = running[0]
        if not done.done():  # after an interrupt the body must not continue in the background
            loop.call_soon_threadsafe(task.cancel)
        thread.join()
        raise


def show_message(error: BaseException, message: str) -> None:
    """Make IPython show a message in place of a traceback."""
    _render(error, lambda: message.split("\n"))


def _render(error: BaseException, render: Any) -> None:
    error._render_traceback_ = render  # type: ignore[attr-defined]
