"""Draws the graph as SVG that follows the reader's light or dark theme and needs no other file."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from kfnb.pipeline.drawing.graph_elements import NOTE, Box, Frame, Graph, Line, Points, graph_of
from kfnb.pipeline.model import Pipeline
from kfnb.states import ENDED, SYMBOLS, together

MARGIN = 12
LETTER = 6.8  #: pixels that a letter of a state takes
#: For viewers that take styles out of pictures: black boxes would hide everything.
INK, BOX, EDGE = 'fill="#1d2433"', 'fill="#f4f6fb" stroke="#8b96ad"', 'fill="none" stroke="#8b96ad"'
STYLE = """
.kfnb-graph{--back:#fff;--box:#f4f6fb;--line:#8b96ad;--text:#1d2433;--soft:#5c6780;--if:#a15c00;--loop:#1f6f5c;--end:#7a3f98;--good:#1a7f37;--bad:#c9252d;--busy:#0b62c4;--stop:#8f5f00}
@media screen and (prefers-color-scheme:dark){.kfnb-graph{--back:#15181f;--box:#222735;--line:#6d7891;--text:#e8ecf5;--soft:#a7b1c7;--if:#f0b35a;--loop:#6fd0b8;--end:#cf9bec;--good:#56c271;--bad:#ff7b78;--busy:#6cb2ff;--stop:#e0b04c}}
.kfnb-graph text{font:13px system-ui,sans-serif;fill:var(--text);text-anchor:middle}.kfnb-graph .note{font-size:11px;fill:var(--soft)}
.kfnb-graph .if{fill:var(--if)}.kfnb-graph .loop{fill:var(--loop)}.kfnb-graph .finally{fill:var(--end)}
.kfnb-graph rect{fill:var(--box);stroke:var(--line);stroke-width:1.2}.kfnb-graph .if-box{stroke:var(--if)}.kfnb-graph .loop-box{stroke:var(--loop)}
.kfnb-graph .finally-box{stroke:var(--end);stroke-dasharray:5 3}.kfnb-graph .frame{fill:none;stroke-opacity:.75}.kfnb-graph .frame.try-box{stroke:var(--soft)}
.kfnb-graph .label{font-size:11px;text-anchor:start}.kfnb-graph path{fill:none;stroke:var(--line);stroke-width:1.4}.kfnb-graph .back{fill:var(--back);stroke:none}
"""
STATES = """
.kfnb-graph .state{font-size:11px;font-weight:600}.kfnb-graph [data-state] rect{stroke-width:2.2}
.kfnb-graph [data-state=succeeded] rect,.kfnb-graph [data-state=cached] rect{stroke:var(--good)}.kfnb-graph [data-state=succeeded] .state,.kfnb-graph [data-state=cached] .state{fill:var(--good)}
.kfnb-graph [data-state=failed] rect{stroke:var(--bad);stroke-width:3}.kfnb-graph [data-state=failed] .state{fill:var(--bad)}
.kfnb-graph [data-state=running] rect{stroke:var(--busy)}.kfnb-graph [data-state=running] .state{fill:var(--busy)}
.kfnb-graph [data-state=cancelled] rect{stroke:var(--stop)}.kfnb-graph [data-state=cancelled] .state{fill:var(--stop)}
.kfnb-graph [data-state=skipped] rect,.kfnb-graph [data-state=omitted] rect{stroke:var(--line);stroke-dasharray:2 3;stroke-width:1.4}
.kfnb-graph [data-state=pending] rect{stroke:var(--line);stroke-width:1.2}.kfnb-graph [data-state=skipped] .state,.kfnb-graph [data-state=omitted] .state,.kfnb-graph [data-state=pending] .state{fill:var(--soft);font-weight:400}
"""


def draw(pipeline: Pipeline) -> str:
    """The pipeline as SVG: a box per step, frames for conditions, loops and handlers."""
    return _draw(pipeline.name, graph_of(pipeline), {}, STYLE)


def draw_run(pipeline: Pipeline, states: Mapping[str, str]) -> str:
    """A run of the pipeline as SVG: `draw`, each box with the state of its step.

    Parameters
    ----------
    states
        The state of every step by its path. Iterations, such as ``train[2]``, are shown as one, with how many of them
        have succeeded: ``3/5``. A step that is not there is drawn without a state.
    """
    return draw_states(pipeline.name, graph_of(pipeline), states)


def draw_states(name: str, graph: Graph, states: Mapping[str, str]) -> str:
    """Like `draw_run`, for a graph that is laid out once and drawn many times."""
    return _draw(name, graph, states, STYLE + STATES)


def _draw(name: str, graph: Graph, states: Mapping[str, str], style: str) -> str:
    inside: dict[str, list[str]] = {}
    for path, state in states.items():
        inside.setdefault(path.partition("[")[0], []).extend([state] if "[" in path else [])
    boxes = [_box(b, *_state(states.get(b.step, ""), inside.get(b.step, []))) for b in graph.boxes]
    parts = [_frame(f) for f in graph.frames] + [_line(n) for n in graph.lines] + boxes
    width, height = graph.width + 2 * MARGIN, graph.height + 2 * MARGIN
    view = f'viewBox="{-MARGIN} {-MARGIN} {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
    ground = f'<rect class="back" fill="#fff" x="{-MARGIN}" y="{-MARGIN}" width="100%" height="100%"/>'
    text = f'font-family="system-ui,sans-serif" font-size="13" text-anchor="middle" {INK}'
    head = f"<title>{escape(name)}</title><style>{style}</style>{ground}"
    return f'<svg xmlns="http://www.w3.org/2000/svg" class="kfnb-graph" role="img" {view} {text}>{head}{"".join(parts)}</svg>'


def _state(own: str, iterations: list[str]) -> tuple[str, str]:
    """A step's state, and how many of its iterations have succeeded."""
    if not iterations:
        return own, ""
    return together(iterations), f"{sum(s in ENDED for s in iterations)}/{len(iterations)}"


def _rect(x: float, y: float, width: float, height: float, classes: str, look: str = BOX) -> str:
    return f'<rect class="{classes}" {look} x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="8"/>'


def _frame(frame: Frame) -> str:
    shown = frame.name if len(frame.name) <= NOTE else frame.name[: NOTE - 1] + "…"
    box = _rect(frame.x, frame.y, frame.width, frame.height, f"frame {frame.kind}-box", EDGE)
    text = f'<text class="label note {frame.kind}" text-anchor="start" x="{frame.x + 10:.1f}" y="{frame.y + 16:.1f}">{escape(shown)}</text>'
    return f"<g><title>{escape(frame.name)}</title>{box}{text}</g>"


def _box(box: Box, state: str, count: str) -> str:
    state_text = " ".join(w for w in (SYMBOLS.get(state, ""), state, count) if w)
    fits = len(state_text) * LETTER < box.width
    note = box.note if len(box.note) <= NOTE else box.note[: NOTE - 1] + "…"
    label = box.name if len(box.name) <= NOTE else box.name[: NOTE - 1] + "…"
    rows = [("name", label), (f"note {box.kind}".strip(), note or ("" if state else box.where))]
    rows += [("state", state_text if fits else f"{SYMBOLS[state]} {count}")] if state else []
    hint = ": ".join(w for w in (box.name, box.note) if w) + (f" ({box.where})" if box.where else "")
    rect = _rect(box.x, box.y, box.width, box.height, f"{box.kind}-box" if box.kind else "box")
    title = f"<title>{escape(hint)}{escape(f', {state_text}') if state_text else ''}</title>"
    mark = f' data-step="{escape(box.step)}" data-state="{escape(state)}"' if state else ""
    return f"<g{mark}>{title}{rect}{_rows(box, [r for r in rows if r[1]])}</g>"


def _rows(box: Box, rows: list[tuple[str, str]]) -> str:
    """Lines of text in the middle of a box, each with its class."""
    first, apart = (-9.5, 13.0) if len(rows) > 2 else (-3.0, 17.0) if len(rows) == 2 else (4.0, 0.0)
    x, y = box.x + box.width / 2, box.y + box.height / 2 + first
    return "".join(
        f'<text class="{kind}" x="{x:.1f}" y="{y + apart * at:.1f}">{escape(text)}</text>'
        for at, (kind, text) in enumerate(rows)
    )


def _line(line: Line) -> str:
    x, y = line.points[-1]
    tip = f"M{x - 4:.1f},{y - 7:.1f}L{x:.1f},{y - 1:.1f}L{x + 4:.1f},{y - 7:.1f}"
    return f'<g {EDGE}><title>{escape(line.why)}</title><path d="{path_of(line.points)}"/><path d="{tip}"/></g>'


def path_of(points: Points) -> str:
    """A line through the points that leaves and enters boxes at a right angle."""
    path = f"M{points[0][0]:.1f},{points[0][1]:.1f}"
    for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False):
        middle = (y0 + y1) / 2
        path += f"C{x0:.1f},{middle:.1f} {x1:.1f},{middle:.1f} {x1:.1f},{y1:.1f}"
    return path
