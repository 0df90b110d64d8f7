"""Shows a view as an anywidget. The page receives the graph once, and small changes after that."""

from __future__ import annotations

import uuid
from functools import cache
from pathlib import Path
from typing import Any

from kfnb.widgets.view_protocols import ShownView
from kfnb.widgets.view_state import Json

PAGE = Path(__file__).parent / "static" / "run.js"  #: built from `labextension/widget`
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class LiveFace:
    """Shows a view live. ``id`` is that of the widget's model, and of the picture whose place it takes."""

    def __init__(self, view: ShownView) -> None:
        self.id = uuid.uuid4().hex
        self._widget = _widget_class()(view, self.id)
        handle_beside_cells(self._widget)
        self._widget.on_msg(lambda _, content, buffers: self._receive(view, content))

    def _receive(self, view: ShownView, content: Json) -> None:
        self._widget.send({"received": content.get("number")})
        if content.get("do") == "again":
            self._widget.send(view.snapshot())
        else:
            view.act(content)

    def bundle(self) -> Json:
        """What shows it where a page's scripts cannot reach the picture."""
        return {WIDGET_VIEW: {"version_major": 2, "version_minor": 1, "model_id": self.id}}

    def update(self, changes: Json) -> None:
        self._widget.send(changes)

    def tick(self) -> None:
        """Nothing has waited."""

    def flush(self) -> None:
        """Everything was sent at once."""

    def close(self) -> None:
        self._widget.close()


@cache
def _widget_class() -> Any:
    import anywidget
    import traitlets

    class RunWidget(anywidget.AnyWidget):
        """What the page has of a view: ``shown`` as it stands, whenever the page asks for it."""

        _esm = PAGE
        _css = PAGE.with_suffix(".css")
        picture = traitlets.Unicode().tag(sync=True)
        shown = traitlets.Dict().tag(sync=True)

        def __init__(self, view: ShownView, model_id: str) -> None:
            self._kfnb_view = view
            super().__init__(model_id=model_id, picture=model_id)

        def get_state(self, key: Any = None, drop_defaults: bool = False) -> Any:
            state = super().get_state(key, drop_defaults)
            return {**state, "shown": self._kfnb_view.snapshot()} if "shown" in state else state

    return RunWidget


def handle_beside_cells(widget: Any) -> None:
    """Let a click be heard while a cell runs, where the page sends it past the cell.

    IPython would also do what it does after every cell, such as drawing the figures that are open: those of the cell
    that runs, half done.
    """
    channel = widget.comm
    channel._reply_subshell_for = lambda data, asked_for: asked_for  # ipykernel would send it back to the cell's thread
    channel.handle_msg = widget._handle_msg
