"""Reads notebooks that are nested deeper than Python's recursion limit allows, such as long ``elif`` chains."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TypeVar

LIMIT = 60_000  #: frames; one level of nesting takes up to ten
STACK = 512 * 2**20  #: bytes of address space; only what is used takes memory
Result = TypeVar("Result")

_one_at_a_time = threading.Lock()  # the recursion limit and the size of a new thread's stack belong to the process


def with_deep_stack(work: Callable[[], Result]) -> Result:
    """Do ``work``, and repeat it on a larger stack if this thread's stack is too small.

    Parameters
    ----------
    work
        It has no effect, so that it may be begun twice.

    Raises
    ------
    RecursionError
        It is too deep for the large stack too.
    """
    try:
        return work()
    except RecursionError:
        return _on_large_stack(work)


def _on_large_stack(work: Callable[[], Result]) -> Result:
    results: list[Result] = []
    failed: list[BaseException] = []

    def act() -> None:
        try:
            results.append(work())
        except BaseException as error:
            failed.append(error)

    with _one_at_a_time:
        limit, size = sys.getrecursionlimit(), threading.stack_size(STACK)
        sys.setrecursionlimit(LIMIT)
        try:
            thread = threading.Thread(target=act, name="kfnb-deep")
            thread.start()
            thread.join()
        except RuntimeError:
            raise RecursionError("there is no memory for a larger stack") from None
        finally:
            threading.stack_size(size)
            sys.setrecursionlimit(limit)
    if failed:
        raise failed[0].with_traceback(None)
    return results[0]
