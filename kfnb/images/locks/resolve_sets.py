"""Resolves what steps ask for: once for each platform, in the versions of an earlier lock or of the notebook's environment."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kfnb.images.locks.lock_model import LockedPackage, RequirementSet, StepRequest, Unresolvable
from kfnb.images.locks.requested_sets import RequestedSet
from kfnb.images.locks.resolve_with_pip import own_platform, resolve_with_pip
from kfnb.images.locks.resolve_with_uv import PLATFORMS, resolve_with_uv, uv_command
from kfnb.requirement_checks import requirement_name
from kfnb.runtime.pods.install_packages import index_variables


@dataclass(frozen=True)
class Resolver:
    """How requirements are resolved.

    Parameters
    ----------
    folder
        The folder of the notebook, in which archives are.
    interpreter
        The interpreter of the notebook's environment.
    python
        The version of that interpreter, such as ``3.11``.
    """

    folder: Path
    interpreter: str
    python: str

    def packages(self, asked: RequestedSet, platform: str, constraints: Sequence[str]) -> tuple[LockedPackage, ...]:
        """The packages of a set on one platform. Raises `Unresolvable`."""
        if not asked.requirements:
            return ()
        try:
            variables = index_variables(asked.sources.to_json(), {})
        except KeyError as error:
            raise Unresolvable(f"the package index needs the variable {error}: set it in this environment") from None
        uv = uv_command() if known_platform(platform) else None
        if uv is not None:
            return resolve_with_uv(uv, asked.requirements, constraints, asked.python, platform, self.folder, variables)
        if (platform, asked.python) != (own_platform(), self.python):
            hint = (
                "install uv (`pip install uv`)" if known_platform(platform) else f"uv knows {' and '.join(PLATFORMS)}"
            )
            raise Unresolvable(
                f"pip resolves for {own_platform()} and Python {self.python} only, not for {platform} and Python {asked.python}: {hint}"
            )
        return resolve_with_pip(self.interpreter, asked.requirements, constraints, self.folder, variables)


@dataclass(frozen=True)
class Resolved:
    """A resolved set. ``notes`` say which versions could not be kept."""

    set: RequirementSet
    notes: tuple[str, ...] = ()


def resolve_set(
    asked: RequestedSet,
    requests: Iterable[StepRequest],
    resolver: Resolver,
    platforms: Sequence[str],
    kept: Mapping[str, str],
    siblings: Mapping[str, str],
) -> Resolved:
    """Resolve a set for all platforms.

    Parameters
    ----------
    requests
        What the steps of the set ask for.
    kept
        The versions of an earlier lock by name. They count before those of the notebook's environment.
    siblings
        The versions of the pipeline's other sets by name, for packages that the notebook's environment does not have.

    Raises
    ------
    Unresolvable
        When no versions fit together, or an index cannot be reached.
    """
    own = {(n := requirement_name(c)): c[len(n) :] for c in asked.constraints}
    earlier = {n: f"=={v}" for n, v in kept.items()}
    others = {n: f"=={v}" for n, v in siblings.items()}
    ladder = [
        ({**others, **own, **earlier}, ""),
        ({**others, **own}, "the versions of the earlier lock"),
        ({}, "the versions of the notebook's environment"),
    ]
    found: dict[str, tuple[LockedPackage, ...]] = {}
    notes: list[str] = []
    for platform in platforms:
        same = {p.name: f"=={p.version}" for packages in found.values() for p in packages if p.direct is None}
        found[platform], given_up = _first_that_fits(asked, resolver, platform, ladder, same)
        if given_up:
            notes.append(f"{', '.join(asked.steps)}: {given_up} do not fit together with what is asked for")
    packages = _with_roots(_merged(found), {r.step: r for r in requests if r.step in asked.steps})
    result = RequirementSet("", asked.steps, asked.python, packages, asked.base_image, asked.apt, tuple(platforms))
    return Resolved(replace(result, id=set_id(result)), tuple(dict.fromkeys(notes)))


def set_id(found: RequirementSet) -> str:
    """A name that the content of a set gives. The steps and what asks for a package do not change it."""
    files = [
        [p.requirement, *sorted(f.sha256 for f in (*p.wheels, *([p.sdist] if p.sdist else [])))] for p in found.packages
    ]
    content = [found.python, found.base_image, found.apt, found.platforms, files]
    return f"set-{hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]}"


def _is_name(requirement: str) -> bool:
    return requirement_name(requirement) == requirement.partition("[")[0]


def _first_that_fits(
    asked: RequestedSet,
    resolver: Resolver,
    platform: str,
    ladder: Sequence[tuple[dict[str, str], str]],
    same: Mapping[str, str],
) -> tuple[tuple[LockedPackage, ...], str]:
    """The packages with the strictest versions that are possible, and which had to be given up."""
    failure: Unresolvable | None = None
    marked = {requirement_name(r) for r in asked.requirements if not _is_name(r)}
    tried: list[dict[str, str]] = []
    for versions, given_up in ladder:
        constraints = {n: v for n, v in {**versions, **same}.items() if n not in marked}
        if constraints in tried:
            continue
        tried.append(constraints)
        try:
            return resolver.packages(asked, platform, [n + specifier for n, specifier in constraints.items()]), given_up
        except Unresolvable as error:
            failure = failure or error
    assert failure is not None
    raise failure


def _merged(found: Mapping[str, tuple[LockedPackage, ...]]) -> tuple[LockedPackage, ...]:
    """The packages of all platforms: one entry for each version, with the files of all platforms that have it."""
    merged: dict[tuple[str, str], LockedPackage] = {}
    places: dict[tuple[str, str], list[str]] = {}
    for platform, packages in found.items():
        for package in packages:
            key = (package.name, package.version)
            known = merged.setdefault(key, package)
            wheels = tuple(sorted({*known.wheels, *package.wheels}, key=lambda f: f.name))
            parents = tuple(dict.fromkeys((*known.requested_by, *package.requested_by)))
            merged[key] = replace(known, wheels=wheels, requested_by=parents)
            places.setdefault(key, []).append(platform)
    limited = {k: () if len(p) == len(found) else tuple(p) for k, p in places.items()}
    return tuple(replace(merged[k], platforms=limited[k]) for k in sorted(merged))


def _with_roots(packages: Iterable[LockedPackage], requests: Mapping[str, StepRequest]) -> tuple[LockedPackage, ...]:
    """The packages with the names of the steps in the place of ``""``."""
    steps: dict[str, list[str]] = {}
    for name, request in requests.items():
        for requirement in (*request.requirements, *request.for_values):
            steps.setdefault(requirement_name(requirement), []).append(f"step:{name}")
    return tuple(
        replace(
            p,
            requested_by=tuple(
                n for parent in p.requested_by for n in (steps.get(p.name, ()) if not parent else [parent])
            ),
        )
        for p in packages
    )


def known_platform(text: str) -> bool:
    """Whether a lock can be made for a platform on any machine."""
    return text in PLATFORMS
