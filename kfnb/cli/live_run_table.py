"""Shows a run on the screen: as a live table in a terminal, as one plain line per change elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
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
    from rich.table import Table
    from rich.text import Text

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
Row = tuple["Text", "Text", str, "Text"]  #: what the table says of a step: its name, its state, its time, a note


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
        self._console = Console()
        self._live = Live(console=self._console, refresh_per_second=REFRESH, get_renderable=self._table)

    def __enter__(self) -> None:
        self._live.start()

    def __exit__(self, *_: object) -> None:
        self._live.refresh()
        self._live.stop()

    def note(self, text: str) -> None:
        self._note = text

    def _table(self) -> Table:
        # drawn by another thread, and a connection to SQLite belongs to its own
        from kfnb.runs.record.run_store import RunStore

        store = RunStore(self._store.home)
        try:
            return table(store.summary(self._run), self._console.width, self._names, store, self._note)
        finally:
            store.close()


def table(
    summary: dict[str, Any], width: int, names: Mapping[str, str], store: RunStore | None = None, note: str = ""
) -> Table:
    """The run as a table: a row per step, under its name of ``names`` if it has one there, and one for each iteration that is not plainly over.

    The name of a step is never cut. It is folded where it is longer than ``width`` allows, and the note gets what the others leave.
    """
    from rich.cells import cell_len
    from rich.table import Table

    rows = [row for name, step in summary["steps"].items() for row in _rows(summary, name, step, names, store)]
    heads = ("step", "state", "time", "")
    longest = [max(map(cell_len, (head, *(str(row[at]) for row in rows)))) for at, head in enumerate(heads)]
    rest = width - longest[1] - longest[2] - BETWEEN * (len(heads) - 1)  # for the name and the note
    name_width = min(longest[0], max(SHORTEST_NAME, rest // 2, rest - longest[3], min(WHOLE_NAME, rest)))
    note_width = rest - name_width
    found = Table(box=None, pad_edge=False, title_justify="left", caption_justify="left", caption=note or None)
    found.add_column("step", overflow="fold", width=name_width)
    found.add_column("state", no_wrap=True, overflow="ellipsis", min_width=longest[1])
    found.add_column("time", no_wrap=True, justify="right", min_width=longest[2])
    if note_width > 0 and longest[3]:
        found.add_column("", no_wrap=True, overflow="ellipsis", width=min(note_width, longest[3]))
    for row in rows:
        found.add_row(*row[: len(found.columns)])
    return found


def _rows(
    summary: dict[str, Any], name: str, step: dict[str, Any], names: Mapping[str, str], store: RunStore | None
) -> list[Row]:
    inside = step.get("iterations") or {}
    shown = inside if len(inside) <= 12 else {}
    return [
        _row(summary, name, shown_path(name, names), step, store),
        *(_row(summary, path, f"  {shown_path(path, names)}", one, store) for path, one in shown.items()),
    ]


def _row(summary: dict[str, Any], path: str, name: str, step: dict[str, Any], store: RunStore | None) -> Row:
    from rich.text import Text

    state = step["state"]
    note = without_codes(step["reason"] or "")
    if state == "running" and store is not None and step["attempts"]:
        note = last_line(store.attempt_folder(summary["run"], path, step["attempts"]) / "log") or note
    tries = (
        f" (attempt {step['attempts']})"
        if step["attempts"] and step["attempts"] > 1 and "iterations" not in step
        else ""
    )
    return (
        Text(name),
        Text(f"{SYMBOLS[state]} {state}{tries}", COLOURS[state]),
        step_duration(step, time.time()),
        Text(note.split("\n")[0], "dim"),
    )


def print_table(store: RunStore, summary: dict[str, Any]) -> None:
    from rich.console import Console

    console = Console()
    console.print(table(summary, console.width, shown_names(store, summary["run"])))


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
