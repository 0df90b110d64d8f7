"""One asyncio loop for all cells of a step, so that a task of one cell continues while later cells run."""

from __future__ import annotations

import asyncio

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

TURNS = 3  #: iterations of the loop between two cells, as in a kernel


class Tasks:
    """Runs cells inside an asyncio loop, as a kernel does."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)

    def run(self, code: Any, names: dict[str, Any]) -> Any:
        """Run a cell's code and return its value. A coroutine is awaited."""

        async def inside() -> Any:
            value = eval(code, names)
            return await value if code.co_flags & 0x80 else value  # inspect.CO_COROUTINE

        return self._loop.run_until_complete(inside())

    def turn(self) -> None:
        """Let tasks continue that do not have to wait."""

        async def turns() -> None:
            for _ in range(TURNS):
                await asyncio.sleep(0)

        self._loop.run_until_complete(turns())

    def end(self) -> list[str]:
        """Cancel the tasks that still run, as `asyncio.run` does, and return a warning for each."""
        unfinished = [task for task in asyncio.all_tasks(self._loop) if not task.done()]
        for task in unfinished:
            task.cancel()
        if unfinished:
            self._loop.run_until_complete(asyncio.gather(*unfinished, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        return [
            "the task `%s` was still running after the step's last cell and was cancelled: await it in the step"
            % _name(task)
            for task in unfinished
        ]


def _name(task: Any) -> str:
    coroutine = task.get_coro()
    return str(getattr(coroutine, "__qualname__", None) or task.get_name())
