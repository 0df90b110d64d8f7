"""Shows a sweep on the screen: as a live table in a terminal, as one line per finished run elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from kfnb.cli.live_run_table import COLOURS
from kfnb.states import FINAL, SYMBOLS
from kfnb.wording import duration

if TYPE_CHECKING:
    from rich.table import Table

    from kfnb.sweeps.run_sweep import Sweep
    from kfnb.sweeps.sweep_results import Results, Row

REFRESH = 0.1  #: seconds between two looks
AROUND = 6  #: lines of the terminal that the table leaves free
OVER = (*FINAL, "omitted")


class Silent:
    """Nothing; the other ways of showing build on it."""

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep

    def __enter__(self) -> None:
        return

    def __exit__(self, *_: object) -> None:
        return

    def look(self) -> None:
        """Show what is new, and wait a little."""
        time.sleep(REFRESH)

    def note(self, text: str) -> None:
        return


class Plain(Silent):
    """A line for each run that has ended."""

    def __init__(self, sweep: Sweep) -> None:
        super().__init__(sweep)
        self._printed: set[int] = set()

    def look(self) -> None:
        results = self._sweep.results()
        for row in results.rows:
            if row.state in FINAL and row.number not in self._printed:
                self._printed.add(row.number)
                click.echo(self._line(results, row))
        super().look()

    def _line(self, results: Results, row: Row) -> str:
        numbers = " ".join(
            f"{n}={v:.4g}" if isinstance(v, float) else f"{n}={v}" for n, v in (row.metrics or {}).items()
        )
        head = f"{SYMBOLS[row.state]} {len(self._printed)}/{len(results.rows)} {results.combination(row)} {row.state}"
        return "  ".join(w for w in (head, numbers, duration(row.duration), row.run or "", row.problem or "") if w)

    def note(self, text: str) -> None:
        click.echo(text, err=True)


class Terminal(Silent):
    """A table that lives."""

    def __init__(self, sweep: Sweep) -> None:
        from rich.console import Console
        from rich.live import Live

        super().__init__(sweep)
        self._note = ""
        self._live = Live(console=Console(), auto_refresh=False, transient=True)

    def __enter__(self) -> None:
        self._live.start()

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def look(self) -> None:
        results = self._sweep.results()
        self._live.update(live_table(results, self._live.console.height - AROUND, self._note), refresh=True)
        super().look()

    def note(self, text: str) -> None:
        self._note = text


def live_table(results: Results, room: int, note: str = "") -> Table:
    """The runs in the order of the grid; when they are more than ``room``, those that run and what has just ended."""
    rows = list(results.rows)
    states = [r.state for r in rows]
    counts = ", ".join(f"{states.count(s)} {s}" for s in ("succeeded", "failed", "cancelled", "running", "pending", "omitted") if s in states)  # fmt: skip
    if len(rows) > room:
        urgent = sorted(rows, key=lambda r: (r.state != "running", r.state in ("pending", "omitted"), -r.number if r.state in OVER else r.number))  # fmt: skip
        shown = {r.number for r in urgent[: max(room, 1)]}
        rows = [r for r in rows if r.number in shown]
    grid = table(results, rows)
    grid.caption = f"{counts} of {len(results.rows)}" + (f"\n{note}" if note else "")
    return grid


def table(results: Results, rows: list[Row]) -> Table:
    """These runs with their parameters and metrics."""
    from dataclasses import replace

    from rich.table import Table
    from rich.text import Text

    head, lines = replace(results, rows=tuple(rows), goal=None).cells()
    grid = Table(box=None, pad_edge=False, caption_justify="left")
    for name in head:
        grid.add_column(
            name, no_wrap=True, justify="left" if name in ("state", "run") else "right", overflow="ellipsis"
        )
    best = {r.number for r in results.best(results.goal)[:1]} if results.goal is not None else set()
    for row, line in zip(rows, lines, strict=True):
        cells: list[Any] = [*line[:-3], Text(line[-3], COLOURS.get(row.state, "")), *line[-2:]]
        grid.add_row(*cells, style="bold" if row.number in best else None)
    return grid


def print_table(results: Results) -> None:
    """All runs, the best first: in colour in a terminal, as plain text elsewhere, where nothing is cut."""
    from rich.console import Console

    console = Console()
    if console.is_terminal:
        console.print(table(results, results.ordered()))
    else:
        click.echo(results.text())
