"""What steps install when there is a lock beside the notebook: the files of the lock, by their hashes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from kfnb.images.locks.lock_file import BadLock, lock_beside
from kfnb.images.locks.lock_model import Lock, LockedPackage
from kfnb.images.locks.lock_pipeline import misfits
from kfnb.images.needs.step_requirements import StepRequirements
from kfnb.pipeline.model import Pipeline
from kfnb.problems import Problem
from kfnb.requirement_checks import requirement_name


def with_lock(found: StepRequirements, pipeline: Pipeline, folder: Path, image: str) -> StepRequirements:
    """The requirements with the versions and hashes of the lock beside the notebook, for all steps that it fits.

    Parameters
    ----------
    image
        The image of steps whose marks name none.
    """
    try:
        path, lock = lock_beside(pipeline, folder)
    except BadLock as error:
        return replace(found, lock_problems={s.name: str(error) for s in pipeline.steps()})
    if lock is None:
        return found
    reasons = misfits(lock, pipeline, found, image)
    for request in (r for r in lock.asked if r.step in found.details and r.step not in reasons):
        found = _locked(found, lock, request.step)
    return replace(found, lock_problems={s: f"{path.name} does not fit it: {why}" for s, why in reasons.items()})


def stale_locks(pipeline: Pipeline, requirements: StepRequirements) -> Iterator[Problem]:
    """Find steps that the lock beside the notebook does not fit any more. They install what they would install without a lock."""
    for step in pipeline.steps():
        reason = requirements.lock_problems.get(step.name)
        if reason is not None:
            first = step.cells[0] if step.cells else None
            yield Problem(
                "KF731", f"step `{step.name}` runs without the lock: {reason}",
                "write the lock again with `kfnb lock`, which keeps the versions of everything else",
                first.cell if first else None, (first.cell_id or None) if first else None, name=step.name,
            )  # fmt: skip


def _locked(found: StepRequirements, lock: Lock, step: str) -> StepRequirements:
    """The requirements with those of one step from the lock."""
    one = lock.set_of(step)
    request = next(r for r in lock.asked if r.step == step)
    if one is None or not one.packages:
        return found
    own = one.required_by(requirement_name(r) for r in request.requirements)
    names = {p.name for p in own}
    pins = {
        module: tuple(map(_told, one.required_by(needed)))
        for module, requirements in found.details[step].pins.items()
        if (needed := [n for r in requirements if (n := requirement_name(r)) in {p.name for p in one.packages}])
        and not names.issuperset(needed)
    }
    hashes = {
        _told(p): [f.sha256 for f in (p.wheels or ((p.sdist,) if p.sdist else ())) if f.sha256] for p in one.packages
    }
    return replace(
        found,
        packages={**found.packages, step: tuple(map(_told, own))},
        details={**found.details, step: replace(found.details[step], pins=pins)},
        hashes={**found.hashes, step: hashes},
    )


def _told(package: LockedPackage) -> str:
    """What the installer is told: for a file that travels with the step, its path."""
    direct = package.direct
    return direct.url if direct is not None and direct.url.startswith("./") else package.requirement
