"""Resolves requirements with pip, where there is no `uv`: for this machine's own platform and the interpreter's own version."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement

from kfnb.images.locks.lock_model import LockedFile, LockedPackage, Unresolvable
from kfnb.images.locks.pylock_packages import without_user
from kfnb.images.locks.run_installer import CONSTRAINTS, REQUIREMENTS, input_files, run_installer
from kfnb.images.machines import own_architecture
from kfnb.requirement_checks import requirement_name


def own_platform() -> str:
    """This machine's platform, such as ``linux/amd64``."""
    return f"{platform.system().lower()}/{own_architecture()}"


def resolve_with_pip(
    interpreter: str,
    requirements: Sequence[str],
    constraints: Sequence[str],
    folder: Path,
    variables: Mapping[str, str],
) -> tuple[LockedPackage, ...]:
    """The packages for requirements, with what requires each of them. A requirement itself is required by ``""``.

    Raises
    ------
    Unresolvable
        When there is no pip, no versions fit together, or an index cannot be reached.
    """
    if find_spec("pip") is None:
        raise Unresolvable("there is neither uv nor pip to resolve packages with: install uv (`pip install uv`)")
    with input_files(requirements, constraints, folder) as inside:
        command = [
            sys.executable, "-m", "pip", "--python", interpreter, "install", "--dry-run", "--ignore-installed", "--quiet",
            "--disable-pip-version-check", "--report", "report.json", "-r", REQUIREMENTS, "-c", CONSTRAINTS,
        ]  # fmt: skip
        run_installer("pip", command, inside, variables)
        report = json.loads((inside / "report.json").read_text("utf-8"))
    return tuple(_with_parents([_package(entry, folder) for entry in report["install"]], report["install"]))


def _package(entry: dict[str, Any], folder: Path) -> LockedPackage:
    """The package of an entry of pip's installation report."""
    metadata, source = entry["metadata"], entry["download_info"]
    name, version, url = requirement_name(metadata["name"]), metadata["version"], without_user(source["url"])
    if "vcs_info" in source:
        vcs = source["vcs_info"]
        return LockedPackage(name, version, (), LockedFile(name, f"{vcs['vcs']}+{url}@{vcs['commit_id']}", ""))
    hashes = source.get("archive_info", {}).get("hashes", {})
    if "sha256" not in hashes:
        raise Unresolvable(f"the index gives no SHA-256 of {name} {version} ({url})")
    path = unquote(urlsplit(url).path)
    if url.startswith("file:") and Path(path).is_relative_to(folder.resolve()):
        url = f"./{Path(path).relative_to(folder.resolve()).as_posix()}"
    file = LockedFile(PurePosixPath(path).name, url, hashes["sha256"])
    is_wheel = file.name.endswith(".whl")
    return LockedPackage(name, version, (file,) if is_wheel else (), None if is_wheel else file)


def _with_parents(packages: list[LockedPackage], entries: list[dict[str, Any]]) -> list[LockedPackage]:
    """The packages with what requires them. Extras count as required, because the report does not say which were asked for."""
    parents: dict[str, list[str]] = {p.name: [] for p in packages}
    for package, entry in zip(packages, entries, strict=True):
        if entry.get("requested"):
            parents[package.name].append("")
        for text in entry["metadata"].get("requires_dist", ()):
            try:
                needed = requirement_name(Requirement(text).name)
            except InvalidRequirement:
                continue
            if needed in parents and needed != package.name:
                parents[needed].append(package.name)
    return [
        LockedPackage(p.name, p.version, p.wheels, p.sdist, tuple(dict.fromkeys(parents[p.name])))
        for p in sorted(packages, key=lambda p: p.name)
    ]
