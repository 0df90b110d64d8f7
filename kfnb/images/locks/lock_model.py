"""A lock: the files of all packages that the steps of a pipeline need, so that a later run gets the same ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class Unresolvable(Exception):
    """No versions of packages fit together, or an index cannot be reached. The message is the installer's."""


@dataclass(frozen=True)
class LockedFile:
    """A file of a package as an index offers it.

    Parameters
    ----------
    url
        Where it is. For a file beside the notebook, its path from there, which begins with ``./``; for sources in a repository, an
        address such as ``git+https://example.org/it.git@COMMIT``.
    sha256
        The hash of its content, in hexadecimal digits. It is empty for sources in a repository, which their commit identifies.
    size
        Its size in bytes, when the index tells it.
    """

    name: str
    url: str
    sha256: str
    size: int | None = None


@dataclass(frozen=True)
class LockedPackage:
    """A package in one version.

    Parameters
    ----------
    name
        The name as an index compares it: in lower case, with ``-``.
    wheels
        The wheels of this version that fit the set's Python and platforms.
    sdist
        The sources, when the index has them.
    requested_by
        What asks for the package: ``step:NAME``, or the names of other packages.
    platforms
        The platforms on which it is needed, when that is not all of the set's.
    """

    name: str
    version: str
    wheels: tuple[LockedFile, ...]
    sdist: LockedFile | None = None
    requested_by: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()

    @property
    def requirement(self) -> str:
        """What an installer is told: ``name==version``, or the name and address of what no index has."""
        origin = self.direct
        return f"{self.name}=={self.version}" if origin is None else f"{self.name} @ {origin.url}"

    @property
    def direct(self) -> LockedFile | None:
        """The package's only file, when it is beside the notebook or in a repository, and no index has it."""
        files = (*self.wheels, *([self.sdist] if self.sdist is not None else []))
        return next((f for f in files if f.url.startswith("./") or not f.sha256), None)


@dataclass(frozen=True)
class RequirementSet:
    """The packages of steps that can share an environment, because their image, Python and packages are equal.

    Parameters
    ----------
    id
        A name of the set that its content gives, so that equal sets have equal names.
    python
        The version of Python, such as ``3.11``.
    packages
        Everything that is installed, in the order of the names.
    base_image
        The image that the steps' marks name. It is empty where none does.
    apt
        The packages of the system that the steps' marks name.
    platforms
        The platforms for which the packages fit, such as ``linux/amd64``.
    """

    id: str
    steps: tuple[str, ...]
    python: str
    packages: tuple[LockedPackage, ...]
    base_image: str = ""
    apt: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ("linux/amd64",)

    def required_by(self, names: Iterable[str]) -> tuple[LockedPackage, ...]:
        """Packages of the set and everything that they require, in the order of the names."""
        requires: dict[str, list[str]] = {}
        for package in self.packages:
            for parent in package.requested_by:
                requires.setdefault(parent, []).append(package.name)
        found: set[str] = set()
        queue = list(names)
        while queue:
            name = queue.pop()
            if name not in found:
                found.add(name)
                queue += requires.get(name, [])
        return tuple(p for p in self.packages if p.name in found)


@dataclass(frozen=True)
class StepRequest:
    """What a step asks for, before anything is resolved. A lock fits a notebook as long as its steps ask for the same.

    Parameters
    ----------
    requirements
        What it installs when it starts: the requirements of its marks, and the packages that its code imports.
    for_values
        What the values need that it gets from other steps.
    """

    step: str
    requirements: tuple[str, ...] = ()
    for_values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lock:
    """The requirement sets of a pipeline, and what each step asked for when it was locked.

    Parameters
    ----------
    notebook
        The name of the notebook's file. It is empty where that is not known.
    """

    pipeline: str
    sets: tuple[RequirementSet, ...]
    asked: tuple[StepRequest, ...] = ()
    notebook: str = ""

    def set_of(self, step: str) -> RequirementSet | None:
        """The set of a step, by the step's name."""
        return next((s for s in self.sets if step in s.steps), None)
