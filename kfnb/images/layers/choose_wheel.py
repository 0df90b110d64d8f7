"""Chooses the wheel of a package that fits the Python and the machine of an image, which need not be those of this machine.

Source: the specification of platform compatibility tags (PEP 425, 600 and 656).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from kfnb.images.locks.lock_model import LockedFile, LockedPackage
from kfnb.images.machines import MACHINES

#: The version 2.x of glibc that every base image of these years has; a wheel for a later one is only taken where there is no other.
COMMON_GLIBC, NEWEST_GLIBC, OLDEST_GLIBC = 28, 41, 5
OLD_NAMES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
NEWEST_MUSL = 2


class BadPlatform(ValueError):
    """A platform that is none, or for which there are no wheels."""


@dataclass(frozen=True)
class Platform:
    """The platform of an image, such as ``linux/arm64``. ``libc`` is ``glibc`` or ``musl``."""

    architecture: str
    libc: str = "glibc"

    def __str__(self) -> str:
        return f"linux/{self.architecture}"


def platform_named(text: str) -> Platform:
    """The platform that ``linux/amd64`` or ``linux/arm64/v8`` names."""
    system, _, rest = text.strip().partition("/")
    architecture = rest.partition("/")[0]
    if system != "linux" or architecture not in MACHINES:
        known = ", ".join(f"linux/{a}" for a in MACHINES)
        raise BadPlatform(f"`{text}` is no platform that images are built for: name one of {known}")
    return Platform(architecture)


def chosen_wheel(package: LockedPackage, python: str, platform: Platform) -> LockedFile | None:
    """The wheel of a package that fits best. ``None`` when none fits."""
    ranks = _ranks(python, platform)
    fitting = []
    for wheel in package.wheels:
        try:
            tags = parse_wheel_filename(wheel.name)[3]
        except InvalidWheelFilename:
            continue
        found = [ranks[t] for t in tags if t in ranks]
        if found:
            fitting.append((min(found), wheel.name, wheel))
    return min(fitting)[2] if fitting else None


@cache
def _ranks(python: str, platform: Platform) -> dict[Tag, int]:
    """The tags that fit, each with its place: the best tag is the first."""
    version = tuple(int(part) for part in python.split(".")[:2])
    platforms = list(_platforms(platform))
    tags = [
        *cpython_tags(version, platforms=platforms),
        *compatible_tags(version, f"cp{version[0]}{version[1]}", platforms),
    ]
    return {tag: n for n, tag in reversed(list(enumerate(tags)))}


def _platforms(platform: Platform) -> Iterator[str]:
    machine = MACHINES[platform.architecture]
    if platform.libc == "musl":
        yield from (f"musllinux_1_{minor}_{machine}" for minor in range(NEWEST_MUSL, -1, -1))
    else:
        for minor in [*range(COMMON_GLIBC, OLDEST_GLIBC - 1, -1), *range(COMMON_GLIBC + 1, NEWEST_GLIBC + 1)]:
            yield f"manylinux_2_{minor}_{machine}"
            if minor in OLD_NAMES:
                yield f"{OLD_NAMES[minor]}_{machine}"
    yield f"linux_{machine}"
