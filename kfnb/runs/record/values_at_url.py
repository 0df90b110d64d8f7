"""The values of a run that are in a value store at a URL: brings them to this machine, and removes them with their run.

Where the store is stands in the settings of the target with which the run was submitted, never in what a step reports.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kfnb.problems import UserError
from kfnb.runs.cluster_page import LOCATION
from kfnb.runs.record.private_record_files import DamagedRecord, make_folder, read_object
from kfnb.runtime.pods.handover.url_client import FILESYSTEMS
from kfnb.runtime.pods.handover.url_files import open_files
from kfnb.runtime.pods.handover.url_pack import fetched_pack
from kfnb.runtime.step_failures import Failure
from kfnb.runtime.values.value_store import UNFINISHED, Store

if TYPE_CHECKING:
    from kfnb.runtime.pods.handover.url_files import UrlFiles


#: The uid of a Workflow, or the id of a run of Kubeflow Pipelines. What a step reports may be anything, and what it names is removed.
FOLDER_NAME = re.compile(r"[A-Za-z0-9-]+")


class UnreachableStore(UserError, Exception):
    """The value store cannot be used from this machine; the message says why."""


@dataclass(frozen=True)
class UrlStore:
    """The value store of a run."""

    url: str
    options: dict[str, Any]

    def files(self) -> UrlFiles:
        """The files of the store. Raises `UnreachableStore` where the package of its filesystem is missing."""
        try:
            return open_files(self.url, self.options)
        except ImportError as error:
            _, package = FILESYSTEMS.get(self.url.partition("://")[0], ("", "fsspec"))
            message = f"values are in {self.url}, and this environment cannot read it ({error}): pip install {package}"
            raise UnreachableStore(message) from None
        except Exception as error:  # whatever the client of a store raises
            raise self.unreachable(error) from None

    def unreachable(self, error: Exception) -> UnreachableStore:
        """An error of the client of the store, in words."""
        return UnreachableStore(
            f"the values in {self.url} cannot be reached: {type(error).__name__}: {error}; this machine needs credentials for it, "
            "such as AWS_PROFILE or GOOGLE_APPLICATION_CREDENTIALS"
        )


def store_of(folder: Path) -> UrlStore | None:
    """The value store of the run with a folder; ``None`` when its values are elsewhere."""
    try:
        settings = read_object(folder / LOCATION).get("settings")
    except (FileNotFoundError, DamagedRecord):
        return None
    url, options = (settings or {}).get("values"), (settings or {}).get("value_options") or {}
    return UrlStore(url, dict(options)) if isinstance(url, str) and "://" in url else None


def bring_value(entry: dict[str, Any], folder: Path, values: Path) -> None:
    """Bring a value to the store of this machine, unless it is there.

    Parameters
    ----------
    entry
        The value in the result of its step. ``stored`` is the place of its pack in the value store.
    folder
        The folder of the run.
    values
        The store of this machine.

    Raises
    ------
    UnreachableStore
        When the value store cannot be used.
    Failure
        When the value is damaged or gone.
    """
    place, address = entry.get("stored"), entry.get("bundle")
    if not place or not address or Store(str(values)).has(address):
        return
    store = store_of(folder)
    if store is None:
        return
    files = store.files()
    make_folder(values / UNFINISHED)
    with tempfile.TemporaryDirectory(dir=values / UNFINISHED) as made:
        inner = Path(made) / "store"
        try:
            fetched_pack(files, place, str(Path(made) / "pack")).fetch(address, str(inner))
        except (Failure, MemoryError):
            raise
        except Exception as error:  # whatever the client of a store raises
            raise store.unreachable(error) from None
        for path in inner.glob("??/*"):
            target = values / path.parent.name / path.name
            make_folder(target.parent)
            os.replace(path, target)


def folders_of(folder: Path, results: list[dict[str, Any]]) -> set[str]:
    """The folders in the value store that the submissions of a run have made."""
    found = {place.partition("/")[0] for place in places_of(results)}
    try:
        location = read_object(folder / LOCATION)
    except (FileNotFoundError, DamagedRecord):
        location = {}
    found |= {one for one in (location.get("uid"), location.get("run")) if isinstance(one, str)}
    return {name for name in found if FOLDER_NAME.fullmatch(name)}


def places_of(results: list[dict[str, Any]]) -> Iterator[str]:
    """The places in a value store that the results of steps name."""
    for result in results:
        for kind in ("outputs", "results"):
            for entry in (result.get(kind) or {}).values():
                if isinstance(entry, dict) and isinstance(entry.get("stored"), str):
                    yield entry["stored"]
