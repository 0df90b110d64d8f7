"""A real kernel in a test, spoken to as a front end does: `Live().run("x = 1", cell="a")`."""

from __future__ import annotations

import re
from typing import Any

from jupyter_client.manager import start_new_kernel

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Live:
    """One kernel. Each answer is what the cell printed and displayed, or its traceback."""

    def __init__(self, *, kfnb: bool = True) -> None:
        self.manager, self.client = start_new_kernel(kernel_name="python3")
        if kfnb:
            self.run("%load_ext kfnb")

    def run(self, code: str, cell: str | None = None) -> str:
        return self.answer(self.send(code, cell))

    def send(self, code: str, cell: str | None = None) -> str:
        """Ask without waiting; ``cell`` is the id that the front end gives."""
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "user_expressions": {}}
        message = self.client.session.msg("execute_request", content, metadata={"cellId": cell} if cell else {})
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def answer(self, asked: str, until: str | None = None) -> str:
        """All that comes for a request, or what comes until a text is printed."""
        text = ""
        while True:
            message = self.client.get_iopub_msg(timeout=30)
            if message["parent_header"].get("msg_id") != asked:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return text
            text += _text(kind, content)
            if until is not None and until in text:
                return text

    def value(self, expression: str) -> str:
        """What an expression is, without leaving a trace in the kernel's history."""
        content = {"code": "", "silent": True, "store_history": False, "user_expressions": {"v": expression}}
        message = self.client.session.msg("execute_request", {**content, "allow_stdin": False})
        self.client.shell_channel.send(message)
        while True:
            reply = self.client.get_shell_msg(timeout=30)
            if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                found = reply["content"]["user_expressions"]["v"]
                return str(found.get("data", {}).get("text/plain") or found["ename"])

    def interrupt(self) -> None:
        self.manager.interrupt_kernel()

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def _text(kind: str, content: dict[str, Any]) -> str:
    if kind == "stream":
        return str(content["text"])
    if kind in ("execute_result", "display_data"):
        return str(content["data"]["text/plain"]) + "\n"
    return COLOUR.sub("", "\n".join(content["traceback"])) + "\n" if kind == "error" else ""
