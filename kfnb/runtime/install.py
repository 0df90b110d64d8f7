"""Packages that a step needs and its image has not: installed when it starts, into a folder of its own."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any


def install(requirements: list[str]) -> dict[str, Any] | None:
    """Install what is missing of ``name==version`` requirements with `uv`, else with pip; what to say when that fails."""
    missing = [r for r in requirements if not _there(r)]
    if not missing:
        return None
    import subprocess
    from shutil import which
    from tempfile import mkdtemp

    folder = mkdtemp(prefix="kfnb-packages-")
    if which("uv"):
        command = ["uv", "pip", "install", "--quiet", "--python", sys.executable, "--target", folder, *missing]
    else:
        command = [
            sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore",
            "--no-warn-script-location", "--target", folder, *missing,
        ]  # fmt: skip
    print("installing %s" % ", ".join(missing), flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace")
    if done.returncode:
        print(done.stdout.rstrip(), flush=True)
        message = (
            "%s cannot be installed in this step's image (%s); name an image that has them, with `packages: none`"
            % (", ".join(missing), (done.stdout.strip().splitlines() or ["no output"])[-1])
        )
        return {"kind": "packages", "type": "InstallError", "message": message}
    import importlib

    sys.path.insert(0, folder)
    os.environ["PYTHONPATH"] = os.pathsep.join(p for p in (folder, os.environ.get("PYTHONPATH")) if p)
    importlib.invalidate_caches()
    return None


def _there(requirement: str) -> bool:
    """Whether the image has the package in this version (any, where the requirement names none)."""
    from importlib.metadata import PackageNotFoundError, version

    name, _, wanted = requirement.partition("==")
    try:
        found = version(name.split("[")[0].strip())
    except PackageNotFoundError:
        return False
    return not wanted or found == wanted


def later(pins: dict[str, str]) -> None:
    """Install a package of other steps when a value that they made asks for it: ``pins`` by the module's name."""
    if pins:
        sys.meta_path.append(_Finder(pins))


class _Finder:
    def __init__(self, pins: dict[str, str]) -> None:
        self.pins = dict(pins)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        requirement = self.pins.pop(name, None)
        if requirement is None or install([requirement]) is not None:
            return None
        from importlib.machinery import PathFinder

        return PathFinder.find_spec(name)
