"""What a user has written on a run: its tags and its note."""

from __future__ import annotations

from collections.abc import Iterable

from kfnb.runs.record.database import Database
from kfnb.surrogates import encodable


def tags_of(database: Database, run_id: str) -> list[str]:
    """The tags of a run, sorted."""
    return [str(r["tag"]) for r in database.rows("select tag from tags where run = ? order by tag", (run_id,))]


def set_tags(database: Database, run_id: str, tags: Iterable[str]) -> None:
    """Give a run these tags in place of those that it has."""
    database.change("delete from tags where run = ?", (run_id,))
    for tag in tags:
        database.change("insert or ignore into tags values (?,?)", (run_id, encodable(tag)))


def set_note(database: Database, run_id: str, note: str) -> None:
    """Give a run a note; an empty one removes it."""
    database.change("update runs set note = ? where id = ?", (encodable(note) or None, run_id))
