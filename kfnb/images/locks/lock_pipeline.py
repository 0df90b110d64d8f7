"""Locks a pipeline: finds what its steps ask for, resolves it, and says whether an earlier lock still fits."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kfnb.images.locks.lock_file import lock_beside
from kfnb.images.locks.lock_model import Lock, RequirementSet, StepRequest
from kfnb.images.locks.requested_sets import requested_sets, step_requests
from kfnb.images.locks.resolve_sets import Resolver, resolve_set
from kfnb.images.needs.step_requirements import StepRequirements, find_requirements
from kfnb.pipeline.model import Pipeline
from kfnb.requirement_checks import DEFAULT_SOURCES, PackageSources

EVERYTHING = "*"  #: as the name of a package: all of them


@dataclass(frozen=True)
class LockOptions:
    """What a lock depends on besides the notebook.

    Parameters
    ----------
    image
        The image of steps whose marks name none.
    packages
        With ``none``, only the packages that the marks name are locked.
    sources
        Where packages come from, unless the marks of a step say something else.
    interpreter
        The interpreter of the notebook's environment. Default: the current one.
    platforms
        The platforms on which steps run. Default: those of the earlier lock, or ``linux/amd64``.
    """

    image: str = ""
    packages: str = "auto"
    sources: PackageSources = DEFAULT_SOURCES
    interpreter: str | None = None
    platforms: tuple[str, ...] = ()

    def needs(self, pipeline: Pipeline, folder: Path) -> StepRequirements:
        """What the steps of a pipeline need in the notebook's environment."""
        return find_requirements(pipeline, folder, self.packages, self.sources, python=self.interpreter, limit=None)


@dataclass(frozen=True)
class Locked:
    """A lock, and what a user should know of how it came about."""

    lock: Lock
    notes: tuple[str, ...] = ()


def lock_pipeline(
    pipeline: Pipeline,
    folder: Path,
    options: LockOptions = LockOptions(),
    earlier: Lock | None = None,
    upgrade: Collection[str] = (),
    found: StepRequirements | None = None,
) -> Locked:
    """Resolve what the steps of a pipeline need, in the versions of an earlier lock and else of the notebook's environment.

    Parameters
    ----------
    folder
        The folder of the notebook.
    earlier
        The lock whose versions are kept.
    upgrade
        The packages that get the version of the notebook's environment again, or `EVERYTHING`.
    found
        What `LockOptions.needs` has found, where somebody has asked already.

    Raises
    ------
    Unresolvable
        When no versions fit together, or an index cannot be reached.
    """
    found = found or options.needs(pipeline, folder)
    resolver = Resolver(folder.resolve(), options.interpreter or sys.executable, found.python)
    requests = step_requests(pipeline, found)
    sets: dict[str, RequirementSet] = {}
    notes: list[str] = []
    for asked in requested_sets(pipeline, found, options.image, options.sources):
        platforms = options.platforms or _earlier_platforms(earlier) or ("linux/amd64",)
        siblings = {p.name: p.version for s in sets.values() for p in s.packages if p.direct is None}
        resolved = resolve_set(asked, requests, resolver, platforms, _kept(earlier, asked.steps, upgrade), siblings)
        notes += resolved.notes
        known = sets.get(resolved.set.id)
        sets[resolved.set.id] = _joined(known, resolved.set) if known is not None else resolved.set
    notebook = Path(pipeline.notebook).name if pipeline.notebook else ""
    return Locked(Lock(pipeline.name, tuple(sets.values()), requests, notebook), tuple(notes))


def misfits(lock: Lock, pipeline: Pipeline, found: StepRequirements, image: str = "") -> dict[str, str]:
    """The steps that a lock does not fit any more, each with the reason as the end of a sentence.

    Parameters
    ----------
    image
        The image of steps whose marks name none.
    """
    now = {r.step: r for r in step_requests(pipeline, found)}
    then = {r.step: r for r in lock.asked}
    reasons = {name: _difference(then.get(name), request) for name, request in now.items()}
    for asked in requested_sets(pipeline, found, image):
        for name in (n for n in asked.steps if not reasons[n]):
            one = lock.set_of(name)
            if one is None:
                reasons[name] = "it is not in the lock"
            elif one.python != asked.python:
                reasons[name] = f"it runs on Python {asked.python}, and the lock is for Python {one.python}"
            elif one.apt != asked.apt:
                reasons[name] = "its marks `apt:` are others"
            elif one.base_image != asked.base_image:
                reasons[name] = (
                    f"its image is {asked.base_image or 'the default'}, and was {one.base_image or 'the default'}"
                )
    return {name: reason for name, reason in reasons.items() if reason}


def misfits_now(lock: Lock, pipeline: Pipeline, folder: Path, options: LockOptions = LockOptions()) -> dict[str, str]:
    """`misfits` for a notebook and its environment as they are now."""
    return misfits(lock, pipeline, options.needs(pipeline, folder), options.image)


def fitting_lock(
    pipeline: Pipeline, folder: Path, options: LockOptions = LockOptions(), found: StepRequirements | None = None
) -> Locked:
    """The lock beside a notebook when it fits, else one that is made now and not written.

    Parameters
    ----------
    found
        What `LockOptions.needs` has found, where somebody has asked already.

    Raises
    ------
    Unresolvable
        When no versions fit together, or an index cannot be reached.
    BadLock
        When the file is damaged.
    """
    _, lock = lock_beside(pipeline, folder)
    found = found or options.needs(pipeline, folder)
    if lock is None:
        return lock_pipeline(pipeline, folder, options, found=found)
    wanted = set(options.platforms)
    if misfits(lock, pipeline, found, options.image) or any(not wanted <= set(s.platforms) for s in lock.sets):
        return lock_pipeline(pipeline, folder, options, lock, found=found)
    return Locked(lock)


def _difference(then: StepRequest | None, now: StepRequest) -> str:
    """How a step asks for something else than it did."""
    if then is None:
        return "it is not in the lock"
    before, after = {*then.requirements, *then.for_values}, {*now.requirements, *now.for_values}
    added, gone = sorted(after - before), sorted(before - after)
    parts = [f"it needs {', '.join(added)} too"] if added else []
    parts += [f"it does not need {', '.join(gone)} any more"] if gone else []
    if not parts and then != now:
        parts = ["it needs other packages at its start than it did"]
    return " and ".join(parts)


def _kept(earlier: Lock | None, steps: Sequence[str], upgrade: Collection[str]) -> dict[str, str]:
    """The versions of an earlier lock for the same steps, without the packages to upgrade."""
    if earlier is None or EVERYTHING in upgrade:
        return {}
    own = [s for s in map(earlier.set_of, steps) if s is not None]
    others = [s for s in earlier.sets if s not in own]
    return {
        p.name: p.version for s in (*others, *own) for p in s.packages if p.direct is None and p.name not in upgrade
    }


def _earlier_platforms(earlier: Lock | None) -> tuple[str, ...]:
    return earlier.sets[0].platforms if earlier is not None and earlier.sets else ()


def _joined(one: RequirementSet, other: RequirementSet) -> RequirementSet:
    """Two sets with equal packages as one."""
    parents = {p.name: p.requested_by for p in other.packages}
    packages = tuple(
        replace(p, requested_by=tuple(dict.fromkeys((*p.requested_by, *parents[p.name])))) for p in one.packages
    )
    return replace(one, steps=(*one.steps, *other.steps), packages=packages)
