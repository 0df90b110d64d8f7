"""The names of processors: those that images have, and those that machines and wheels have for the same."""

from __future__ import annotations

import platform

#: What machines and wheels call the architectures of images.
MACHINES = {"amd64": "x86_64", "arm64": "aarch64", "ppc64le": "ppc64le", "s390x": "s390x", "386": "i686"}
OTHER_NAMES = {"AMD64": "amd64"}  #: what Windows calls them, where that is no name in an image or a wheel


def own_architecture() -> str:
    """The architecture of this machine as images call it. One that no image has keeps its own name."""
    name = platform.machine()
    return next((a for a, machine in MACHINES.items() if machine == name), OTHER_NAMES.get(name, name))
