"""Shows a view as a picture and as text. Every front end can show these, and a saved notebook keeps them."""

from __future__ import annotations

import time
import uuid
from html import escape
from typing import Any

from kfnb.pipeline.drawing.graph_svg import INK, MARGIN, STATES, STYLE, draw_states
from kfnb.runs.run_as_text import headline
from kfnb.widgets.view_protocols import ShownView
from kfnb.widgets.view_state import Json
from kfnb.wording import error_line

DRAW_EVERY = 0.1  #: seconds between two pictures, at the least
CHEAP = 0.002  #: seconds of work that a picture may be to be drawn that often
RARELY = 300  #: times as long as its work a dearer one waits
ROW, LETTER, NARROWEST, MOST_LETTERS = 20, 6.6, 300, 110


class PictureFace:
    """Shows a view as a MIME bundle, and puts another in its place when something has changed.

    Parameters
    ----------
    publisher
        IPython's display publisher of the page.
    name
        The picture's own id, by which the page finds it.
    beside
        What else stands in the bundle. A front end that shows that draws it anew with every change, so there is one only
        at the end.
    """

    def __init__(self, view: ShownView, publisher: Any, name: str | None = None, beside: Json | None = None) -> None:
        self._view, self._publisher = view, publisher
        self._name = name or uuid.uuid4().hex
        self._beside = beside or {}
        self._stale, self._next, self._cost = False, 0.0, 0.0
        self._publish(False)

    def update(self, changes: Json) -> None:
        if changes.keys() & {"run", "steps", "notice"}:
            self._stale = True
            self.tick()

    def tick(self) -> None:
        if self._stale and not self._beside and time.monotonic() >= self._next:
            self._publish(True)

    def flush(self) -> None:
        if self._stale:
            self._publish(True)

    def close(self) -> None:
        self.flush()

    def _publish(self, update: bool) -> None:
        self._stale = False
        began = time.thread_time()
        bundle = {"image/svg+xml": draw(self._view, self._name), "text/plain": str(self._view), **self._beside}
        self._publisher.publish(bundle, {}, transient={"display_id": f"kfnb-{self._name}"}, update=update)
        cost, self._cost = self._cost, time.thread_time() - began
        cost = min(cost, self._cost)  # one picture alone may be dear by chance
        self._next = time.monotonic() + (DRAW_EVERY if cost < CHEAP else RARELY * cost)


def draw(view: ShownView, name: str) -> str:
    """The graph with its states under one line of words, and one more for what went wrong."""
    shown = view.snapshot()
    notice = shown["notice"] or {}
    rows = [("state", headline(view.name, shown["run"], shown["now"]))]
    rows += [("note", line) for line in (error_line((shown["run"] or {}).get("error")), notice.get("text", "")) if line]
    rows = [(kind, _short(line.split("\n")[0])) for kind, line in rows]
    graph = draw_states(view.name, view.graph, view.states())
    top = ROW * len(rows) + 4
    width = max(view.graph.width + 2 * MARGIN, *(LETTER * len(line) + 2 * MARGIN for _, line in rows), NARROWEST)
    height = view.graph.height + 2 * MARGIN + top
    state = (shown["run"] or {}).get("state", "")
    text = "".join(
        f'<text class="{kind}" style="text-anchor:start" {INK} x="{MARGIN}" y="{ROW * (at + 1) - 2}">{escape(line)}</text>'
        for at, (kind, line) in enumerate(rows)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="kfnb-{name}" class="kfnb-graph" role="img"'
        f' viewBox="0 0 {width:.0f} {height:.0f}" font-family="system-ui,sans-serif" font-size="13" width="{width:.0f}" height="{height:.0f}">'
        f"<title>{escape(rows[0][1])}</title><style>{STYLE}{STATES}</style>"
        f'<rect class="back" fill="#fff" width="100%" height="100%"/><g data-state="{escape(state)}">{text}</g>'
        f'<g transform="translate(0,{top})">{graph}</g></svg>'
    )


def _short(text: str) -> str:
    return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 1]}…"
