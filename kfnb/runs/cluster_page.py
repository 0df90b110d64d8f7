"""The page on which a cluster shows a run, as its engine recorded it."""

from __future__ import annotations

from pathlib import Path

from kfnb.runs.record.private_record_files import DamagedRecord, read_object

LOCATION = "remote.json"  #: in the run's folder: where the run is on its cluster


def cluster_page(folder: Path) -> str | None:
    """The address of the page; ``None`` for a run on this machine, or when nobody knows the page."""
    try:
        page = read_object(folder / LOCATION).get("page")
    except (FileNotFoundError, DamagedRecord):
        return None
    return page if isinstance(page, str) and page.startswith(("https://", "http://")) else None
