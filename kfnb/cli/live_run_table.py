"""Shows a run on the screen: as a live table in a terminal, as one plain line per change elsewhere."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from kfnb.runs.attempt_logs import last_line
from kfnb.runs.kept_pipeline import shown_names, shown_path
from kfnb.runs.record.run_store import Event
from kfnb.runs.run_as_text import step_duration
from kfnb.states import STARTING, STEP_FINAL, SYMBOLS
from kfnb.terminal_escapes import terminal_text, without_codes
from kfnb.wording import duration, elapsed, error_line, error_place

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from kfnb.engines.engine_interface import Engine
    from kfnb.runs.record.run_store import RunStore

COLOURS = {
    "pending": "dim", "running": "bold cyan", "succeeded": "green", "failed": "bold red", "skipped": "dim", "omitted": "dim",
    "cached": "blue", "cancelled": "yellow",
}  # fmt: skip
REFRESH = 10  #: frames a second
SHORTEST_NAME = 8  #: characters of a step's name that stand in one line even on the narrowest screen
#: The states with which a step's log is printed. A step that is pending again has an attempt that failed.
PRINTED = ("pending", *(s for s in STEP_FINAL if s != "cached"))
WHOLE_NAME = 24  #: characters of a step's name that come before its note
BETWEEN = 2  #: characters between two columns
CHROME = (
    4  #: lines of a terminal that the rows of a live table leave free: its head, what is left out, a note, the cursor
)
#: Which rows a live table keeps when the terminal is too low for all: those with the first of these states.
KEPT_FIRST = ("running", "failed", "cancelled", "pending")


@dataclass(frozen=True)
class Row:
    """What the table says of a step or of an iteration."""

    path: str
    name: str
    state: str
    shown: str  #: the state with its symbol, and the attempt
    time: str
    note: str = ""

    @property
    def texts(self) -> tuple[str, str, str, str]:
        return self.name, self.shown, self.time, self.note


def watch(engine: Engine, run_id: str, quiet: bool = False, since: int = 0) -> None:
    """Follow a run to its end. Ctrl-C cancels it, a second one at once."""
    events = engine.events(run_id, since)
    if quiet:
        show = _Silent()
    elif sys.stdout.isatty():
        show = _Terminal(engine, run_id)
    else:
        show = _Plain(engine, run_id)
    with show:
        while True:
            try:
                for event in events:
                    show.event(event)
                return
            except KeyboardInterrupt:
                engine.cancel(run_id)
                show.note("cancelling; press Ctrl-C again to end at once")
                events = engine.events(run_id, show.last_event or since)


class _Silent:
    """Nothing; the other ways of showing build on it."""

    last_event = 0

    def __enter__(self) -> None:
        return

    def __exit__(self, *_: object) -> None:
        return

    def event(self, event: Event) -> None:
        self.last_event = event.seq

    def note(self, text: str) -> None:
        return


class _Plain(_Silent):
    """Lines: state changes, and what the steps printed when they have ended."""

    def __init__(self, engine: Engine, run_id: str) -> None:
        self._engine, self._run = engine, run_id
        self._names = shown_names(engine.store, run_id)

    def event(self, event: Event) -> None:
        super().event(event)
        data = event.data
        if event.kind != "step":
            if data["state"] == "running":
                click.echo(f"run {self._run}")
            return
        state = data["state"]
        if state == "pending" and (data.get("reason") or STARTING).startswith(STARTING):
            return  # what happens by itself is left to the live table
        path = shown_path(data["path"], self._names)
        if data.get("attempts") and state in PRINTED:
            for line in self._engine.store.logs(self._run, data["path"], data["attempts"]):
                click.echo(f"[{path}] {terminal_text(line.text)}")
        reason = f"  ({data['reason']})" if data.get("reason") else ""
        click.echo(f"{SYMBOLS[state]} {path} {state}{without_codes(reason)}")

    def note(self, text: str) -> None:
        click.echo(text, err=True)


class _Terminal(_Silent):
    """A table that lives."""

    def __init__(self, engine: Engine, run_id: str) -> None:
        from rich.console import Console
        from rich.live import Live

        self._store, self._run = engine.store, run_id
        self._names = shown_names(engine.store, run_id)
        self._note = ""
        self._ended = False
        self._console = Console()
        self._live = Live(console=self._console, refresh_per_second=REFRESH, get_renderable=self._table)

    def __enter__(self) -> None:
        self._live.start()

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._live.refresh()
        self._live.stop()

    def note(self, text: str) -> None:
        self._note = text

    def _table(self) -> Group:
        # drawn by another thread, and a connection to SQLite belongs to its own
        from kfnb.runs.record.run_store import RunStore

        store = RunStore(self._store.home)
        try:
            summary = store.summary(self._run)
            if self._ended:
                return final_table(summary, self._console.width, self._names)
            most = max(1, self._console.height - CHROME)
            return table(summary, self._console.width, self._names, store, self._note, most)
        finally:
            store.close()


def table(
    summary: dict[str, Any],
    width: int,
    names: Mapping[str, str],
    store: RunStore | None = None,
    note: str = "",
    most: int | None = None,
) -> Group:
    """The run as a table: a row per step, and one for each iteration that is not plainly over.

    Parameters
    ----------
    names
        What steps are shown as that are not shown by their own names.
    store
        Where the last lines of running steps are; without it they are left out.
    note
        A line below the table.
    most
        The number of rows that there is room for, by default all. The last line says what is left out.
    """
    from rich.console import Group
    from rich.text import Text

    rows = _rows(summary, names, store)
    kept = rows if most is None else _kept(rows, most)
    below = [Text(text, "dim italic") for text in (_left_out(rows, kept), note) if text]
    return Group(_drawn(kept, width), *below)


def final_table(summary: dict[str, Any], width: int, names: Mapping[str, str]) -> Group:
    """A run as a table, and below it the reasons that have no room beside the states. What `conclude` tells, with its place, is left out."""
    from rich.cells import cell_len
    from rich.console import Group
    from rich.text import Text

    error = summary["error"] or {}
    told = without_codes(error_line(error))
    rows = [
        replace(row, note="") if row.path == error.get("step") and row.note in told else row
        for row in _rows(summary, names, None)
    ]
    room = _widths(rows, width)[3]
    long = [row for row in rows if cell_len(row.note) > room]
    short = [replace(row, note="") if row in long else row for row in rows]
    below = [Text(f"{row.name.strip()}: {row.note}", "dim", overflow="fold") for row in long]
    return Group(_drawn(short, width), *below)


def _drawn(rows: Sequence[Row], width: int) -> Table:
    """The name of a step is never cut. It is folded where it is longer than ``width`` allows, and the note gets what the others leave."""
    from rich.table import Table
    from rich.text import Text

    name_width, state_width, time_width, note_width = _widths(rows, width)
    found = Table(box=None, pad_edge=False)
    found.add_column("step", overflow="fold", width=name_width)
    found.add_column("state", no_wrap=True, overflow="ellipsis", min_width=state_width)
    found.add_column("time", no_wrap=True, justify="right", min_width=time_width)
    if note_width:
        found.add_column("", no_wrap=True, overflow="ellipsis", width=note_width)
    for row in rows:
        cells = (Text(row.name), Text(row.shown, COLOURS[row.state]), row.time, Text(row.note, "dim"))
        found.add_row(*cells[: len(found.columns)])
    return found


def _widths(rows: Sequence[Row], width: int) -> tuple[int, int, int, int]:
    """The widths of the columns, in characters; that of the note is 0 where it has no room."""
    from rich.cells import cell_len

    heads = ("step", "state", "time", "")
    longest = [max(map(cell_len, (head, *(row.texts[at] for row in rows)))) for at, head in enumerate(heads)]
    rest = width - longest[1] - longest[2] - BETWEEN * (len(heads) - 1)  # for the name and the note
    name = min(longest[0], max(SHORTEST_NAME, rest // 2, rest - longest[3], min(WHOLE_NAME, rest)))
    return name, longest[1], longest[2], max(0, min(rest - name, longest[3]))


def _kept(rows: Sequence[Row], most: int) -> Sequence[Row]:
    """As many rows as there is room for, in their order: what runs and what failed, then what comes next, then what has ended."""
    order = [*KEPT_FIRST, *(state for state in SYMBOLS if state not in KEPT_FIRST)]
    first = sorted(range(len(rows)), key=lambda at: (order.index(rows[at].state), at))[:most]
    return [rows[at] for at in sorted(first)]


def _left_out(rows: Sequence[Row], kept: Sequence[Row]) -> str:
    counts = Counter(row.state for row in rows)
    counts.subtract(row.state for row in kept)
    more = [f"{counts[state]} {state}" for state in SYMBOLS if counts[state]]
    return f"and {len(rows) - len(kept)} more: {', '.join(more)}" if more else ""


def _rows(summary: dict[str, Any], names: Mapping[str, str], store: RunStore | None) -> list[Row]:
    return [row for name, step in summary["steps"].items() for row in _rows_of(summary, name, step, names, store)]


def _rows_of(
    summary: dict[str, Any], name: str, step: dict[str, Any], names: Mapping[str, str], store: RunStore | None
) -> list[Row]:
    inside = step.get("iterations") or {}
    shown = inside if len(inside) <= 12 else {}
    return [
        _row(summary, name, shown_path(name, names), step, store),
        *(_row(summary, path, f"  {shown_path(path, names)}", one, store) for path, one in shown.items()),
    ]


def _row(summary: dict[str, Any], path: str, name: str, step: dict[str, Any], store: RunStore | None) -> Row:
    state = step["state"]
    note = without_codes(step["reason"] or "")
    if state == "running" and store is not None and step["attempts"]:
        note = last_line(store.attempt_folder(summary["run"], path, step["attempts"]) / "log") or note
    tries = (
        f" (attempt {step['attempts']})"
        if step["attempts"] and step["attempts"] > 1 and "iterations" not in step
        else ""
    )
    return Row(
        path, name, state, f"{SYMBOLS[state]} {state}{tries}", step_duration(step, time.time()), note.split("\n")[0]
    )


def print_table(store: RunStore, summary: dict[str, Any]) -> None:
    from rich.console import Console

    console = Console()
    console.print(final_table(summary, console.width, shown_names(store, summary["run"])))


def conclude(store: RunStore, summary: dict[str, Any], values: bool = True) -> None:
    """The end of a run: what went wrong and where, or what came of it."""
    error = summary["error"]
    if error:
        click.echo("")
        click.echo(without_codes(error_line(error) if error_place(error) else error["message"]))
        _tail(store, summary, error)
    from kfnb.runs.install_times import install_advice
    from kfnb.runs.run_summary import let_fail

    for path, reason in let_fail(summary):
        click.echo(without_codes(f"{path} failed and the run went on: {reason}"))
    for name, value in summary["metrics"].items():
        click.echo(without_codes(f"{name} = {value}"))
    if values and summary["state"] == "succeeded":
        for line in _values(summary, shown_names(store, summary["run"])):
            click.echo(without_codes(line))
    length = f" in {duration(elapsed(summary))}" if summary["finished"] and summary["started"] else ""
    click.echo(f"run {summary['run']} {summary['state']}{length}")
    advice = install_advice(store, summary)
    if advice:
        click.echo(without_codes(advice), err=True)
    if summary.get("page"):
        click.echo(f"on the cluster: {summary['page']}")
    if summary["state"] == "failed" and summary["run"]:
        click.echo(f"after mending it: kfnb retry {summary['run']}")


def _tail(store: RunStore, summary: dict[str, Any], error: dict[str, Any]) -> None:
    path = error.get("step")
    attempts = next((s["attempts"] for s in store.steps(summary["run"]) if s["path"] == path), 0) if path else 0
    if path and attempts:
        lines = [line.text for line in store.logs(summary["run"], path)]
        if lines and not error.get("traceback") and lines[-1].strip() == f"{error['type']}: {error['message']}":
            lines.pop()  # it stands above already
        for text in lines[-15:]:
            click.echo(f"  {terminal_text(text)}")


def _values(summary: dict[str, Any], names: Mapping[str, str]) -> list[str]:
    """Small values that the steps left; of a step that decides, what came out."""
    found = []
    for name, step in summary["steps"].items():
        shown = {
            n: v
            for n, v in step["outputs"].items()
            if isinstance(v, bool | int | float) or isinstance(v, str) and len(v) < 60
        }
        if shown and step["state"] in ("succeeded", "cached"):
            found.append(
                f"{shown_path(name, names)}: {shown['value']}"
                if name in names and "value" in shown
                else f"{shown_path(name, names)}: "
                + ", ".join(
                    f"{n} = {v!r}" if isinstance(v, bool | float | int) else f"{n} = {v}" for n, v in shown.items()
                )
            )
    return found if len(found) <= 12 else []
