"""The graph as a picture: SVG that follows the reader's light or dark theme and needs nothing else."""

from __future__ import annotations

from html import escape

from kfnb.pipeline.graph import NOTE, Box, Frame, Line, Points, graph_of
from kfnb.pipeline.model import Pipeline

MARGIN = 12
STYLE = """
svg{--back:#fff;--box:#f4f6fb;--line:#8b96ad;--text:#1d2433;--soft:#5c6780;--if:#a15c00;--loop:#1f6f5c;--end:#7a3f98}
@media(prefers-color-scheme:dark){svg{--back:#15181f;--box:#222735;--line:#6d7891;--text:#e8ecf5;--soft:#a7b1c7;--if:#f0b35a;--loop:#6fd0b8;--end:#cf9bec}}
text{font:13px system-ui,sans-serif;fill:var(--text);text-anchor:middle}.note{font-size:11px;fill:var(--soft)}
.if{fill:var(--if)}.loop{fill:var(--loop)}.finally{fill:var(--end)}
rect{fill:var(--box);stroke:var(--line);stroke-width:1.2}.if-box{stroke:var(--if)}.loop-box{stroke:var(--loop)}
.finally-box{stroke:var(--end);stroke-dasharray:5 3}.frame{fill:none;stroke-opacity:.75}.frame.try-box{stroke:var(--soft)}.label{font-size:11px;text-anchor:start}path{fill:none;stroke:var(--line);stroke-width:1.4}
"""


def draw(pipeline: Pipeline) -> str:
    """The pipeline as SVG: a box per step, frames for conditions, loops and handlers."""
    graph = graph_of(pipeline)
    parts = [_frame(f) for f in graph.frames] + [_line(n) for n in graph.lines] + [_box(b) for b in graph.boxes]
    width, height = graph.width + 2 * MARGIN, graph.height + 2 * MARGIN
    view = f'viewBox="{-MARGIN} {-MARGIN} {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
    ground = f'<rect x="{-MARGIN}" y="{-MARGIN}" width="100%" height="100%" style="fill:var(--back);stroke:none"/>'
    title = f"<title>{escape(pipeline.name)}</title>"
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {view}>{title}<style>{STYLE}</style>{ground}{"".join(parts)}</svg>'


def _rect(x: float, y: float, width: float, height: float, classes: str) -> str:
    return f'<rect class="{classes}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="8"/>'


def _frame(frame: Frame) -> str:
    shown = frame.label if len(frame.label) <= NOTE else frame.label[: NOTE - 1] + "…"
    box = _rect(frame.x, frame.y, frame.width, frame.height, f"frame {frame.kind}-box")
    text = f'<text class="label note {frame.kind}" x="{frame.x + 10:.1f}" y="{frame.y + 16:.1f}">{escape(shown)}</text>'
    return f"<g><title>{escape(frame.label)}</title>{box}{text}</g>"


def _box(box: Box) -> str:
    shown = box.note if len(box.note) <= NOTE else box.note[: NOTE - 1] + "…"
    hint = f"{box.step}: {box.note}" if box.note else box.step
    middle = box.x + box.width / 2
    first = f'<text x="{middle:.1f}" y="{box.y + box.height / 2 - 3:.1f}">{escape(box.step)}</text>'
    second = f'<text class="note {box.kind}" x="{middle:.1f}" y="{box.y + box.height / 2 + 14:.1f}">{escape(shown or box.where)}</text>'
    rect = _rect(box.x, box.y, box.width, box.height, f"{box.kind}-box" if box.kind else "box")
    return f"<g><title>{escape(hint)}{escape(f' ({box.where})' if box.where else '')}</title>{rect}{first}{second}</g>"


def _line(line: Line) -> str:
    x, y = line.points[-1]
    tip = f"M{x - 4:.1f},{y - 7:.1f}L{x:.1f},{y - 1:.1f}L{x + 4:.1f},{y - 7:.1f}"
    return f'<g><title>{escape(line.why)}</title><path d="{path_of(line.points)}"/><path d="{tip}"/></g>'


def path_of(points: Points) -> str:
    """A line through the points that leaves and enters boxes straight."""
    path = f"M{points[0][0]:.1f},{points[0][1]:.1f}"
    for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False):
        middle = (y0 + y1) / 2
        path += f"C{x0:.1f},{middle:.1f} {x1:.1f},{middle:.1f} {x1:.1f},{y1:.1f}"
    return path
