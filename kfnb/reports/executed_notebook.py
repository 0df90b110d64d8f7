"""Writes the executed notebook of a run, in nbformat's JSON: its cells with their outputs and states."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kfnb.pipeline.drawing.graph_svg import draw_run
from kfnb.reports.attempt_outputs import shown
from kfnb.reports.cells_with_steps import ReportCell, ReportNotebook
from kfnb.reports.report_data import Facts, StepFacts
from kfnb.reports.report_wording import listed, plain, safe, value
from kfnb.reports.step_cell_outputs import columns, facts_of, step_outputs
from kfnb.runs.attempt_displays import PLAIN, RECORD
from kfnb.states import SYMBOLS
from kfnb.wording import duration, elapsed, error_place, moment, seconds_between

Json = dict[str, Any]


def executed(facts: Facts, notebook: ReportNotebook) -> Json:
    """The notebook with the run at its head and every step's outputs at its cells.

    What the report adds to the notebook's own cells has ``kfnb_report`` in its metadata; so has the notebook, with the
    run as `told` gives it.
    """
    record = run_texts(facts, notebook)
    outputs, alone = _outputs(facts, notebook)
    cells = [_markdown("kfnb-report", head(record), "head"), _graph(facts, record)]
    steps = {s.name: s for s in facts.steps}
    begun: set[str] = set()
    for cell in notebook.cells:
        if cell.kind != "code":
            cells.append(_other(cell))
            continue
        first = not begun.issuperset(cell.steps)
        if cell.steps and not first and cell.number in alone:
            cell = replace(cell, note=_continued(steps[cell.steps[0]], cell.number))
        above = _above(cell, facts, first, cell.number in alone)
        if above:
            cells.append(_markdown(f"kfnb-above-{cell.number}", above, "above"))
        cells.append(_code(cell, outputs.get(cell.number, []), first))
        begun.update(cell.steps)
    if 0 in outputs:
        cells.append(_markdown("kfnb-rest", "## Steps without a cell of their own", "rest"))
        cells.append(
            _code(ReportCell("code", "", "kfnb-rest-code", steps=_homeless(facts, notebook)), outputs[0], True)
        )
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {**notebook.metadata, RECORD: record}, "cells": cells}


# ---------------------------------------------------------------- the run as plain data
def run_texts(facts: Facts, notebook: ReportNotebook) -> Json:
    """The texts about a run that both forms of a report show at their top."""
    run = facts.head
    error = run["error"]
    return {
        "run": run["run"], "pipeline": run["pipeline"], "state": run["state"], "symbol": SYMBOLS[run["state"]],
        "facts": [[k, v] for k, v in (
            ("run", run["run"]), ("started", moment(run["started"], zone=True)), ("duration", duration(elapsed(run, facts.now))),
            ("engine", f"{run['engine']}, target {facts.target}" if facts.target else run["engine"]),
            ("experiment", run["experiment"]), ("notebook", Path(run["notebook"]).name if run["notebook"] else ""),
        ) if v],
        "as_of": "" if facts.ended else moment(facts.now, zone=True), "hints": list(_hints(facts, notebook)),
        "error": _error(error) if error else None,
        "parameters": [[n, value(v)] for n, v in run["parameters"].items()],
        "metrics": [[n, value(v)] for n, v in facts.metrics.items()],
        "steps": [_step(s, facts.now) for s in facts.steps],
    }  # fmt: skip


def _hints(facts: Facts, notebook: ReportNotebook) -> Iterator[str]:
    """Notes about the parts that this report lacks."""
    if not notebook.kept:
        yield "The notebook was not kept with this run: these are the cells that the pipeline has."
    if facts.head["engine"] != "local":
        yield "What steps showed on a cluster (figures, tables) stays there: of these, the report has the text."


def _error(error: Json) -> Json:
    return {
        "where": error_place(error),
        "what": f"{error.get('type')}: {error.get('message')}",
        "step": (error.get("step") or "").partition("[")[0],
    }


def _step(step: StepFacts, now: float) -> Json:
    ran = step.started is not None and step.state != "cached"
    return {
        "name": step.name, "label": step.label, "state": step.state, "symbol": SYMBOLS[step.state], "count": step.count, "started": moment(step.started, zone=True) if ran else "",
        "duration": duration(seconds_between(step.started, step.finished, now)) if ran else "", "attempts": max(len(e.attempts) for e in step.entries),
        "reason": step.reason, "cells": list(step.cells),
    }  # fmt: skip


# ---------------------------------------------------------------- the head
def head(record: Json) -> str:
    """The run as Markdown. Its tables are HTML, which every notebook viewer shows."""
    parts = [f"# {plain(record['pipeline'])}: {record['symbol']} {record['state']}", ""]
    if record["as_of"]:
        parts += [f"*As of {plain(record['as_of'])}: the run had not ended.*", ""]
    if record["error"]:
        where = f"{plain(record['error']['where'])}: " if record["error"]["where"] else ""
        parts += [f"> **{where}{plain(record['error']['what'])}**", ""]
    for hint in record["hints"]:
        parts += [f"*{plain(hint)}*", ""]
    parts += [_table([], record["facts"]), ""]
    for title in ("parameters", "metrics"):
        if record[title]:
            parts += [f"**{title.capitalize()}**", "", _table([], record[title]), ""]
    parts += ["**Steps**", "", _table(STEP_HEAD, steps_table(record)), ""]
    return "\n".join(parts).rstrip()


STEP_HEAD = ("step", "state", "started", "time", "attempts", "why")


def steps_table(record: Json) -> list[list[str]]:
    return [
        [s["name"], " ".join(w for w in (s["symbol"], s["state"], s["count"]) if w), s["started"], s["duration"],
         str(s["attempts"] or ""), s["reason"].split("\n")[0]]
        for s in record["steps"]
    ]  # fmt: skip


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = f"<tr>{''.join(f'<th>{t}</th>' for t in titles)}</tr>" if titles else ""
    return f"<table>{top}{''.join(f'<tr>{_cells(row)}</tr>' for row in rows)}</table>"


def _cells(row: Sequence[str]) -> str:
    return "".join(f"<td>{safe(c)}</td>" for c in row)


def _graph(facts: Facts, record: Json) -> Json:
    text = "\n".join(columns([STEP_HEAD, *steps_table(record)])) if record["steps"] else "no steps"
    picture = shown({"image/svg+xml": draw_run(facts.pipeline, facts.states()), PLAIN: text})
    return _new("code", "kfnb-graph", "", "graph", outputs=[picture], execution_count=None, tags=["skip"])


# ---------------------------------------------------------------- cells
def _outputs(facts: Facts, notebook: ReportNotebook) -> tuple[dict[int, list[Json]], set[int]]:
    """The outputs by cell number (0 for steps without a cell), and the cells that belong to a single step."""
    steps = {s.name: s for s in facts.steps}
    places: dict[str, list[int]] = {}
    alone = set()
    for cell in notebook.cells:
        alone |= {cell.number} if len(cell.steps) == 1 else set()
        for name in cell.steps:
            places.setdefault(name, []).append(cell.number)
    found: dict[int, list[Json]] = {}
    for name, step in steps.items():
        mine = places.get(name) or [0]
        for number, outputs in step_outputs(step, mine, set(mine) <= alone, facts.now).items():
            found.setdefault(number, []).extend(outputs)
    return found, alone


def _homeless(facts: Facts, notebook: ReportNotebook) -> tuple[str, ...]:
    known = {name for c in notebook.cells for name in c.steps}
    return tuple(s.name for s in facts.steps if s.name not in known)


def _above(cell: ReportCell, facts: Facts, first: bool, alone: bool) -> str:
    """The line above a cell: the result of its step, or the role of the cell in the run."""
    mine = [s for s in facts.steps if s.name in cell.steps]
    if len(mine) > 1 or mine and not alone:
        return f"Steps: {plain(listed([f'{SYMBOLS[s.state]} {s.label}' for s in mine], 40))}"
    if mine and first:
        return _headline(mine[0], facts.now)
    return f"*{plain(cell.note)}*" if cell.note else ""


def _headline(step: StepFacts, now: float) -> str:
    if step.looped:
        state = f"{SYMBOLS[step.state]} {step.state} {step.count}"
        others = [duration(seconds_between(step.started, step.finished, now)), step.reason]
    else:
        state, *others = facts_of(step.entries[0], now)
    began = f"started {moment(step.started, zone=True)}" if step.started is not None and step.state != "cached" else ""
    shown = " · ".join(plain(w) for w in (state, began, *others) if w)
    return f"**{plain(step.label)}** · {shown}"


def _continued(step: StepFacts, number: int) -> str:
    """The line above a cell that continues a step."""
    at = (step.entries[0].error or {}).get("cell")
    order = step.cells.index
    if step.state == "failed" and not step.looped and at in step.cells and order(at) < order(number):
        return f"{step.name}: this cell did not run, the step failed before it"
    return f"{step.name}, continued"


def _code(cell: ReportCell, outputs: list[Json], first: bool) -> Json:
    record = {"number": cell.number, "steps": list(cell.steps), "note": cell.note, "first": first}
    return {
        "cell_type": "code", "id": cell.id, "metadata": {**cell.metadata, RECORD: record}, "source": cell.source,
        "outputs": outputs, "execution_count": None,
    }  # fmt: skip


def _other(cell: ReportCell) -> Json:
    more = {"attachments": cell.attachments} if cell.attachments else {}
    return {"cell_type": cell.kind, "id": cell.id, "metadata": cell.metadata, "source": cell.source, **more}


def _markdown(identity: str, source: str, kind: str) -> Json:
    return _new("markdown", identity, source, kind)


def _new(kind: str, identity: str, source: str, role: str, tags: Sequence[str] = (), **fields: Any) -> Json:
    metadata = {RECORD: {"kind": role}, **({"tags": list(tags)} if tags else {})}
    return {"cell_type": kind, "id": identity, "metadata": metadata, "source": source, **fields}
