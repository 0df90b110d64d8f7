"""Finds the lock that images are built of: the one beside the notebook, or else one that is made now and kept for a day."""

from __future__ import annotations

import contextlib
import hashlib
import time
from pathlib import Path

from kfnb.images.layers.wheel_cache import WheelCache
from kfnb.images.locks.lock_file import BadLock, lock_beside, lock_text, read_lock, write_lock
from kfnb.images.locks.lock_model import Lock, Unresolvable
from kfnb.images.locks.lock_pipeline import Locked, LockOptions, fitting_lock
from kfnb.images.locks.requested_sets import requested_sets, step_requests
from kfnb.images.needs.step_requirements import StepRequirements
from kfnb.pipeline.model import Pipeline
from kfnb.problems import UserError


class CannotLock(UserError, Exception):
    """What the steps need cannot be resolved, or the lock beside the notebook cannot be read."""


DAY = 24 * 3600.0  #: a requirement without a version gets the newest one after this time


def lock_to_build(
    pipeline: Pipeline, folder: Path, options: LockOptions, cache: WheelCache, found: StepRequirements
) -> Locked:
    """The lock for a pipeline's images.

    Parameters
    ----------
    found
        What `LockOptions.needs` has found.

    Raises
    ------
    CannotLock
        When no versions fit together, an index cannot be reached, or the lock beside the notebook cannot be read.
    """
    try:
        return _lock(pipeline, folder, options, cache, found)
    except BadLock as error:
        raise CannotLock(f"{error}. Remove it, and lock again with `kfnb lock`") from error
    except Unresolvable as error:
        raise CannotLock(f"the packages of {pipeline.name} cannot be resolved:\n{error}") from error


def _lock(pipeline: Pipeline, folder: Path, options: LockOptions, cache: WheelCache, found: StepRequirements) -> Locked:
    path, beside = lock_beside(pipeline, folder)
    asked = requested_sets(pipeline, found, options.image, options.sources)
    content = repr(
        (pipeline.name, asked, step_requests(pipeline, found), options.platforms, lock_text(beside) if beside else "")
    )
    kept = cache.folder / "locks" / f"{hashlib.sha256(content.encode()).hexdigest()}.toml"
    lock = _young(kept)
    made = Locked(lock) if lock is not None else fitting_lock(pipeline, folder, options, found)
    if lock is None and not any(p.direct is not None for s in made.lock.sets for p in s.packages):
        # A file beside the notebook may change although nobody asks for anything else.
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_lock(made.lock, kept)
    if beside is not None and made.lock != beside:
        note = f"{path.name} does not fit the notebook or the platforms: what it lacks is resolved now (`kfnb lock` writes it)"
        return Locked(made.lock, (note, *made.notes))
    return made


def _young(kept: Path) -> Lock | None:
    with contextlib.suppress(OSError, BadLock):
        if time.time() - kept.stat().st_mtime < DAY:
            return read_lock(kept)
    return None
