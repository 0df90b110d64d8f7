"""The graph of a pipeline as a picture has it: boxes for steps, frames for conditions, loops and handlers, lines between them.

It is laid out here once; whoever shows it (the command line, JupyterLab, a saved notebook) draws the same picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from kfnb.pipeline.drawing.expression_text import branch_condition, cells, loop_items
from kfnb.pipeline.drawing.graph_layout import lay_out
from kfnb.pipeline.model import Condition, Guard, Loop, Node, Pipeline, Step

HEIGHT, PADDING, LABEL, APART = (
    46.0,
    14.0,
    24.0,
    30.0,
)  #: pixels: of a box; around a frame's inside; of its label; above a handler
NOTE = 48  #: letters of a note that are shown
Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Box:
    """A step; ``x`` and ``y`` are its upper left corner. ``kind`` (``if loop finally`` or empty) and ``note``: what stands around it alone."""

    step: str
    x: float
    y: float
    width: float
    height: float
    cells: tuple[int, ...]
    where: str
    kind: str = ""
    note: str = ""


@dataclass(frozen=True)
class Frame:
    """What several steps stand in: ``kind`` is ``if loop try finally``."""

    kind: str
    label: str
    x: float
    y: float
    width: float
    height: float
    steps: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """One goes before the other; both are steps or, with several names, the steps of a frame."""

    source: tuple[str, ...]
    to: tuple[str, ...]
    points: Points
    why: str


@dataclass(frozen=True)
class Graph:
    """Everything in pixels, from the upper left corner. Frames stand in an order in which they can be drawn over each other."""

    width: float
    height: float
    boxes: tuple[Box, ...] = ()
    frames: tuple[Frame, ...] = ()
    lines: tuple[Line, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def moved(self, x: float, y: float) -> Graph:
        """The same picture, moved."""
        return replace(
            self,
            boxes=tuple(replace(b, x=b.x + x, y=b.y + y) for b in self.boxes),
            frames=tuple(replace(f, x=f.x + x, y=f.y + y) for f in self.frames),
            lines=tuple(replace(n, points=tuple((a + x, b + y) for a, b in n.points)) for n in self.lines),
        )


def graph_of(pipeline: Pipeline) -> Graph:
    """Lay out the graph of a pipeline. A handler around the whole pipeline stands at the bottom."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for edge in pipeline.edges:
        reasons.setdefault((edge.source, edge.to), []).append(edge.why)
    for step in pipeline.steps():
        for name in step.after:
            reasons.setdefault((name, step.name), [])
    return _body(pipeline.body, reasons)


Reasons = Mapping[tuple[str, str], list[str]]


def _body(body: tuple[Node, ...], reasons: Reasons) -> Graph:
    if len(body) == 1 and isinstance(body[0], Guard):
        return _guarded(body[0], reasons)
    items = dict(_items(body, reasons))
    homes = {b.step: name for name, part in items.items() for b in part.boxes}
    lifted: dict[tuple[str, str], list[str]] = {}
    for (source, to), why in reasons.items():
        if source in homes and to in homes and homes[source] != homes[to]:
            lifted.setdefault((homes[source], homes[to]), []).extend(why)
    layout = lay_out({n: (part.width, part.height) for n, part in items.items()}, lifted)
    found = [Graph(layout.width, layout.height)]
    for name, part in items.items():
        x, y = layout.centres[name]
        found.append(part.moved(x - part.width / 2, y - part.height / 2))
    lines = tuple(
        Line(_steps(items[source]), _steps(items[to]), tuple(points), "; ".join(dict.fromkeys(lifted[source, to])))
        for (source, to), points in layout.edges.items()
    )
    return _joined(found, lines)


def _items(body: Iterable[Node], reasons: Reasons) -> Iterator[tuple[str, Graph]]:
    """The parts of a body, each of which is laid out as one item."""
    for node in body:
        if isinstance(node, Step):
            yield node.name, _box(node)
        elif isinstance(node, Condition):
            for index, branch in enumerate(node.branches):
                if branch.body:
                    label = f"if {branch_condition(branch)}" if branch.when is not None else "else"
                    yield f"{node.name}/{index}", _framed("if", label, branch.body, reasons)
        elif isinstance(node, Loop):
            yield f"{node.name}/loop", _framed("loop", f"for each of {loop_items(node)}", node.body, reasons)
        else:
            yield f"{node.name}/try", _around("try", "try", _guarded(node, reasons))


def _framed(kind: str, label: str, body: tuple[Node, ...], reasons: Reasons) -> Graph:
    """A frame, or a note in the box if only one step would stand in the frame."""
    if len(body) == 1 and isinstance(body[0], Step):
        return _box(body[0], kind, label)
    return _around(kind, label, _body(body, reasons))


def _guarded(guard: Guard, reasons: Reasons) -> Graph:
    inside = _body(guard.body, reasons)
    if not guard.handler:
        return inside
    below = _framed("finally", "at the end, always", guard.handler, reasons)
    width = max(inside.width, below.width)
    top = inside.height + APART if inside.boxes else 0.0
    parts = [inside.moved((width - inside.width) / 2, 0.0), below.moved((width - below.width) / 2, top)]
    return _joined([Graph(width, top + below.height), *parts], ())


def _around(kind: str, label: str, inside: Graph) -> Graph:
    width = max(inside.width, 6.6 * min(len(label), NOTE)) + 2 * PADDING
    height = inside.height + PADDING + LABEL
    frame = Frame(kind, label, 0.0, 0.0, width, height, _steps(inside))
    moved = inside.moved((width - inside.width) / 2, LABEL)
    return _joined([Graph(width, height, frames=(frame,)), moved], ())


def _box(step: Step, kind: str = "", note: str = "") -> Graph:
    width = max(92.0, 8.2 * len(step.name) + 26, 6.3 * min(len(note), NOTE) + 22)
    numbers = tuple(dict.fromkeys(c.cell for c in step.cells))
    return Graph(width, HEIGHT, (Box(step.name, 0.0, 0.0, width, HEIGHT, numbers, cells(step), kind, note),))


def _steps(part: Graph) -> tuple[str, ...]:
    return tuple(b.step for b in part.boxes)


def _joined(parts: list[Graph], lines: tuple[Line, ...]) -> Graph:
    """All parts in one picture of the first part's size."""
    first = parts[0]
    return Graph(
        first.width, first.height, tuple(b for p in parts for b in p.boxes), tuple(f for p in parts for f in p.frames),
        (*(n for p in parts for n in p.lines), *lines),
    )  # fmt: skip
