"""Draws the plot of a sweep, metrics against parameters, as SVG that follows the reader's light or dark theme."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from kfnb.pipeline.model import Json
from kfnb.states import SYMBOLS
from kfnb.sweeps.parameter_grid import value_text
from kfnb.sweeps.plot.plot_axes import PAD, Axis, axis, categories, is_numeric, numbers
from kfnb.sweeps.sweep_results import Goal, Results, Row

MOST_METRICS = 4  #: that are plotted when none was chosen
MOST_SERIES = 6  #: lines in one panel
MOST_CELLS = 12  #: of a heat map, along one side
WIDTH, HEIGHT = 380.0, 230.0  #: of what is plotted in a panel
NARROW = 250.0  #: of a panel where several stand side by side
LEFT, RIGHT, TOP, BOTTOM = 66.0, 26.0, 46.0, 52.0  #: around it
LEGEND = 104.0  #: pixels beside a panel with several lines
LETTER = 6.6  #: pixels that a letter of a label takes, about
MARGIN, HEAD = 10.0, 36.0
COLOURS = ("blue", "orange", "green", "purple", "red", "grey")
STYLE = """
.kfnb-sweep{--back:#fff;--line:#d5dae4;--axis:#8b96ad;--text:#1d2433;--soft:#5c6780;--on:#fff;--best:#b3261e;--cell:#1550b0;--blue:#1f6feb;--orange:#b45f06;--green:#1a7f37;--purple:#8250df;--red:#c2255c;--grey:#57606a}
@media screen and (prefers-color-scheme:dark){.kfnb-sweep{--back:#15181f;--line:#2b313d;--axis:#6d7891;--text:#e8ecf5;--soft:#a7b1c7;--on:#0d1117;--best:#ff9d7a;--cell:#6cb2ff;--blue:#6cb2ff;--orange:#f0b35a;--green:#56c271;--purple:#cf9bec;--red:#ff8fb1;--grey:#b1bac4}}
.kfnb-sweep text{font:12px system-ui,sans-serif;fill:var(--soft);text-anchor:middle}.kfnb-sweep .head{font-size:14px;font-weight:600;fill:var(--text);text-anchor:start}
.kfnb-sweep .of{font-size:12px;font-weight:400;fill:var(--soft);text-anchor:start}.kfnb-sweep .name{fill:var(--text)}.kfnb-sweep .end{text-anchor:end}.kfnb-sweep .begin{text-anchor:start}
.kfnb-sweep .ground{fill:var(--back)}.kfnb-sweep .grid{stroke:var(--line)}.kfnb-sweep .axis{stroke:var(--axis)}
.kfnb-sweep .series{fill:none;stroke-width:2;stroke-linejoin:round}.kfnb-sweep .dot{stroke:var(--back);stroke-width:1.5}.kfnb-sweep .among{fill-opacity:.6}
.kfnb-sweep .best{fill:none;stroke:var(--best);stroke-width:2.5}.kfnb-sweep .verdict{font-size:12px;fill:var(--best)}
.kfnb-sweep .cell{fill:var(--cell)}.kfnb-sweep .none{fill:none;stroke:var(--line);stroke-dasharray:3 3}.kfnb-sweep .value{fill:var(--text)}.kfnb-sweep .on{fill:var(--on)}
""" + "".join(f".kfnb-sweep .line-{c}{{stroke:var(--{c})}}.kfnb-sweep .fill-{c}{{fill:var(--{c})}}" for c in COLOURS)  # fmt: skip

Point = tuple[float, float]


def plot(results: Results, metric: str | None = None) -> str:
    """Metrics against the swept parameters.

    One parameter: a line, or dots where it is no number. Two: a line for each value of one of them, or a heat map. More, or
    a grid of which only a part was run: dots against each parameter. An axis is logarithmic where its values span two decades.

    Parameters
    ----------
    metric
        Plot this one only; by default the one by which the sweep is judged, else the first four.
    """
    goal = results.goal
    chosen = (
        [metric] if metric is not None else [goal.metric] if goal is not None else list(results.numeric[:MOST_METRICS])
    )
    rows = [_panels(results, name) for name in chosen if name in results.numeric]
    width = max((sum(w for w, _ in row) for row in rows), default=WIDTH) + 2 * MARGIN
    if len(rows) > 1 and all(len(row) == 1 for row in rows):
        rows = [[panel for row in rows[n : n + 2] for panel in row] for n in range(0, len(rows), 2)]
    if not rows:
        rows = [[(LEFT + WIDTH + RIGHT, _text("begin", 12, 20, "no run that succeeded left a number", WIDTH))]]
    step = TOP + HEIGHT + BOTTOM
    height = HEAD + step * len(rows) + 2 * MARGIN
    parts = []
    for n, row in enumerate(rows):
        x = MARGIN
        for wide, panel in row:
            parts.append(f'<g transform="translate({x:.1f} {MARGIN + HEAD + n * step:.1f})">{panel}</g>')
            x += wide
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="kfnb-sweep" role="img" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}"><title>{escape(f"{results.pipeline}: {results.experiment}")}</title>'
        f'<style>{STYLE}</style><rect class="ground" width="100%" height="100%"/>{_heading(results)}{"".join(parts)}</svg>'
    )


def _heading(results: Results) -> str:
    good = sum(r.state == "succeeded" for r in results.rows)
    count = f"{len(results.rows)} runs" + (f", {good} succeeded" if good < len(results.rows) else "")
    return (
        f'<text class="head" x="{MARGIN + 12}" y="{MARGIN + 20}">{escape(results.pipeline)}'
        f'<tspan class="of" dx="10">{escape(f"{results.experiment} · {count}")}</tspan></text>'
    )


def _panels(results: Results, metric: str) -> list[tuple[float, str]]:
    """The panels of one metric, each with its width."""
    rows = [r for r in results.rows if r.number_of(metric) is not None]
    goal = results.goal if results.goal is not None and results.goal.metric == metric else None
    best = results.best(goal)[0] if goal is not None else None
    panel = _Panel(results, metric, rows, best, goal)
    swept = results.swept
    if len(swept) == 2 and (pair := _pair(rows, swept)) is not None:
        x, by = pair
        lines = is_numeric([r.parameters[x] for r in rows]) and len(_values(rows, by)) <= MOST_SERIES
        return [panel.lines(x, by)] if lines and len(_values(rows, x)) > 2 else [panel.heat(x, by)]
    if len(swept) == 1:
        return (
            [panel.lines(swept[0], None)]
            if is_numeric([r.parameters[swept[0]] for r in rows])
            else [panel.dots(swept[0], WIDTH)]
        )
    return [panel.dots(name, NARROW if len(swept) > 1 else WIDTH) for name in swept or tuple(rows[0].parameters)[:1]]


def _values(rows: list[Row], name: str) -> dict[str, Json]:
    return {value_text(r.parameters[name]): r.parameters[name] for r in rows}


def _pair(rows: list[Row], swept: tuple[str, ...]) -> tuple[str, str] | None:
    """Two parameters, the one for the x axis first: that of numbers, that with more values. ``None``: too sparse for a grid."""
    sizes = {n: len(_values(rows, n)) for n in swept}
    if max(sizes.values()) > MOST_CELLS or len(rows) * 2 < sizes[swept[0]] * sizes[swept[1]]:
        return None
    first, second = sorted(swept, key=lambda n: (is_numeric([r.parameters[n] for r in rows]), sizes[n]), reverse=True)
    return first, second


class _Panel:
    """Draws one metric."""

    def __init__(self, results: Results, metric: str, rows: list[Row], best: Row | None, goal: Goal | None) -> None:
        self.results, self.metric, self.rows, self.best, self.goal = results, metric, rows, best, goal
        self.values = {r.number: r.number_of(metric) or 0.0 for r in rows}
        self.y = numbers(metric, list(self.values.values()), 6, own=False)

    # ---------------------------------------------------------------- kinds of panels
    def lines(self, x: str, by: str | None) -> tuple[float, str]:
        """Against a parameter of numbers; a line for each value of ``by``."""
        across = axis(x, [r.parameters[x] for r in self.rows], WIDTH / 56)
        series = {"": self.rows}
        if by is not None:
            order = categories(by, [r.parameters[by] for r in self.rows])
            series = {word: [r for r in self.rows if value_text(r.parameters[by]) == word] for _, word in order.ticks}
        parts = [self._frame(across, WIDTH)]
        for colour, rows in zip(COLOURS, series.values(), strict=False):
            points = sorted(self._place(r, across, WIDTH) for r in rows)
            parts.append(
                f'<polyline class="series line-{colour}" points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in points)}"/>'
            )
        for colour, rows in zip(COLOURS, series.values(), strict=False):
            parts += [self._dot(r, across, WIDTH, f"fill-{colour}") for r in rows]
        parts += [self._best(across, WIDTH)]
        if by is None:
            return LEFT + WIDTH + RIGHT, "".join(parts)
        parts.append("".join(self._legend(by, list(series))))
        return LEFT + WIDTH + RIGHT + LEGEND, "".join(parts)

    def dots(self, x: str, width: float) -> tuple[float, str]:
        """Every run against one parameter."""
        across = axis(x, [r.parameters[x] for r in self.rows], width / 56)
        parts = [self._dot(r, across, width, "fill-blue among") for r in self.rows]
        return LEFT + width + RIGHT, "".join([self._frame(across, width), *parts, self._best(across, width)])

    def heat(self, x: str, by: str) -> tuple[float, str]:
        """A field for each combination of two parameters, the stronger the better, or the higher where nothing is better."""
        every = list(self.results.rows)
        across, up = (categories(n, [r.parameters[n] for r in every]) for n in (x, by))
        wide, high = WIDTH / len(across.ticks), HEIGHT / len(up.ticks)
        more = min(
            max(max(len(word) for _, word in up.ticks) * LETTER + 40 - LEFT, 0.0), 100.0
        )  # for long words at the left
        parts = [_text("end", LEFT - 10, _up(p) + 4, word, LEFT + more - 36) for p, word in up.ticks]
        ring = ""
        for row in every:
            left = LEFT + across.at(row.parameters[x]) * WIDTH - wide / 2
            top = _up(up.at(row.parameters[by])) - high / 2
            box = f'x="{left + 1.5:.1f}" y="{top + 1.5:.1f}" width="{wide - 3:.1f}" height="{high - 3:.1f}" rx="4"'
            parts.append(
                f"<g>{self._hint(row)}{self._field(row, box, left + wide / 2, top + high / 2 + 4, wide - 8)}</g>"
            )
            ring = f'<rect class="best" {box}/>' if row is self.best else ring
        name = f'<text class="name" transform="translate(18 {TOP + HEIGHT / 2:.1f}) rotate(-90)">{escape(by)}</text>'
        title = self._title("the stronger the better" if self.goal is not None else "the stronger the higher")
        inside = "".join([*parts, ring, *_below(across, WIDTH)])
        return LEFT + more + WIDTH + RIGHT, f'{title}{name}<g transform="translate({more:.1f} 0)">{inside}</g>'

    # ---------------------------------------------------------------- their parts
    def _field(self, row: Row, box: str, x: float, y: float, room: float) -> str:
        value = self.values.get(row.number)
        if value is None:
            return f'<rect class="none" {box}/>' + _text("", x, y, SYMBOLS[row.state], room)
        place = (self.y.at(value) - PAD) / (1 - 2 * PAD) if len(set(self.values.values())) > 1 else 0.5
        depth = 1 - place if self.goal is not None and not self.goal.maximize else place
        words = [f"{value:.{digits}g}" for digits in (4, 3, 2, 1)]
        shown = next((w for w in words if len(w) * LETTER <= room), "")
        text = _text("on" if depth > 0.68 else "value", x, y, shown, room)
        return f'<rect class="cell" fill-opacity="{0.08 + 0.87 * depth:.2f}" {box}/>{text}'

    def _frame(self, across: Axis, width: float) -> str:
        lines = [
            f'<path class="grid" d="M{LEFT},{_up(p):.1f}h{width}"/>' + _text("end", LEFT - 8, _up(p) + 4, word, 58)
            for p, word in self.y.ticks
        ]
        base = f'<path class="axis" d="M{LEFT},{TOP + HEIGHT}h{width}"/>'
        return "".join([self._title("log scale" if self.y.log else ""), *lines, base, *_below(across, width)])

    def _title(self, note: str) -> str:
        best = f"best {self.values[self.best.number]:.4g}" if self.best is not None else ""
        notes = ((k, w) for k, w in (("verdict", best), ("of", note)) if w)
        shown = "".join(f'<tspan class="{kind}" dx="10">{escape(word)}</tspan>' for kind, word in notes)
        return f'<text class="head" x="{LEFT - 54}" y="{TOP - 22}">{escape(self.metric)}{shown}</text>'

    def _place(self, row: Row, across: Axis, width: float) -> Point:
        return LEFT + across.at(row.parameters[across.name]) * width, _up(self.y.at(self.values[row.number]))

    def _dot(self, row: Row, across: Axis, width: float, kind: str) -> str:
        x, y = self._place(row, across, width)
        return f'<circle class="dot {kind}" cx="{x:.1f}" cy="{y:.1f}" r="5">{self._hint(row)}</circle>'

    def _best(self, across: Axis, width: float) -> str:
        if self.best is None:
            return ""
        x, y = self._place(self.best, across, width)
        return f'<circle class="best" cx="{x:.1f}" cy="{y:.1f}" r="8"/>'

    def _hint(self, row: Row) -> str:
        value = (
            f"{self.metric} = {value_text((row.metrics or {}).get(self.metric))}"
            if row.number in self.values
            else row.state
        )
        return f"<title>{escape(f'{value} with {self.results.combination(row)}, run {row.run}')}</title>"

    def _legend(self, by: str, labels: list[str]) -> Iterator[str]:
        x = LEFT + WIDTH + 16
        yield _text("begin name", x, TOP + 4, by, LEGEND)
        for n, (colour, word) in enumerate(zip(COLOURS, labels, strict=False)):
            y = TOP + 26 + n * 20
            yield f'<circle class="fill-{colour}" cx="{x + 5}" cy="{y - 4}" r="5"/>' + _text(
                "begin", x + 17, y, word, LEGEND - 17
            )


def _up(place: float) -> float:
    return TOP + HEIGHT * (1 - place)


def _below(across: Axis, width: float) -> Iterator[str]:
    """What stands under a panel: the ticks of its x axis, and its name."""
    room = width / max(len(across.ticks), 1) if len(across.ticks) > 1 else width
    for place, word in across.ticks:
        yield _text("", LEFT + place * width, TOP + HEIGHT + 19, word, max(room - 4, 24))
    yield _text("name", LEFT + width / 2, TOP + HEIGHT + 42, across.label, width)


def _text(kind: str, x: float, y: float, text: str, room: float) -> str:
    """A label, cut where it has no room; all of it stands in its title then."""
    most = max(2, int(room / LETTER))
    if len(text) <= most:
        return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}"><title>{escape(text)}</title>{escape(text[: most - 1])}…</text>'
    )
