"""The graph as a picture: SVG that follows the reader's light or dark theme and needs nothing else."""

from __future__ import annotations

from html import escape

from kfnb.pipeline.layout import lay_out
from kfnb.pipeline.model import Condition, Guard, Loop, Node, Pipeline, Step, steps_of
from kfnb.pipeline.words import asked, cells, looped

HEIGHT, MARGIN = 46, 12
STYLE = """
svg{--back:#fff;--box:#f4f6fb;--line:#8b96ad;--text:#1d2433;--soft:#5c6780;--if:#a15c00;--loop:#1f6f5c;--end:#7a3f98}
@media(prefers-color-scheme:dark){svg{--back:#15181f;--box:#222735;--line:#6d7891;--text:#e8ecf5;--soft:#a7b1c7;--if:#f0b35a;--loop:#6fd0b8;--end:#cf9bec}}
text{font:13px system-ui,sans-serif;fill:var(--text);text-anchor:middle}.note{font-size:11px;fill:var(--soft)}
.if{fill:var(--if)}.loop{fill:var(--loop)}.end{fill:var(--end)}
rect{fill:var(--box);stroke:var(--line);stroke-width:1.2}.if-box{stroke:var(--if)}.loop-box{stroke:var(--loop)}
.end-box{stroke:var(--end);stroke-dasharray:5 3}path{fill:none;stroke:var(--line);stroke-width:1.4}
"""


def draw(pipeline: Pipeline) -> str:
    """The pipeline as SVG: a box per step, its condition or loop inside it, the exit handler below all others."""
    notes = dict(_notes(pipeline.body))
    boxes = {s.name: s for s in pipeline.steps()}
    last = _last(pipeline)
    widths = {n: _width(n, notes.get(n, ("", ""))[1]) for n in boxes}
    edges = [(e.source, e.to) for e in pipeline.edges]
    edges += [(a, s.name) for s in boxes.values() for a in s.after]
    layout = lay_out({n: w for n, w in widths.items() if n not in last}, edges, HEIGHT)
    below = lay_out({n: widths[n] for n in last}, edges, HEIGHT)
    height, width = layout.height, max(layout.width, below.width)
    centres = dict(layout.centres)
    if last:
        left, top = (width - below.width) / 2, height + 44
        centres.update({n: (x + left, y + top) for n, (x, y) in below.centres.items()})
        height = top + below.height
    why = {(e.source, e.to): e.why for e in pipeline.edges}
    parts = [_edge(points, why.get(pair, "")) for pair, points in layout.edges.items()]
    parts += [_box(n, centres[n], widths[n], *notes.get(n, ("", "")), cells(boxes[n])) for n in boxes]
    size = f'width="{width + 2 * MARGIN:.0f}" height="{height + 2 * MARGIN:.0f}"'
    view = f'viewBox="{-MARGIN} {-MARGIN} {width + 2 * MARGIN:.0f} {height + 2 * MARGIN:.0f}"'
    ground = f'<rect x="{-MARGIN}" y="{-MARGIN}" width="100%" height="100%" style="fill:var(--back);stroke:none"/>'
    title = f"<title>{escape(pipeline.name)}</title>"
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {view} {size}>{title}<style>{STYLE}</style>{ground}{"".join(parts)}</svg>'


def _last(pipeline: Pipeline) -> list[str]:
    """The steps of a handler around everything: they stand below all others."""
    first = pipeline.body[0] if len(pipeline.body) == 1 else None
    return [s.name for s in steps_of(first.handler)] if isinstance(first, Guard) else []


def _notes(body: tuple[Node, ...], around: tuple[str, str] = ("", "")) -> list[tuple[str, tuple[str, str]]]:
    """What stands around each step, in words: the kind of frame and its text."""
    found: list[tuple[str, tuple[str, str]]] = []
    for node in body:
        if isinstance(node, Step):
            if around[0]:
                found.append((node.name, around))
        elif isinstance(node, Condition):
            for branch in node.branches:
                text = f"if {asked(branch)}" if branch.when is not None else "else"
                found += _notes(branch.body, ("if", _joined(around[1], text)))
        elif isinstance(node, Loop):
            found += _notes(node.body, ("loop", _joined(around[1], f"for each of {looped(node)}")))
        elif isinstance(node, Guard):
            found += _notes(node.body, around)
            found += _notes(node.handler, ("end", _joined(around[1], "at the end, always")))
    return found


def _joined(around: str, text: str) -> str:
    return f"{around}, {text}" if around else text


def _width(name: str, note: str) -> float:
    return max(70.0, 8.2 * len(name) + 26, 6.3 * min(len(note), 48) + 22)


def _box(name: str, centre: tuple[float, float], width: float, kind: str, note: str, where: str) -> str:
    x, y = centre
    shown = note if len(note) <= 48 else note[:47] + "…"
    hint = f"<title>{escape(f'{name}: {note}' if note else name)}{escape(f' ({where})' if where else '')}</title>"
    frame = f' class="{kind}-box"' if kind else ""
    box = (
        f'<rect{frame} x="{x - width / 2:.1f}" y="{y - HEIGHT / 2:.1f}" width="{width:.1f}" height="{HEIGHT}" rx="8"/>'
    )
    first = f'<text x="{x:.1f}" y="{y - 3:.1f}">{escape(name)}</text>'
    second = f'<text class="note {kind}" x="{x:.1f}" y="{y + 14:.1f}">{escape(shown or where)}</text>'
    return f"<g>{hint}{box}{first}{second}</g>"


def _edge(points: list[tuple[float, float]], why: str) -> str:
    path = f"M{points[0][0]:.1f},{points[0][1]:.1f}"
    for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False):
        middle = (y0 + y1) / 2
        path += f"C{x0:.1f},{middle:.1f} {x1:.1f},{middle:.1f} {x1:.1f},{y1:.1f}"
    x, y = points[-1]
    tip = f"M{x - 4:.1f},{y - 7:.1f}L{x:.1f},{y - 1:.1f}L{x + 4:.1f},{y - 7:.1f}"
    return f'<g><title>{escape(why)}</title><path d="{path}"/><path d="{tip}"/></g>'
