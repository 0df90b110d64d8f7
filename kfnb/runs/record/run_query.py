"""Finds runs in the record: by state, notebook, target, experiment, tag, date and text, one page at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kfnb.problems import UserError
from kfnb.runs.record.database import Database

#: What runs can be sorted by, and how SQL says it.
ORDERS = {
    "created": "created",
    "duration": "coalesce(finished, (julianday('now') - 2440587.5) * 86400) - started",
    "experiment": "lower(experiment)",
    "notebook": "lower(notebook)",
    "pipeline": "lower(pipeline)",
    "state": "state",
    "target": "lower(coalesce(target, engine))",
}
#: Where a text is looked for.
TEXTS = "id || ' ' || coalesce(name, '') || ' ' || pipeline || ' ' || coalesce(notebook, '') || ' ' || coalesce(experiment, '') || ' ' || coalesce(note, '') || ' ' || parameters"


class BadQuery(UserError, ValueError):
    """A query that asks for something that runs do not have."""


@dataclass(frozen=True)
class RunQuery:
    """Which runs are wanted. What is ``None`` or empty does not matter.

    Parameters
    ----------
    states
        One of these.
    notebook, notebook_id
        The path of a notebook, or its id (`kfnb.runs.record.notebook_identity`).
    text
        In the id, the names, the parameters, the note or a tag; letters count without their case.
    since, until
        When the run was created: from ``since`` on and before ``until``, in seconds since 1970.
    order
        A key of `ORDERS`; the newest run comes first among equal ones.
    start, count
        The page: how many runs are left out, and how many are given.
    """

    states: tuple[str, ...] = ()
    notebook: str | None = None
    notebook_id: str | None = None
    target: str | None = None
    experiment: str | None = None
    tag: str | None = None
    text: str | None = None
    since: float | None = None
    until: float | None = None
    order: str = "created"
    descending: bool = True
    start: int = 0
    count: int = 50

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise BadQuery(f"runs cannot be sorted by `{self.order}`: one of {', '.join(ORDERS)}")


def find_runs(database: Database, query: RunQuery) -> tuple[list[str], int]:
    """The ids of the runs of a page, and how many runs there are on all pages."""
    conditions = list(_conditions(query))
    where = " and ".join(c for c, _ in conditions) or "1"
    values = [v for _, several in conditions for v in several]
    direction = "desc" if query.descending else "asc"
    rows = database.rows(
        f"select id from runs where {where} order by {ORDERS[query.order]} {direction}, created desc, rowid desc limit ? offset ?",
        (*values, query.count, query.start),
    )
    total = database.row(f"select count(*) as number from runs where {where}", values)
    return [str(r["id"]) for r in rows], int(total["number"]) if total else 0


def _conditions(query: RunQuery) -> Iterator[tuple[str, list[Any]]]:
    """Each condition of a query as SQL, with its values."""
    if query.states:
        yield f"state in ({', '.join('?' * len(query.states))})", list(query.states)
    for column in ("notebook", "notebook_id", "experiment"):
        if getattr(query, column) is not None:
            yield f"{column} = ?", [getattr(query, column)]
    if query.target is not None:
        yield "coalesce(target, engine) = ?", [query.target]
    if query.tag is not None:
        yield "id in (select run from tags where tag = ?)", [query.tag]
    if query.text:
        # SQLite lowers the letters of English only, as it does those of the text
        found = f"instr(lower({TEXTS}), lower(?)) > 0"
        yield f"({found} or id in (select run from tags where instr(lower(tag), lower(?)) > 0))", [query.text] * 2
    if query.since is not None:
        yield "created >= ?", [query.since]
    if query.until is not None:
        yield "created < ?", [query.until]


def choices(database: Database) -> dict[str, list[str]]:
    """The values that runs have, each once and sorted: ``notebooks``, ``targets``, ``experiments`` and ``tags``."""

    def distinct(column: str, table: str = "runs") -> list[str]:
        rows = database.rows(f"select distinct {column} as found from {table} where {column} is not null")
        return sorted(str(r["found"]) for r in rows)

    return {
        "notebooks": distinct("notebook"),
        "targets": distinct("coalesce(target, engine)"),
        "experiments": distinct("experiment"),
        "tags": distinct("tag", "tags"),
    }
