"""Finds the lock that images are built of: the one beside the notebook, or else one that is made now and kept for a day."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

from kfnb.images.layers.wheel_cache import WheelCache
from kfnb.images.locks.lock_file import BadLock, lock_path, read_lock, write_lock
from kfnb.images.locks.lock_model import Lock
from kfnb.images.locks.lock_pipeline import Locked, LockOptions, lock_pipeline, misfits
from kfnb.images.locks.requested_sets import requested_sets, step_requests
from kfnb.images.needs.installed_packages import installed_packages
from kfnb.images.needs.step_requirements import find_requirements
from kfnb.pipeline.model import Pipeline

DAY = 24 * 3600.0  #: a requirement without a version gets the newest one after this time


def lock_to_build(pipeline: Pipeline, folder: Path, options: LockOptions, cache: WheelCache) -> Locked:
    """The lock for a pipeline's images.

    Raises
    ------
    Unresolvable
        When no versions fit together, or an index cannot be reached.
    BadLock
        When the lock beside the notebook cannot be read.
    """
    found = find_requirements(pipeline, folder, options.packages, options.sources, python=options.interpreter)
    python = installed_packages(options.interpreter).python
    beside = read_lock(lock_path(pipeline, folder))
    unfit: dict[str, str] = {}
    if beside is not None:
        unfit = misfits(beside, pipeline, found, python, options.image)
        if not unfit and _covers(beside, options.platforms):
            return Locked(beside)
    asked = requested_sets(pipeline, found, python, options.image, options.sources)
    versions = [(p.name, p.version) for s in beside.sets for p in s.packages] if beside is not None else []
    content = repr((pipeline.name, asked, step_requests(pipeline, found), options.platforms, versions))
    kept = cache.folder / "locks" / f"{hashlib.sha256(content.encode()).hexdigest()}.toml"
    lock = _young(kept)
    if lock is not None:
        return Locked(lock)
    made = lock_pipeline(pipeline, folder, options, beside)
    if not any(p.direct is not None for s in made.lock.sets for p in s.packages):
        # A file beside the notebook may change although nobody asks for anything else.
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_lock(made.lock, kept)
    notes = [f"the lock beside the notebook does not fit step {name}: {reason}" for name, reason in unfit.items()]
    return Locked(made.lock, (*notes, *made.notes))


def _covers(lock: Lock, platforms: Sequence[str]) -> bool:
    return all(set(platforms) <= set(s.platforms) for s in lock.sets)


def _young(kept: Path) -> Lock | None:
    with contextlib.suppress(OSError, BadLock):
        if time.time() - kept.stat().st_mtime < DAY:
            return read_lock(kept)
    return None
