"""The versions that files beside the notebook ask for: locks of uv, Poetry and Pipenv, ``requirements.txt``, ``pyproject.toml`` and ``environment.yml``.

They are constraints: a step installs of them only what it needs anyway.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion

from kfnb.images.needs.module_names import package_of_module
from kfnb.images.needs.poetry_requirements import poetry_requirements
from kfnb.images.needs.step_packages import StepPackages
from kfnb.requirement_checks import requirement_name
from kfnb.toml_text import read_toml

PINNED = re.compile(r"(?P<name>[\w.-]+)==(?P<version>[^\s;,]+)")
CONDA = re.compile(r"(?:[\w.-]+::)?(?P<name>[\w.-]+)\s*(?P<specifier>[=<>!~][^\s]*)?(?:\s.*)?")
INCLUDES = re.compile(r"(?:-r|-c|--requirement|--constraint)[\s=]*(?P<file>\S+)")


@dataclass(frozen=True)
class ProjectVersion:
    """What a file asks for: ``specifier`` may be empty, and ``extras`` is empty or looks like ``[excel]``."""

    file: str
    specifier: str
    extras: str = ""

    def allows(self, version: str) -> bool:
        """Whether the file allows a version."""
        try:
            return SpecifierSet(self.specifier).contains(version, prereleases=True)
        except InvalidVersion:
            return True


def project_versions(folder: Path, python: str) -> dict[str, ProjectVersion]:
    """What the files in a folder ask for, by the names of packages. Of two files that name a package, the more exact kind counts.

    Parameters
    ----------
    python
        The version of Python for which conditions in the files are decided.
    """
    found: dict[str, ProjectVersion] = {}
    for file, read in READERS.items():
        if (folder / file).is_file():
            try:
                for name, version in _joined(read(folder / file, python)).items():
                    found.setdefault(name, replace(version, file=file))
            except (OSError, ValueError, TypeError, AttributeError, KeyError):
                continue  # a file in another form than we know asks for nothing
    return found


def constrained(packages: StepPackages, versions: Mapping[str, ProjectVersion]) -> StepPackages:
    """The packages of a step in versions that the project's files allow. The notebook's own version stays where it is allowed."""
    if not versions:
        return packages
    conflicts: dict[str, str] = {}

    def fitted(requirement: str) -> str:
        match = PINNED.fullmatch(requirement)
        asked = versions.get(requirement_name(match["name"])) if match is not None else None
        if match is None or asked is None:
            return requirement
        if asked.allows(match["version"]):
            return f"{match['name']}{asked.extras}=={match['version']}"
        conflicts[requirement_name(match["name"])] = (
            f"{asked.file} asks for {match['name']}{asked.specifier}, and the notebook's environment has {match['version']}"
        )
        return f"{match['name']}{asked.extras}{asked.specifier}"

    def all_fitted(modules: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        return {module: tuple(map(fitted, texts)) for module, texts in modules.items()}

    given = {
        m: (f"{n}{versions[n].extras}{versions[n].specifier}",) for m in packages.left_out if (n := _named(m, versions))
    }
    own = all_fitted(packages.requirements) | given
    names = {requirement_name(r) for texts in own.values() for r in texts}
    limits = [re.sub(r"\[[^\]]*\]", "", fitted(c)) for c in packages.constraints]
    pins = all_fitted(packages.pins)
    return replace(
        packages,
        requirements=own,
        pins=pins,
        constraints=tuple(c for c in limits if requirement_name(c) != c),
        left_out={m: why for m, why in packages.left_out.items() if m not in given},
        files_of={n: f"{v.file}: {n}{v.extras}{v.specifier}" for n, v in versions.items() if n in names},
        conflicts=conflicts,
    )


def _named(module: str, versions: Mapping[str, ProjectVersion]) -> str:
    """The package of a module that the environment lacks, when a file names it."""
    names = (requirement_name(module), package_of_module(module))
    return next((n for n in names if n in versions), "")


def _joined(requirements: Iterable[tuple[str, ProjectVersion]]) -> dict[str, ProjectVersion]:
    found: dict[str, ProjectVersion] = {}
    for name, version in requirements:
        known = found.get(name)
        if known is not None and version.specifier:
            both = ",".join(s for s in dict.fromkeys((known.specifier, version.specifier)) if s)
            version = replace(version, specifier=both, extras=known.extras or version.extras)
        found[name] = version
    return found


def _one(text: str, python: str) -> Iterator[tuple[str, ProjectVersion]]:
    """A requirement as pip writes it. One with an address, or whose condition is false, asks for nothing."""
    try:
        requirement = Requirement(text)
        wanted = requirement.marker is None or requirement.marker.evaluate({"python_version": python, "extra": ""})
    except (InvalidRequirement, ValueError):
        return
    if wanted and requirement.url is None:
        extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
        yield requirement_name(requirement.name), ProjectVersion("", str(requirement.specifier), extras)


# -------------------------------------------------------------------- the kinds of files
def _requirements(path: Path, python: str) -> Iterator[tuple[str, ProjectVersion]]:
    yield from _requirement_lines(path, path.parent.resolve(), python, set())


def _requirement_lines(path: Path, folder: Path, python: str, seen: set[Path]) -> Iterator[tuple[str, ProjectVersion]]:
    """The requirements in a file and in those that it includes, as far as they stand in the folder."""
    path = path.resolve()
    if path in seen or not path.is_relative_to(folder) or not path.is_file():
        return
    seen.add(path)
    for line in path.read_text("utf-8").replace("\\\n", " ").splitlines():
        text = re.sub(r"(^|\s)#.*", "", line).strip()
        included = INCLUDES.fullmatch(text)
        if included is not None:
            yield from _requirement_lines(path.parent / included["file"], folder, python, seen)
        elif text and not text.startswith("-"):
            yield from _one(re.split(r"\s--\w", text)[0].strip(), python)


def _pyproject(path: Path, python: str) -> Iterator[tuple[str, ProjectVersion]]:
    document = read_toml(path.read_text("utf-8"))
    for text in (*document.get("project", {}).get("dependencies", ()), *poetry_requirements(document)):
        yield from _one(text, python)


def _uv_lock(path: Path, python: str) -> Iterator[tuple[str, ProjectVersion]]:
    yield from _locked(path, lambda source: "registry" in source)


def _poetry_lock(path: Path, python: str) -> Iterator[tuple[str, ProjectVersion]]:
    # Poetry writes no source for packages of PyPI, and `legacy` for those of another index.
    yield from _locked(path, lambda source: source.get("type", "legacy") == "legacy")


def _locked(path: Path, is_of_index: Callable[[dict[str, Any]], bool]) -> Iterator[tuple[str, ProjectVersion]]:
    """The packages that come from an index. One in several versions depends on more than we know."""
    packages: list[dict[str, Any]] = read_toml(path.read_text("utf-8")).get("package", [])
    names = Counter(p["name"] for p in packages)
    for package in packages:
        if names[package["name"]] == 1 and is_of_index(package.get("source", {})):
            yield requirement_name(package["name"]), ProjectVersion("", f"=={package['version']}")


def _pipfile_lock(path: Path, python: str) -> Iterator[tuple[str, ProjectVersion]]:
    for name, entry in json.loads(path.read_text("utf-8")).get("default", {}).items():
        if "version" in entry:  # what comes from a repository or a folder has none
            extras = f"[{','.join(entry['extras'])}]" if entry.get("extras") else ""
            markers = f"; {entry['markers']}" if entry.get("markers") else ""
            yield from _one(f"{name}{extras}{entry['version']}{markers}", python)


def _environment(path: Path, python: str) -> Iterator[tuple[str, ProjectVersion]]:
    """The packages of conda, most of which have the same name on an index, and those that pip adds to them."""
    import yaml

    try:
        document = yaml.safe_load(path.read_text("utf-8")) or {}
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    for entry in document.get("dependencies", ()):
        if isinstance(entry, dict):
            for text in entry.get("pip", ()):
                yield from _one(text, python)
        elif (match := CONDA.fullmatch(entry)) is not None and match["name"] != "python":
            specifier = match["specifier"] or ""
            if re.match(r"=[^=]", specifier):  # `numpy=1.26` is any 1.26, and a second `=` begins a build
                specifier = f"=={specifier[1:].partition('=')[0].rstrip('.*')}.*"
            yield from _one(f"{match['name']}{specifier}", python)


READERS = {
    "uv.lock": _uv_lock,
    "poetry.lock": _poetry_lock,
    "Pipfile.lock": _pipfile_lock,
    "requirements.txt": _requirements,
    "pyproject.toml": _pyproject,
    "environment.yml": _environment,
    "environment.yaml": _environment,
}
