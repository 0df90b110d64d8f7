"""What each step needs besides its code: packages in the versions of this environment, and modules and files beside the notebook."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from kfnb.engines.cluster.packaging.named_files import named_files
from kfnb.engines.cluster.packaging.private_files import Privacy
from kfnb.engines.cluster.packaging.step_imports import modules_of, sources_of, unread_imports
from kfnb.pipeline.model import Pipeline, Step
from kfnb.requirement_checks import DEFAULT_SOURCES, PackageSources, is_local, requirement_name

ARCHIVE_LIMIT = 256 * 1024  #: bytes of one package that travels with a step


@dataclass(frozen=True)
class StepRequirements:
    """What travels with each step. Every field has the names of steps as keys.

    Parameters
    ----------
    packages
        The requirements that are installed when the step starts.
    pins
        The versions of packages that other steps install, by module.
    files
        The contents of files as base64, by path.
    modules
        The paths of the local modules among these files.
    optional
        Imports that the step repeats although it reads none of their names, each with the modules that it needs. The runtime leaves
        such an import out where a module is missing.
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
    """

    packages: dict[str, tuple[str, ...]] = field(default_factory=dict)
    pins: dict[str, dict[str, str]] = field(default_factory=dict)
    files: dict[str, dict[str, str]] = field(default_factory=dict)
    modules: dict[str, tuple[str, ...]] = field(default_factory=dict)
    optional: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    too_large: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    invalid_archives: dict[str, tuple[str, ...]] = field(default_factory=dict)
    private: dict[str, dict[str, str]] = field(default_factory=dict)
    missing: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, step: Step) -> dict[str, Any]:
        """The entries of the runtime spec of a step."""
        spec = {
            "packages": list(self.packages.get(step.name, ())),
            "pins": self.pins.get(step.name, {}),
            "files": self.files.get(step.name, {}),
            "optional": self.optional.get(step.name, {}),
        }
        if spec["packages"] or spec["pins"]:
            spec["sources"] = self.sources.get(step.name, {})
        return {k: v for k, v in spec.items() if v}


def find_requirements(
    pipeline: Pipeline,
    folder: Path,
    packages: str = "auto",
    sources: PackageSources = DEFAULT_SOURCES,
    values: Mapping[str, Any] | None = None,
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
    """
    given = {**{p.name: p.default for p in pipeline.parameters}, **(values or {})}
    requirements: dict[str, tuple[str, ...]] = {}
    pins: dict[str, dict[str, str]] = {}
    files: dict[str, dict[str, str]] = {}
    modules: dict[str, tuple[str, ...]] = {}
    optional: dict[str, dict[str, list[str]]] = {}
    too_large: dict[str, tuple[str, ...]] = {}
    step_sources: dict[str, dict[str, Any]] = {}
    invalid_archives: dict[str, tuple[str, ...]] = {}
    private: dict[str, dict[str, str]] = {}
    missing: dict[str, tuple[str, ...]] = {}
    installed: dict[str, str] = {}
    privacy = Privacy(folder)
    # A file that another step writes is from an earlier run when it exists already.
    written = {(e.to, os.path.normpath(f)) for e in pipeline.edges for f in e.files}
    spare = unread_imports(pipeline)
    for step in pipeline.steps():
        needed = {m for source in sources_of(step) if source not in spare[step.name] for m in modules_of(source)}
        own = _reached(needed, folder)
        spare_modules = {source: _reached(modules_of(source), folder) for source in spare[step.name]}
        local = own.files | {n: t for reached in spare_modules.values() for n, t in reached.files.items()}
        own_requirements = _requirements(own.outside) if packages == "auto" else {}
        optional[step.name] = {
            source: sorted(reached.outside - set(own_requirements)) for source, reached in spare_modules.items()
        }
        installed.update(own_requirements)
        marked = step.settings.packages
        named = {requirement_name(r) for r in marked}
        listed = (*marked, *(r for r in dict.fromkeys(own_requirements.values()) if requirement_name(r) not in named))
        archives, invalid = _archives(marked, folder)
        if invalid:
            invalid_archives[step.name] = invalid
        source_settings = step.settings.sources.over(sources).to_json()
        if source_settings:
            step_sources[step.name] = source_settings
        if listed:
            requirements[step.name] = listed
        data, large = named_files(step, folder, {f for to, f in written if to == step.name}, given)
        file_contents = {n: t.encode() for n, t in local.items()} | data
        withheld = privacy.reasons({*file_contents, *large} - set(step.settings.files))
        contents = {n: c for n, c in file_contents.items() if n not in withheld} | archives
        large = tuple(n for n in large if n not in withheld)
        absent = tuple(n for n in step.settings.files if not (folder / n).is_file())
        if withheld:
            private[step.name] = withheld
        if absent:
            missing[step.name] = absent
        if contents:
            files[step.name] = {n: base64.b64encode(c).decode() for n, c in contents.items()}
            modules[step.name] = tuple(sorted(local.keys() & contents.keys()))
        if large:
            too_large[step.name] = large
    for step in pipeline.steps():
        reads = bool(step.inputs)
        others = {m: r for m, r in installed.items() if r not in requirements.get(step.name, ())}
        if reads and others:
            pins[step.name] = others
    optional_imports = {n: o for n, o in optional.items() if o}
    return StepRequirements(
        requirements,
        pins,
        files,
        modules,
        optional_imports,
        too_large,
        step_sources,
        invalid_archives,
        private,
        missing,
    )


def _archives(requirements: tuple[str, ...], folder: Path) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """The archives beside the notebook that a step requires, by their paths, and the reasons why others cannot travel."""
    archives: dict[str, bytes] = {}
    invalid: list[str] = []
    for text in (r for r in requirements if is_local(r)):
        path = folder / text
        if not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
            invalid.append(f"`{text}` is no file beside the notebook")
        elif path.stat().st_size > ARCHIVE_LIMIT:
            invalid.append(
                f"`{text}` has {path.stat().st_size / 1000:.0f} kB, and {ARCHIVE_LIMIT // 1024} KiB travel with a step"
            )
        else:
            archives[Path(text).as_posix()] = path.read_bytes()
    return archives, tuple(invalid)


def _requirements(modules: set[str]) -> dict[str, str]:
    return {m: r for m in sorted(modules) if (r := _requirement(m)) is not None}


@dataclass(frozen=True)
class _Reached:
    """The files of modules beside the notebook and of the modules that they import, by path, and the modules from elsewhere."""

    files: dict[str, str]
    outside: set[str]


def _reached(modules: set[str], folder: Path) -> _Reached:
    reached = _Reached({}, set())
    queue = list(modules)
    while queue:
        module = queue.pop()
        paths = _beside(module, folder)
        if not paths and module not in sys.stdlib_module_names and module != "kfnb":
            reached.outside.add(module)
        for path in paths:
            name = path.relative_to(folder).as_posix()
            if name not in reached.files:
                reached.files[name] = path.read_text("utf-8")
                queue += modules_of(reached.files[name])
    return reached


def _beside(module: str, folder: Path) -> list[Path]:
    """The files of a module in ``folder``. There are none when the module is not there."""
    if (folder / f"{module}.py").is_file():
        return [folder / f"{module}.py"]
    package = folder / module
    if not (package / "__init__.py").is_file():
        return []
    return [p for p in package.rglob("*.py") if not any(n.startswith(".") for n in p.relative_to(package).parts)]


@cache
def _distributions() -> dict[str, list[str]]:
    return dict(metadata.packages_distributions())


def _requirement(module: str) -> str | None:
    """The requirement ``name==version`` of the installed distribution that provides a module, or ``None``."""
    for name in _distributions().get(module, ()):
        try:
            return f"{name}=={metadata.version(name)}"
        except metadata.PackageNotFoundError:
            continue
    return None


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
    pipeline: Pipeline, folder: Path, packages: str = "auto", values: Mapping[str, Any] | None = None
) -> list[TravellingFile]:
    """The files that travel with the steps of a pipeline. The user sees them before a run is submitted."""
    steps_of: dict[str, list[str]] = {}
    sizes: dict[str, int] = {}
    for step, files in find_requirements(pipeline, folder, packages, values=values).files.items():
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
