"""What each step needs besides its code: packages in the versions of this environment, and modules and files beside the notebook."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zlib import crc32

from kfnb.images.needs.installed_packages import OWN_VERSION, InstalledPackages, installed_packages
from kfnb.images.needs.named_files import named_files
from kfnb.images.needs.private_files import Privacy
from kfnb.images.needs.project_files import constrained, project_versions
from kfnb.images.needs.step_packages import StepPackages, packages_of
from kfnb.pipeline.model import Pipeline, Step
from kfnb.requirement_checks import DEFAULT_SOURCES, TRAVEL_LIMIT, PackageSources, is_local, requirement_name


@dataclass(frozen=True)
class StepRequirements:
    """What travels with each step. Every field has the names of steps as keys.

    Parameters
    ----------
    packages
        The requirements that are installed when the step starts.
    details
        Where these come from, and what is installed later or not at all.
    files
        The contents of files as base64, by path.
    modules
        The paths of the local modules among these files.
    too_large
        Data files that are too large to travel.
    sources
        Where packages come from.
    invalid_archives
        Why an archive beside the notebook cannot travel.
    private
        Files that stay on this machine, and why.
    missing
        Files that a mark names and that do not exist.
    hashes
        For steps that a lock fits, the SHA-256 of the files of each requirement. ``packages`` is then all that the step installs.
    lock_problems
        Why the lock beside the notebook is not used for a step.
    python
        The version of the notebook's Python.
    images
        The images that were built for steps. These have all packages and modules, so that nothing is installed.
    archives
        The paths of the archives of packages among the files.
    """

    packages: dict[str, tuple[str, ...]] = field(default_factory=dict)
    details: dict[str, StepPackages] = field(default_factory=dict)
    files: dict[str, dict[str, str]] = field(default_factory=dict)
    modules: dict[str, tuple[str, ...]] = field(default_factory=dict)
    too_large: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    invalid_archives: dict[str, tuple[str, ...]] = field(default_factory=dict)
    private: dict[str, dict[str, str]] = field(default_factory=dict)
    missing: dict[str, tuple[str, ...]] = field(default_factory=dict)
    hashes: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    lock_problems: dict[str, str] = field(default_factory=dict)
    python: str = OWN_VERSION
    images: dict[str, str] = field(default_factory=dict)
    archives: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def has_module(self, step: Step, module: str) -> bool:
        """Whether a step installs a module when it starts, or when a value needs it."""
        details = self.details.get(step.name, StepPackages())
        return module in details.pins or module in details.requirements

    def versions(self) -> dict[str, str]:
        """The version of each package that steps get, by its name; of one that has none, such as an archive, the requirement itself."""
        found: dict[str, dict[str, None]] = {}
        for step in dict.fromkeys([*self.packages, *self.details]):
            own = {requirement_name(text): text for text in self.packages.get(step, ())}
            required = self.details.get(step, StepPackages()).constraints
            # a constraint says the version of what packages require, unless the step asks for that in another version
            for name, text in ({requirement_name(text): text for text in required} | own).items():
                _, exact, version = text.partition("==")
                found.setdefault(name, {})[version if exact else text] = None
        return {name: ", ".join(found[name]) for name in sorted(found)}

    def in_images(self, images: Mapping[str, str]) -> StepRequirements:
        """The requirements when these images, by the names of steps, were built for them."""
        return replace(self, images=dict(images))

    def code_of(self, step: str) -> dict[str, bytes]:
        """The modules that travel with a step, by path."""
        files = self.files.get(step, {})
        return {n: base64.b64decode(files[n]) for n in self.modules.get(step, ())}

    def of(self, step: Step) -> dict[str, Any]:
        """The entries of the runtime spec of a step."""
        details = self.details.get(step.name, StepPackages())
        files = self.files.get(step.name, {})
        spec: dict[str, Any] = {"files": files, "optional": details.optional}
        if step.name in self.images:
            code = self.code_of(step.name)
            inside = {*code, *self.archives.get(step.name, ())}
            spec["image"] = self.images[step.name]  # another image may give another result, which a cache must know
            spec["files"] = {n: text for n, text in files.items() if n not in inside}
            spec["code"] = {n: crc32(content) for n, content in code.items()}
        else:
            spec["packages"] = list(self.packages.get(step.name, ()))
            spec["pins"] = {m: list(r) for m, r in details.pins.items()}
            spec["hashes"] = self.hashes.get(step.name, {})
            if spec["packages"] or spec["pins"]:
                spec["constraints"] = [] if spec["hashes"] else list(details.constraints)
                spec["sources"] = self.sources.get(step.name, {})
        return {k: v for k, v in spec.items() if v}


def find_requirements(
    pipeline: Pipeline,
    folder: Path,
    packages: str = "auto",
    sources: PackageSources = DEFAULT_SOURCES,
    values: Mapping[str, Any] | None = None,
    python: str | None = None,
    limit: int | None = TRAVEL_LIMIT,
) -> StepRequirements:
    """Find what every step's code needs.

    Parameters
    ----------
    folder
        The folder of the notebook. As in Python, the modules in it come before installed ones.
    packages
        With ``none``, only the packages that the marks name are installed.
    sources
        Where packages come from, unless the marks of a step say something else.
    values
        The values of parameters, which may name files. Without a value, a parameter has its default.
    python
        The interpreter of the notebook's environment. Default: the current one.
    limit
        How many bytes of one package may travel with a step. ``None``: any number, because its image takes them.
    """
    given = {**{p.name: p.default for p in pipeline.parameters}, **(values or {})}
    own = installed_packages(python)
    environment = own if packages == "auto" else InstalledPackages(())
    found = packages_of(pipeline, folder, environment, limit)
    if packages != "auto":
        found = {name: replace(one, left_out={}) for name, one in found.items()}
    else:
        versions = project_versions(folder, own.python)
        found = {name: constrained(one, versions) for name, one in found.items()}
    requirements = StepRequirements(details=found, python=own.python)
    privacy = Privacy(folder)
    # A file that another step writes is from an earlier run when it exists already.
    written = {(e.to, os.path.normpath(f)) for e in pipeline.edges for f in e.files}
    for step in pipeline.steps():
        listed = _listed(step, found[step.name])
        if listed:
            requirements.packages[step.name] = listed
        source_settings = step.settings.sources.over(sources).to_json()
        if source_settings:
            requirements.sources[step.name] = source_settings
        earlier = {f for to, f in written if to == step.name}
        _add_files(requirements, step, folder, privacy, named_files(step, folder, earlier, given), limit)
    return requirements


def _listed(step: Step, found: StepPackages) -> tuple[str, ...]:
    """The requirements of a step's marks, and of its code unless a mark names the same package."""
    marked = step.settings.packages
    named = {requirement_name(r) for r in marked}
    own = dict.fromkeys(r for texts in found.requirements.values() for r in texts)
    return (*marked, *(r for r in own if requirement_name(r) not in named))


def _add_files(
    requirements: StepRequirements,
    step: Step,
    folder: Path,
    privacy: Privacy,
    data: tuple[dict[str, bytes], tuple[str, ...]],
    limit: int | None,
) -> None:
    """Add the files of a step, and those that cannot travel."""
    archives, invalid = _archives(step.settings.packages, folder, limit)
    local = requirements.details[step.name].local
    file_contents = {n: t.encode() for n, t in local.items()} | data[0]
    withheld = privacy.reasons({*file_contents, *data[1]} - set(step.settings.files))
    contents = {n: c for n, c in file_contents.items() if n not in withheld} | archives
    large = tuple(n for n in data[1] if n not in withheld)
    absent = tuple(n for n in step.settings.files if not (folder / n).is_file())
    if invalid:
        requirements.invalid_archives[step.name] = invalid
    if withheld:
        requirements.private[step.name] = withheld
    if absent:
        requirements.missing[step.name] = absent
    if contents:
        requirements.files[step.name] = {n: base64.b64encode(c).decode() for n, c in contents.items()}
        requirements.modules[step.name] = tuple(sorted(local.keys() & contents.keys()))
        requirements.archives[step.name] = tuple(archives.keys() - data[0].keys())
    if large:
        requirements.too_large[step.name] = large


def _archives(
    requirements: tuple[str, ...], folder: Path, limit: int | None
) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """The archives beside the notebook that a step requires, by their paths, and the reasons why others cannot travel."""
    archives: dict[str, bytes] = {}
    invalid: list[str] = []
    for text in (r for r in requirements if is_local(r)):
        path = folder / text
        if not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
            invalid.append(f"`{text}` is no file beside the notebook")
        elif limit is not None and path.stat().st_size > limit:
            invalid.append(
                f"`{text}` has {path.stat().st_size / 1000:.0f} kB, and {limit // 1024} KiB travel with a step"
            )
        else:
            archives[Path(text).as_posix()] = path.read_bytes()
    return archives, tuple(invalid)


@dataclass(frozen=True)
class TravellingFile:
    """A file that leaves this machine with a pipeline.

    Parameters
    ----------
    steps
        The steps that get the file.
    link
        The file that it links to, when that is outside of the notebook's folder.
    """

    path: str
    bytes: int
    steps: tuple[str, ...]
    link: str | None


def travelling_files(
    pipeline: Pipeline,
    folder: Path,
    packages: str = "auto",
    values: Mapping[str, Any] | None = None,
    python: str | None = None,
    limit: int | None = TRAVEL_LIMIT,
) -> list[TravellingFile]:
    """The files that travel with the steps of a pipeline. The user sees them before a run is submitted."""
    steps_of: dict[str, list[str]] = {}
    sizes: dict[str, int] = {}
    needs = find_requirements(pipeline, folder, packages, values=values, python=python, limit=limit)
    for step, files in needs.files.items():
        for name, content in files.items():
            steps_of.setdefault(name, []).append(step)
            sizes[name] = len(base64.b64decode(content))
    privacy = Privacy(folder)
    links = {n: privacy.outside(n) for n in steps_of}
    return [
        TravellingFile(n, sizes[n], tuple(steps_of[n]), str(links[n]) if links[n] else None) for n in sorted(steps_of)
    ]


def travelling_text(files: list[TravellingFile]) -> str:
    """The files as one line for a terminal. It is empty when there are none."""
    shown = [f"{f.path} ({f.bytes / 1000:.1f} kB{f', a link to {f.link}' if f.link else ''})" for f in files]
    return f"files that travel with the steps: {', '.join(shown)}" if shown else ""
