"""The graph of a pipeline as a picture has it: boxes for steps, frames for conditions, loops and handlers, lines between them.

It is laid out here once; whoever shows it (the command line, JupyterLab, a saved notebook) draws the same picture.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from kfnb.pipeline.drawing.expression_text import branch_condition, cell_numbers, cells_text, loop_items
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
    """A step, or a folded frame with ``steps`` in it; ``x`` and ``y`` are its upper left corner.

    ``label`` is what people read of a step, and empty for a frame. ``kind`` (``if loop try finally`` or empty) and ``text``: what stands around
    the step alone, or what the frame is.
    """

    step: str
    label: str
    x: float
    y: float
    width: float
    height: float
    cells: tuple[int, ...]
    kind: str = ""
    text: str = ""
    steps: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.label or surroundings(self.kind, self.text)

    @property
    def note(self) -> str:
        return "" if self.steps else surroundings(self.kind, self.text)

    @property
    def where(self) -> str:
        if self.steps:
            return f"{len(self.steps)} step{'s' * (len(self.steps) != 1)}"
        return cells_text(self.cells)


@dataclass(frozen=True)
class Frame:
    """What several steps stand in: ``kind`` is ``if loop try finally``, ``text`` as in ``surroundings``. By its ``id`` it can be folded."""

    id: str
    kind: str
    text: str
    x: float
    y: float
    width: float
    height: float
    steps: tuple[str, ...]

    @property
    def name(self) -> str:
        return surroundings(self.kind, self.text)


def surroundings(kind: str, text: str) -> str:
    """What steps stand in, in words. ``text`` is the user's: the condition, which ``else`` has not, or the items of a loop."""
    if kind == "if":
        return f"if {text}" if text else "else"
    return {"": "", "loop": f"for each of {text}", "try": "try", "finally": "at the end, always"}[kind]


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


@dataclass(frozen=True)
class _Wanted:
    """Why each step waits for another, by both names, and the ids of the frames that are folded."""

    reasons: Mapping[tuple[str, str], list[str]]
    folded: frozenset[str]


def graph_of(pipeline: Pipeline, folded: Collection[str] = ()) -> Graph:
    """Lay out the graph of a pipeline. A handler around the whole pipeline stands at the bottom.

    Parameters
    ----------
    folded
        The ids of frames of which one box is drawn instead of what is in them.
    """
    reasons: dict[tuple[str, str], list[str]] = {}
    for edge in pipeline.edges:
        reasons.setdefault((edge.source, edge.to), []).append(edge.why)
    for step in pipeline.steps():
        for name in step.after:
            reasons.setdefault((name, step.name), [])
    return _body(pipeline.body, _Wanted(reasons, frozenset(folded)))


def _body(body: tuple[Node, ...], wanted: _Wanted) -> Graph:
    if len(body) == 1 and isinstance(body[0], Guard):
        return _guarded(body[0], wanted)
    items = dict(_items(body, wanted))
    homes = {step: name for name, part in items.items() for step in _steps(part)}
    lifted: dict[tuple[str, str], list[str]] = {}
    for (source, to), why in wanted.reasons.items():
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


def _items(body: Iterable[Node], wanted: _Wanted) -> Iterator[tuple[str, Graph]]:
    """The parts of a body, each of which is laid out as one item."""
    for node in body:
        if isinstance(node, Step):
            yield node.name, _box(node)
        elif isinstance(node, Condition):
            for index, branch in enumerate(node.branches):
                if branch.body:
                    key = f"{node.name}/{index}"
                    yield key, _framed(key, "if", branch_condition(branch), branch.body, wanted)
        elif isinstance(node, Loop):
            key = f"{node.name}/loop"
            yield key, _framed(key, "loop", loop_items(node), node.body, wanted)
        else:
            key = f"{node.name}/try"
            yield key, _around(key, "try", "", _guarded(node, wanted), wanted)


def _framed(key: str, kind: str, text: str, body: tuple[Node, ...], wanted: _Wanted) -> Graph:
    """A frame, or a note in the box if only one step would stand in the frame."""
    if len(body) == 1 and isinstance(body[0], Step):
        return _box(body[0], kind, text)
    return _around(key, kind, text, _body(body, wanted), wanted)


def _guarded(guard: Guard, wanted: _Wanted) -> Graph:
    inside = _body(guard.body, wanted)
    if not guard.handler:
        return inside
    below = _framed(f"{guard.name}/finally", "finally", "", guard.handler, wanted)
    width = max(inside.width, below.width)
    top = inside.height + APART if inside.boxes else 0.0
    parts = [inside.moved((width - inside.width) / 2, 0.0), below.moved((width - below.width) / 2, top)]
    return _joined([Graph(width, top + below.height), *parts], ())


def _around(key: str, kind: str, text: str, inside: Graph, wanted: _Wanted) -> Graph:
    """A frame around a picture, or the box of a folded frame."""
    steps, name = _steps(inside), surroundings(kind, text)
    if key in wanted.folded:
        width = _width(name, "")
        return Graph(width, HEIGHT, (Box(key, "", 0.0, 0.0, width, HEIGHT, (), kind, text, steps),))
    width = max(inside.width, 6.6 * min(len(name), NOTE)) + 2 * PADDING
    height = inside.height + PADDING + LABEL
    frame = Frame(key, kind, text, 0.0, 0.0, width, height, steps)
    moved = inside.moved((width - inside.width) / 2, LABEL)
    return _joined([Graph(width, height, frames=(frame,)), moved], ())


def _box(step: Step, kind: str = "", text: str = "") -> Graph:
    width = _width(step.shown_name, surroundings(kind, text))
    box = Box(step.name, step.shown_name, 0.0, 0.0, width, HEIGHT, cell_numbers(step), kind, text)
    return Graph(width, HEIGHT, (box,))


def _width(label: str, note: str) -> float:
    return max(104.0, 8.2 * min(len(label), NOTE) + 26, 6.3 * min(len(note), NOTE) + 22)


def _steps(part: Graph) -> tuple[str, ...]:
    return tuple(step for box in part.boxes for step in (box.steps or (box.step,)))


def _joined(parts: list[Graph], lines: tuple[Line, ...]) -> Graph:
    """All parts in one picture of the first part's size."""
    first = parts[0]
    return Graph(
        first.width, first.height, tuple(b for p in parts for b in p.boxes), tuple(f for p in parts for f in p.frames),
        (*(n for p in parts for n in p.lines), *lines),
    )  # fmt: skip
