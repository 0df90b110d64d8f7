"""``kfnb.runs()``: the newest runs of the record as a table."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

from kfnb.client.run_object import Run
from kfnb.notebook.notebook_source import AnyNotebook, source_of
from kfnb.problems import NotebookError
from kfnb.runs.notebook_runs import of_notebook
from kfnb.runs.record.notebook_identity import written_id
from kfnb.runs.record.run_query import RunQuery
from kfnb.runs.record.run_store import RunStore
from kfnb.states import SYMBOLS
from kfnb.wording import duration, elapsed, moment


class RunTable(list[dict[str, Any]]):
    """Rows, the newest run first, which ``pandas.DataFrame`` takes as they are.

    ``run pipeline state created duration engine experiment notebook``, and a column for every parameter
    (``parameters.lr``) and metric (``metrics.accuracy``). ``created`` is seconds since 1970, ``duration`` seconds.
    """

    def runs(self) -> list[Run]:
        """The runs themselves."""
        return [Run(row["run"]) for row in self]

    def __repr__(self) -> str:
        if not self:
            return "there is no run yet"
        shown = [_shown(row) for row in self]
        wide = {c: max(len(r[c]) for r in shown) for c in COLUMNS}
        return "\n".join("  ".join(f"{r[c]:{wide[c]}}" for c in COLUMNS).rstrip() for r in shown)

    def _repr_html_(self) -> str:
        if not self:
            return "<p>there is no run yet</p>"
        head = "".join(f"<th style='text-align:left'>{c}</th>" for c in COLUMNS)
        rows = "".join(
            "<tr>" + "".join(f"<td style='text-align:left'>{escape(_shown(r)[c])}</td>" for c in COLUMNS) + "</tr>"
            for r in self
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


COLUMNS = ("run", "pipeline", "state", "created", "duration", "parameters", "metrics")


def runs_of(store: RunStore, notebook: AnyNotebook) -> RunQuery:
    """The query for the runs of a notebook. Of a file that is gone or cannot be read, the path alone counts."""
    source = source_of(notebook)
    written = None
    if source.json is not None or source.path is not None:
        with contextlib.suppress(NotebookError, OSError):
            written = written_id(source.data())
    return of_notebook(store, source.key, written)


def runs(count: int = 20, notebook: str | Path | None = None, experiment: str | None = None) -> RunTable:
    """The newest runs.

    Parameters
    ----------
    count
        How many.
    notebook, experiment
        Only those of this notebook, or of this named group.
    """
    store = RunStore()
    try:
        own = RunQuery() if notebook is None else runs_of(store, notebook)
        heads, _ = store.find(replace(own, experiment=experiment, count=count))
        return RunTable(_row(store.summary(h["run"])) for h in heads)
    finally:
        store.close()


def _row(summary: dict[str, Any]) -> dict[str, Any]:
    head = {k: summary[k] for k in ("run", "pipeline", "state", "created")}
    source = {k: summary[k] for k in ("engine", "experiment", "notebook")}
    parameters = {f"parameters.{n}": v for n, v in summary["parameters"].items()}
    return {
        **head,
        "duration": elapsed(summary),
        **source,
        **parameters,
        **{f"metrics.{n}": v for n, v in summary["metrics"].items()},
    }


def _shown(row: dict[str, Any]) -> dict[str, str]:
    return {
        "run": row["run"], "pipeline": row["pipeline"], "state": f"{SYMBOLS[row['state']]} {row['state']}",
        "created": moment(row["created"]),
        "duration": duration(row["duration"]),
        "parameters": _several(row, "parameters."), "metrics": _several(row, "metrics."),
    }  # fmt: skip


def _several(row: dict[str, Any], prefix: str) -> str:
    found = [f"{k[len(prefix) :]}={v:.4g}" if isinstance(v, float) else f"{k[len(prefix) :]}={v}" for k, v in row.items() if k.startswith(prefix)]  # fmt: skip
    text = ", ".join(found)
    return text if len(text) <= 80 else text[:79] + "…"
