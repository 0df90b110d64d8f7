"""Asks the running kernel of a notebook which packages it has, where its interpreter is not on this machine."""

from __future__ import annotations

import ast
import asyncio
import queue
import time
from pathlib import Path
from typing import Any

from jupyter_core.utils import ensure_async

from kfnb.images.needs.told_packages import QUESTION, BadAnswer, keep_answer

PATIENCE = 10.0  #: seconds in which a kernel must answer; it does not while it runs a cell
ANSWER = "kfnb"


class NoAnswer(Exception):
    """No kernel says which packages it has. The message is the end of a sentence."""


async def packages_of_kernel(sessions: Any, kernels: Any, path: str) -> Path:
    """The folder with the packages of a notebook's running kernel, in the place of an interpreter.

    Parameters
    ----------
    sessions, kernels
        The server's managers. They may speak of kernels on another machine.
    path
        The notebook's path in the file browser.

    Raises
    ------
    NoAnswer
        When no kernel is running, or it is busy, or it is not one of Python.
    """
    running = [s for s in await ensure_async(sessions.list_sessions()) if s.get("path") == path]
    if not running:
        raise NoAnswer("no kernel is running that can be asked for its packages")
    client = kernels.get_kernel(running[0]["kernel"]["id"]).client()
    try:
        return keep_answer(await _answer(client))
    except BadAnswer as error:
        raise NoAnswer(str(error)) from error
    except NoAnswer:
        raise
    except Exception as error:  # whatever a gateway or its client raises
        reason = str(error).partition("\n")[0][:100]
        raise NoAnswer(f"the kernel cannot be reached: {type(error).__name__}: {reason}") from error


async def _answer(client: Any) -> str:
    """What the kernel answers. Nobody sees the question: it is silent, and changes no name and no history."""
    await ensure_async(client.start_channels())
    try:
        return await _asked(client)
    finally:
        client.stop_channels()


async def _asked(client: Any) -> str:
    asked = client.execute("", silent=True, store_history=False, user_expressions={ANSWER: QUESTION}, allow_stdin=False)
    end = time.monotonic() + PATIENCE
    while (left := end - time.monotonic()) > 0:
        try:
            reply = await asyncio.wait_for(ensure_async(client.get_shell_msg(timeout=left)), left)
        except (queue.Empty, asyncio.TimeoutError):
            break
        if reply["parent_header"].get("msg_id") == asked:
            return _text(reply["content"])
    raise NoAnswer(f"the kernel has not answered within {PATIENCE:.0f} s, as while it runs a cell")


def _text(content: dict[str, Any]) -> str:
    told = content.get("user_expressions", {}).get(ANSWER, {})
    try:
        found = ast.literal_eval(told["data"]["text/plain"])
    except (KeyError, TypeError, ValueError, SyntaxError):
        found = None
    if not isinstance(found, str):
        raise NoAnswer(
            f"the kernel cannot say which packages it has{': ' + told['evalue'] if 'evalue' in told else ''}"
        )
    return found
