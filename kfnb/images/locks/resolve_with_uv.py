"""Resolves requirements with `uv`, which gives the address, size and hash of each file as PEP 751 has them."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

from kfnb.images.locks.lock_model import LockedPackage
from kfnb.images.locks.pylock_packages import packages_in
from kfnb.images.locks.run_installer import CONSTRAINTS, REQUIREMENTS, input_files, run_installer
from kfnb.requirement_checks import requirement_name
from kfnb.toml_text import read_toml

#: The platforms as uv names them. Debian 10, Red Hat 8 and whatever is newer have this version of the C library.
PLATFORMS = {"linux/amd64": "x86_64-manylinux_2_28", "linux/arm64": "aarch64-manylinux_2_28"}
LINE = re.compile(r"(?P<requirement>\S+(?: @ \S+)?)\s+# via (?P<parents>.+)")


def uv_command() -> list[str] | None:
    """How uv is started: from the package `uv` of this environment, or from the path. ``None`` when there is none."""
    if find_spec("uv") is not None:
        return [sys.executable, "-m", "uv"]
    found = shutil.which("uv")
    return [found] if found is not None else None


def resolve_with_uv(
    uv: Sequence[str],
    requirements: Sequence[str],
    constraints: Sequence[str],
    python: str,
    platform: str,
    folder: Path,
    variables: Mapping[str, str],
) -> tuple[LockedPackage, ...]:
    """The packages for requirements, with what requires each of them. A requirement itself is required by ``""``.

    Raises
    ------
    Unresolvable
        When no versions fit together, or an index cannot be reached.
    """
    with input_files(requirements, constraints, folder) as inside:
        command = [
            *uv, "pip", "compile", REQUIREMENTS, "--constraint", CONSTRAINTS, "--python-version", python,
            "--python-platform", PLATFORMS[platform], "--no-header", "--quiet", "--no-progress", "--color", "never",
        ]  # fmt: skip
        # The second form says what requires what, which PEP 751 has no word for.
        forms = (["--format", "pylock.toml", "--generate-hashes"], ["--annotation-style", "line"])
        with ThreadPoolExecutor(len(forms)) as pool:
            text, annotated = pool.map(lambda form: run_installer("uv", [*command, *form], inside, variables), forms)
        packages = packages_in(read_toml(text), lambda path: _beside(inside / path, folder))
    edges = _edges(annotated)
    return tuple(LockedPackage(p.name, p.version, p.wheels, p.sdist, edges.get(p.name, ("",))) for p in packages)


def _beside(path: Path, folder: Path) -> str:
    """The path of a file beside the notebook, as a lock writes it."""
    return f"./{Path(os.path.relpath(os.path.realpath(path), os.path.realpath(folder))).as_posix()}"


def _edges(text: str) -> dict[str, tuple[str, ...]]:
    """What requires each package, by the package's name."""
    edges: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        match = LINE.fullmatch(line.strip())
        if match is not None:
            parents = [p for p in match["parents"].split(", ") if not p.startswith("-c ")]
            names = ["" if p.startswith("-r ") else requirement_name(p) for p in parents]
            edges[requirement_name(match["requirement"])] = tuple(dict.fromkeys(names))
    return edges
