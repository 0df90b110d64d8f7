"""A real kernel, whose messages a test reads as a page would: outputs, their updates, and what widgets are told."""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

from tests.notebooks import Json, notebook

SECONDS = 60
SVG = "image/svg+xml"
BEGIN = """
import json, sys, threading
from pathlib import Path
from kfnb.client.run_object import Run
from kfnb.client.start_run import prepare
from kfnb.pipeline.build.build_from_source import build_source
from kfnb.notebook.notebook_source import Source

def source(data):
    return Source(None, Path.cwd(), "the notebook", json.loads(data))

def start(data, given={}, target="local"):
    found = source(data)
    return prepare(found, build_source(found).pipeline, given, target).submit()
"""


def as_code(*cells: Json) -> str:
    """A notebook as a literal in a cell."""
    return repr(json.dumps(notebook(*cells)))


def gate(folder: Path, name: str) -> str:
    """Code that waits, for a minute, until a file is there."""
    return f"import pathlib, time\nend = time.time() + 60\nwhile time.time() < end and not pathlib.Path({str(folder / name)!r}).exists():\n    time.sleep(0.02)\n"  # fmt: skip


@dataclass
class Page:
    """A kernel's client, and what it has heard: when each message came, and what it was."""

    client: BlockingKernelClient
    heard: list[tuple[float, Json]] = field(default_factory=list)

    def run(self, code: str, **options: Any) -> str:
        """Run a cell to its end; give what it printed. What goes wrong in it fails the test."""
        return self.end(self.begin(code, **options))

    def begin(self, code: str, **options: Any) -> str:
        return str(self.client.execute(code, **options))

    def end(self, cell: str) -> str:
        """Wait for the end of a cell that was begun."""
        self.until(lambda _, m: m["msg_type"] == "status" and m["content"]["execution_state"] == "idle", cell)
        mine = [m for _, m in self.heard if m["parent_header"].get("msg_id") == cell]
        wrong = [m["content"]["traceback"] for m in mine if m["msg_type"] == "error"]
        assert not wrong, "\n".join(wrong[0])
        return "".join(m["content"]["text"] for m in mine if m["msg_type"] == "stream")

    def until(self, wanted: Callable[[float, Json], bool], cell: str | None = None) -> Json:
        """Listen until a message (that has come, or of a cell) is as wanted."""
        seen, end = 0, time.monotonic() + SECONDS
        while time.monotonic() < end:
            while seen < len(self.heard):
                at, message = self.heard[seen]
                seen += 1
                if cell in (None, message["parent_header"].get("msg_id")) and wanted(at, message):
                    return message
            self.listen(0.5)
        pytest.fail(f"no such message came; the last ones: {[m['msg_type'] for _, m in self.heard[-20:]]}")

    def listen(self, seconds: float) -> None:
        """Take in what comes next, if something comes in time."""
        try:
            message = self.client.get_iopub_msg(timeout=seconds)
        except queue.Empty:
            return
        self.heard.append((time.time(), message))

    def clear(self) -> None:
        self.heard.clear()

    # ---------------------------------------------------------------- what a page would show
    def outputs(self) -> list[Json]:
        """The MIME bundles that stand in the page now, each as it was updated last."""
        shown: dict[str, Json] = {}
        for _, message in self.heard:
            if message["msg_type"] in ("display_data", "update_display_data"):
                content = message["content"]
                name = content["transient"].get("display_id") or message["header"]["msg_id"]
                if message["msg_type"] == "display_data" or name in shown:
                    shown[name] = content["data"]
        return list(shown.values())

    def picture(self) -> Json:
        """The only output with a picture."""
        found = [one for one in self.outputs() if SVG in one]
        assert len(found) == 1, f"{len(found)} pictures"
        return found[0]

    def until_picture(self, *words: str) -> Json:
        """Wait until the picture's text has these words."""

        def has_words(_: float, __: Json) -> bool:
            pictures = [one for one in self.outputs() if SVG in one]
            return bool(pictures) and all(w in pictures[-1]["text/plain"] for w in words)

        self.until(has_words)
        return self.picture()

    # ---------------------------------------------------------------- widgets
    def models(self) -> dict[str, Json]:
        """What was told of every widget when it was opened."""
        opened = [m["content"] for _, m in self.heard if m["msg_type"] == "comm_open"]
        return {one["comm_id"]: one["data"]["state"] for one in opened}

    def live(self) -> str:
        """The model of the newest live view."""
        return [name for name, state in self.models().items() if "shown" in state][-1]

    def told(self, model: str) -> list[tuple[float, Json]]:
        """What a live view was told, and when."""
        return [
            (at, m["content"]["data"]["content"])
            for at, m in self.heard
            if m["msg_type"] == "comm_msg" and m["content"]["comm_id"] == model and m["content"]["data"]["method"] == "custom"
        ]  # fmt: skip

    def until_told(self, model: str, wanted: Callable[[Json], bool]) -> Json:
        def is_wanted(_: float, message: Json) -> bool:
            data = message["content"].get("data", {}) if message["msg_type"] == "comm_msg" else {}
            return message["content"].get("comm_id") == model and wanted(data.get("content", {}))

        found: Json = self.until(is_wanted)["content"]["data"]["content"]
        return found

    def send(self, model: str, data: Json, subshell: str | None = None) -> str:
        """What a page sends when something is pressed; ``subshell``: where it asks the kernel to hear it. Gives its id."""
        message = self.client.session.msg("comm_msg", {"comm_id": model, "data": data})
        if subshell is not None:
            message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def ask(self, model: str, subshell: str | None = None, **what: Any) -> str:
        """What the live view sends; gives its id."""
        return self.send(model, {"method": "custom", "content": {**what, "number": 1}}, subshell)

    def subshell(self) -> str:
        """Open a subshell, as JupyterLab does for widgets."""
        self.client.control_channel.send(self.client.session.msg("create_subshell_request", {}))
        return str(self.client.get_control_msg(timeout=SECONDS)["content"]["subshell_id"])


@contextmanager
def opened(env: dict[str, str], *missing: str) -> Iterator[Page]:
    """A kernel where some modules are not installed."""
    manager, client = start_new_kernel(startup_timeout=SECONDS, env=env)
    try:
        page = Page(client)
        gone = "".join(f"import sys; sys.modules[{name!r}] = None\n" for name in missing)
        page.run(gone + BEGIN)
        yield page
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
