"""The outputs of a step at its cells, iteration by iteration."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from kfnb.reports.attempt_outputs import LINE, outputs_of, read_lines, shown
from kfnb.reports.report_data import Attempt, Entry, StepFacts
from kfnb.reports.report_wording import short, value
from kfnb.runs.attempt_displays import PLAIN, RECORD
from kfnb.states import SYMBOLS
from kfnb.wording import duration, seconds_between

ALL = 8  #: iterations up to which every one is shown in full
FIRST, FAILED = 5, 3  #: of more, the first, and the first failed ones
ROWS = 500  #: iterations in a table
TAIL = 20  #: lines of an earlier attempt's log where it cannot be folded

Json = dict[str, Any]


def step_outputs(step: StepFacts, cells: Sequence[int], alone: bool, now: float) -> dict[int, list[Json]]:
    """A step's outputs by cell.

    Parameters
    ----------
    cells
        Where they go, in order, of which there is at least one.
    alone
        No other step has outputs there: then only iterations need a line that says whose the outputs are.
    """
    found: dict[int, list[Json]] = {c: [] for c in cells}
    chosen = in_full(step)
    for entry in chosen:
        outputs_by_cell = _entry(entry, cells)
        if step.looped or not alone:
            for cell in cells:
                if outputs_by_cell[cell] or cell == cells[0]:
                    outputs_by_cell[cell].insert(0, headline(entry, now))
        if not alone and entry is chosen[0]:
            outputs_by_cell[cells[0]][0]["metadata"]["step"] = step.name
        for cell in cells:
            found[cell] += outputs_by_cell[cell]
    if len(chosen) < len(step.entries):
        found[cells[-1]].append(iterations(step, len(chosen), now))
    return found


def in_full(step: StepFacts) -> list[Entry]:
    """The entries whose outputs are shown: of many iterations the first ones, and the first that failed."""
    if len(step.entries) <= ALL:
        return list(step.entries)
    first = step.entries[:FIRST]
    return [*first, *[e for e in step.entries[FIRST:] if e.state == "failed"][:FAILED]]


def _entry(entry: Entry, cells: Sequence[int]) -> dict[int, list[Json]]:
    found: dict[int, list[Json]] = {c: [] for c in cells}
    *earlier, last = entry.attempts or (None,)
    for attempt in earlier:
        if attempt is not None:
            found[cells[0]].append(earlier_attempt(attempt))
    error = entry.error if entry.state in ("failed", "cancelled") else None
    if last is not None:
        for cell, outputs in outputs_of(last.folder, cells, error).items():
            found[cell] += outputs
    elif error is not None:
        found[cells[0]] += [note(f"{error.get('type')}: {error.get('message')}")]
    found[cells[-1]] += [note(f"warning: {text}") for text in entry.warnings]
    return found


# ---------------------------------------------------------------- what reports add
def added(kind: str, html: str, text: str) -> Json:
    """An output of the report's own: ``html``, every text of which is escaped, and the same in plain text."""
    return shown({"text/html": html, PLAIN: text}, {RECORD: kind})


def note(text: str) -> Json:
    return added("note", f"<p><em>{escape(text)}</em></p>", text)


def facts_of(entry: Entry, now: float) -> list[str]:
    """How an entry went, in short texts: state, time, attempts, reason."""
    ran = entry.started is not None and entry.state != "cached"
    tries = len(entry.attempts)
    return [
        f"{SYMBOLS[entry.state]} {entry.state}",
        *([duration(seconds_between(entry.started, entry.finished, now))] if ran else []),
        *([f"attempt {tries}"] if tries > 1 else []),
        *([short(entry.reason, LINE)] if entry.reason else []),
    ]


def headline(entry: Entry, now: float) -> Json:
    """The line above the outputs of an iteration, or of a step that shares its cell with others."""
    state, *others = facts_of(entry, now)
    html = f'<p class="kfnb-entry" data-state="{entry.state}" data-path="{escape(entry.path)}"><strong>{escape(entry.label)}</strong> <span class="kfnb-state">{state}</span> {escape(" · ".join(others))}</p>'
    return added("entry", html, f"{entry.label}  {'  '.join([state, *others])}")


def earlier_attempt(attempt: Attempt) -> Json:
    """An attempt before the last one, its log folded."""
    error = attempt.error or {}
    why = f": {error.get('type')}: {error.get('message')}" if error else ""
    length = duration(seconds_between(attempt.started, attempt.finished)) if attempt.finished is not None else ""
    head = f"attempt {attempt.number} {attempt.state}{f' after {length}' if length else ''}{short(why, 300)}"
    texts = [line.text for line in read_lines(attempt.folder / "log")]
    log = "\n".join(texts) or "It printed nothing."
    html = f'<details class="kfnb-attempt"><summary>{escape(head)}</summary><pre>{escape(log)}</pre></details>'
    return added("attempt", html, "\n".join([head, *(f"  {t}" for t in texts[-TAIL:])]))


def iterations(step: StepFacts, full: int, now: float) -> Json:
    """All iterations as a table: too many of them to show what each has printed."""
    names = list(dict.fromkeys(n for e in step.entries for n in e.metrics))[:4]
    head = ["iteration", "state", "time", *names, ""]
    rows = [
        [e.path, f"{SYMBOLS[e.state]} {e.state}", duration(seconds_between(e.started, e.finished, now)) if e.state != "cached" else "",
         *(value(e.metrics[n]) if n in e.metrics else "" for n in names), short((e.reason or "").split("\n")[0], 120)]
        for e in step.entries[:ROWS]
    ]  # fmt: skip
    sentence = f"{step.name} has {len(step.entries)} iterations, of which {full} are shown in full above."
    if len(step.entries) > ROWS:
        sentence += f" The table has the first {ROWS}."
    html = f"<p><em>{escape(sentence)}</em></p>{table(head, rows)}"
    return added("table", html, "\n".join([sentence, *columns([head, *rows])]))


# ---------------------------------------------------------------- tables
def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """An HTML table of plain texts; without a head where that is empty."""
    top = f"<thead><tr>{''.join(f'<th>{escape(h)}</th>' for h in head)}</tr></thead>" if head else ""
    lines = "".join(f"<tr>{''.join(f'<td>{escape(c)}</td>' for c in row)}</tr>" for row in rows)
    return f"<table>{top}<tbody>{lines}</tbody></table>"


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """The same as lines of text."""
    widths = [max(len(r[n]) for r in rows) for n in range(len(rows[0]))]
    return ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in rows]
