"""Removes runs from the record, and from the store the values that no other run uses."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kfnb.runs.record.file_lock import holding, is_held
from kfnb.runs.record.lookup_by_name import UnknownRun
from kfnb.runs.record.run_store import LAUNCH, SCHEDULER, RunStore
from kfnb.runs.record.values_at_url import UnreachableStore, UrlStore, folders_of, places_of, store_of
from kfnb.runs.retention.missing_values import addresses_of
from kfnb.runs.retention.retention_settings import Retention
from kfnb.runtime.pods.handover.handover_pack import buffers_of
from kfnb.runtime.values.value_store import CHECKED, UNFINISHED, Store, remove_unfinished
from kfnb.states import FINAL

GRACE = 3600.0  #: seconds for which a value stays that nobody names yet, while some run goes on: its step may be about to end
COLLECTING = (
    "collect.lock"  #: in the home: shared by all schedulers, held alone by one who removes values while nothing runs
)

PACKAGES = "containers/packages"  #: in the home: what was installed for steps
BUILT = "containers/built"  #: in the home: which images were built, a file for each requirement set

Progress = Callable[[str], None]  #: called with a text about the next action


@dataclass(frozen=True)
class Pruned:
    """The runs that were removed, the bytes of their folders and values, and why something stayed in a value store elsewhere."""

    runs: tuple[str, ...]
    bytes: int
    stayed: tuple[str, ...] = ()


def outdated(store: RunStore, limits: Retention) -> list[str]:
    """The runs that have ended and that the limits do not keep, the oldest first."""
    now, found = time.time(), []
    newer: dict[tuple[object, object], int] = {}
    for head in store.runs(-1):
        group = (head["notebook_id"] or head["notebook"], head["pipeline"])
        newer[group] = newer.get(group, 0) + 1
        if head["state"] not in FINAL:
            continue
        many = limits.keep is not None and newer[group] > limits.keep
        old = limits.older is not None and now - (head["finished"] or head["created"]) > limits.older
        if many or old:
            found.append(str(head["run"]))
    return found[::-1]


class StillRuns(UnknownRun):
    """A run cannot be deleted while it runs."""


def delete_runs(store: RunStore, runs: Iterable[str], say: Progress = lambda _: None, skip: bool = False) -> Pruned:
    """Take runs out of the record, with their logs and the values that no other run has.

    Parameters
    ----------
    skip
        Leave out what has been taken up again, or deleted by another, meanwhile.

    Raises
    ------
    StillRuns
        For one that has not ended, or is being taken up again; those before it are gone.
    """
    gone, size, stayed = [], 0, tuple[str, ...]()
    elsewhere: list[tuple[UrlStore, set[str]]] = []
    try:
        for run_id in runs:
            say(f"run {run_id}")
            with contextlib.suppress(*((UnknownRun,) if skip else ())):
                size += _delete(store, run_id, elsewhere)
                gone.append(run_id)
    finally:
        if gone:
            say("values that no run has any more")
            size += collect(store)
            stayed = tuple(_remove_elsewhere(store, elsewhere))
    return Pruned(tuple(gone), size, stayed)


def _delete(store: RunStore, run_id: str, elsewhere: list[tuple[UrlStore, set[str]]]) -> int:
    """Delete one run; the bytes of its folder. Adds to ``elsewhere`` the folders that it had in a value store."""
    folder = store.folder(run_id)
    if not folder.is_dir():
        store.head(run_id)
        store.drop(run_id)
        return 0
    stored, folders = store_of(folder), folders_of(folder, [s["result"] for s in store.steps(run_id)])
    with holding(folder / LAUNCH) as held:
        if not held or store.head(run_id)["state"] not in FINAL:
            raise StillRuns(f"run {run_id} has not ended: cancel it first, then delete it")
        store.drop(run_id)
        size = size_of(folder)
        shutil.rmtree(folder, ignore_errors=True)
    if stored is not None:
        elsewhere.append((stored, folders))
    return size


def _remove_elsewhere(store: RunStore, elsewhere: Iterable[tuple[UrlStore, set[str]]]) -> Iterator[str]:
    """Remove from value stores what no run of the record has any more, and yield why something stays."""
    used = {p.partition("/")[0] for p in places_of(list(store.results()))} if elsewhere else set[str]()
    for stored, folders in elsewhere:
        yield from _remove_from(stored, folders - used)


def _remove_from(stored: UrlStore, folders: Iterable[str]) -> Iterator[str]:
    """Remove folders from a value store, and yield why one stays. The run is deleted all the same."""
    for name in sorted(folders):
        try:
            stored.files().remove(name)
        except Exception as error:  # whatever the client of a store raises
            problem = error if isinstance(error, UnreachableStore) else stored.unreachable(error)
            yield f"{stored.url}/{name} stays: {problem}"


def size_of_runs(store: RunStore, runs: list[str]) -> int:
    """Roughly the bytes that removing runs frees: their folders, and the values that only they use."""
    values, going = Store(str(store.values)), set(runs)
    rest = {
        a
        for r in store.runs(-1)
        if r["run"] not in going
        for s in store.steps(r["run"])
        for a in addresses_of(s["result"])
    }
    addresses = {a for r in runs for s in store.steps(r) for a in addresses_of(s["result"])} - rest
    shared = {f for a in rest for f in _with_buffers(values, a)}
    files = {f for a in addresses for f in _with_buffers(values, a)} - shared
    return sum(size_of(store.folder(r)) for r in runs) + sum(_size(values.path(f)) for f in files)


def _with_buffers(values: Store, address: str) -> list[str]:
    """The address of a bundle and those of its buffers."""
    with contextlib.suppress(OSError):
        return [address, *buffers_of(values.path(address))]
    return [address]


def _size(path: str) -> int:
    with contextlib.suppress(OSError):
        return os.lstat(path).st_size
    return 0


def size_of(folder: Path) -> int:
    """The bytes of the files in a folder."""
    found = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                found += os.lstat(os.path.join(place, name)).st_size
    return found


# -------------------------------------------------------------------- packages
def prune_packages(home: Path, age: float) -> int:
    """Remove the packages that no step has used for ``age`` seconds, unless something runs now; their bytes.

    Images that no run has used for as long are forgotten; they stay where they were put.
    """
    size = 0
    with _alone(home / COLLECTING) as alone:
        for folder in unused_packages(home, age) if alone else ():
            size += _remove_folder(folder)
        for lock in (home / PACKAGES).glob("*.lock") if alone else ():  # nobody holds it while nothing runs
            if not lock.with_suffix("").exists():
                lock.unlink(missing_ok=True)
        for image in (home / BUILT).glob("*.json") if alone else ():
            if image.stat().st_mtime < time.time() - age:
                image.unlink(missing_ok=True)
    return size


def unused_packages(home: Path, age: float) -> list[Path]:
    """The folders of packages that no step has used for ``age`` seconds."""
    before = time.time() - age
    return [f for f in (home / PACKAGES).glob("*") if f.is_dir() and f.stat().st_mtime < before]


# -------------------------------------------------------------------- values
def collect(store: RunStore) -> int:
    """Remove the values, and the folders of runs, that the record does not name; their bytes."""
    remove_unfinished(str(store.values))
    with _alone(store.home / COLLECTING) as alone:
        before = time.time() - (0.0 if alone else GRACE)
        named = set(_named(store))
        found = sum(_remove(path, before) for path in _files(store.values) if path.name[:64] not in named)
        return found + sum(_remove_folder(f) for f in _orphans(store, before))


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Whether no run is active. Inside the block, none can start."""
    with holding(path) as held:
        yield held


def share(home: Path) -> int:
    """Mark a run as active until the returned file descriptor is closed."""
    handle = os.open(home / COLLECTING, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(handle, fcntl.LOCK_SH)
    return handle


def _named(store: RunStore) -> Iterator[str]:
    """The addresses of all files that a result names: of bundles and of their buffers."""
    values = Store(str(store.values))
    for result in store.results():
        for address in addresses_of(result):
            yield from _with_buffers(values, address)


def _files(folder: Path) -> Iterator[Path]:
    for inner in folder.iterdir() if folder.is_dir() else ():
        if inner.is_dir() and inner.name != UNFINISHED:
            yield from inner.iterdir()


def _remove(path: Path, before: float) -> int:
    """Remove a value that was last stored before a time. A step that stores the same again in this moment finds it, or stores it anew."""
    aside = path.with_name(f"{path.name}.going")
    try:
        if path.name.endswith(CHECKED):
            if not path.with_name(path.name[: -len(CHECKED)]).exists():
                path.unlink()
            return 0
        if path.lstat().st_mtime > before:
            return 0
        path.replace(aside)
        if aside.lstat().st_mtime > before:
            aside.replace(path)
            return 0
        size = aside.lstat().st_size
        aside.unlink()
        path.with_name(path.name + CHECKED).unlink(missing_ok=True)
        return size
    except OSError:
        return 0


def _orphans(store: RunStore, before: float) -> Iterator[Path]:
    """Remove folders of runs that were never recorded, or whose deletion was interrupted."""
    known = set(store.ids())
    for folder in (store.home / "runs").iterdir():
        if folder.name not in known and not any(is_held(folder / n) for n in (LAUNCH, SCHEDULER)):
            with contextlib.suppress(OSError):
                if folder.lstat().st_mtime < min(before, time.time() - 60):
                    yield folder


def _remove_folder(folder: Path) -> int:
    size = size_of(folder)
    shutil.rmtree(folder, ignore_errors=True)
    return size
