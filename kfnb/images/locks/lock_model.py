"""A lock: the files of all packages that the steps of a pipeline need, so that a later run gets the same ones."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LockedFile:
    """A file of a package as an index offers it.

    Parameters
    ----------
    sha256
        The hash of its content, in hexadecimal digits.
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
        All wheels of this version, whatever Python and machine they are for.
    sdist
        The sources, when the index has them.
    requested_by
        What asks for the package: steps, or other packages.
    """

    name: str
    version: str
    wheels: tuple[LockedFile, ...]
    sdist: LockedFile | None = None
    requested_by: tuple[str, ...] = ()


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
        The image that the steps' marks or the target name. It is empty where neither does.
    apt
        The packages of the system that the steps' marks name.
    """

    id: str
    steps: tuple[str, ...]
    python: str
    packages: tuple[LockedPackage, ...]
    base_image: str = ""
    apt: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lock:
    """The requirement sets of a pipeline."""

    pipeline: str
    sets: tuple[RequirementSet, ...]

    def set_of(self, step: str) -> RequirementSet | None:
        """The set of a step, by the step's name."""
        return next((s for s in self.sets if step in s.steps), None)
