"""The packages of the environment that a notebook runs in: which of them provides a module, and how a step can get the same one."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

from kfnb.images.needs.told_packages import VERSION
from kfnb.requirement_checks import BadSource, check_requirement

SLOW = 20.0  #: seconds in which an interpreter must say where its packages are
OWN_VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"  #: of this interpreter
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
EXTRA = re.compile(r";.*\bextra\b")  #: in a requirement that only an extra has
MODULE_FILE = re.compile(r"([A-Za-z_]\w*)(\.[\w-]+)*\.(py|so|pyd)")


@dataclass(frozen=True)
class Distribution:
    """An installed package. ``folder`` has its metadata."""

    name: str
    version: str
    folder: Path

    @cached_property
    def requirement(self) -> str:
        """What pip installs to get the same package. Raises `BadSource` when that is impossible, with the reason."""
        origin = self._origin
        url = str(origin.get("url", ""))
        if not url:
            # An index has no local version such as `2.3.0+cu121`, and `==2.3.0` accepts it where it is installed.
            return f"{self.name}=={self.version.partition('+')[0]}"
        if url.startswith("file:"):
            raise BadSource(f"it is installed from {unquote(urlsplit(url).path)}, which a cluster cannot reach")
        repository = origin.get("vcs_info")
        if isinstance(repository, dict):
            url = f"{repository.get('vcs')}+{url}@{repository.get('commit_id')}"
        return check_requirement(f"{self.name} @ {url}")

    @property
    def is_local(self) -> bool:
        """Whether the package is installed from a folder or file of this machine."""
        return str(self._origin.get("url", "")).startswith("file:")

    @property
    def project(self) -> Path | None:
        """The folder of the sources, when the package is installed from there and changes with them."""
        origin = self._origin
        if not isinstance(origin.get("dir_info"), dict):
            return None
        return Path(unquote(urlsplit(str(origin.get("url", ""))).path))

    @cached_property
    def _origin(self) -> dict[str, object]:
        try:
            found = json.loads((self.folder / "direct_url.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    @cached_property
    def requires(self) -> tuple[str, ...]:
        """The names of the packages that it requires, without those of its extras."""
        found = metadata.PathDistribution(self.folder).requires or []
        return tuple(normalized(m[0]) for text in found if not EXTRA.search(text) and (m := NAME.match(text)))

    @cached_property
    def tops(self) -> frozenset[str]:
        """The top-level names of its modules."""
        return frozenset(self.modules(1))

    def modules(self, depth: int) -> set[str]:
        """Its modules, with at most ``depth`` parts of their names."""
        found: set[str] = set()
        for line in _lines(self.folder / "RECORD") or _lines(self.folder / "installed-files.txt"):
            parts = line.partition(",")[0].split("/")
            if ".".join(parts[:depth]) in found:
                continue
            file = MODULE_FILE.fullmatch(parts[-1])
            if file is not None and parts[0] not in ("..", "__pycache__", "bin"):
                names = parts[:-1] if file[1] == "__init__" else [*parts[:-1], file[1]]
                if all(n.isidentifier() for n in names[:depth]):
                    found.add(".".join(names[:depth]))
        found.update(n for n in _lines(self.folder / "top_level.txt") if n)
        return found


class InstalledPackages:
    """The packages below the folders of an interpreter's module search path. ``python`` is the interpreter's version, such as ``3.11``."""

    def __init__(self, paths: Iterable[str], python: str = OWN_VERSION) -> None:
        self._paths = list(paths)
        self.python = python

    @property
    def is_known(self) -> bool:
        """Whether the interpreter has said where its packages are."""
        return bool(self._paths)

    def provider(self, module: str) -> Distribution | None:
        """The package that provides a module, which may have dots in its name. ``None`` when there is none."""
        top = module.partition(".")[0]
        names = self._tops.get(top, ())
        if len(names) > 1:  # several packages share a namespace, such as `google`
            parts = module.split(".")
            for depth in range(len(parts), 1, -1):
                wanted = ".".join(parts[:depth])
                for name in names:
                    if wanted in self.distributions[name].modules(depth):
                        return self.distributions[name]
        if names:
            return self.distributions[names[0]]
        return next((d for d in self._projects if _has_module(d.project, top)), None)

    def with_required(self, names: Iterable[str]) -> list[Distribution]:
        """Packages and all that they require, in the order of their names."""
        found: set[str] = set()
        queue = [normalized(n) for n in names]
        while queue:
            name = queue.pop()
            if name in self.distributions and name not in found:
                found.add(name)
                queue += self.distributions[name].requires
        return [self.distributions[n] for n in sorted(found)]

    def constraints(self, names: Iterable[str]) -> list[str]:
        """The versions of packages and of all that they require, as ``name==version``."""
        return [
            f"{normalized(d.name)}=={d.version.partition('+')[0]}" for d in self.with_required(names) if not d._origin
        ]

    @cached_property
    def distributions(self) -> dict[str, Distribution]:
        """All packages by their normalized names. The first of a name counts, as when Python imports."""
        found: dict[str, Distribution] = {}
        for folder in (f for path in self._paths for f in _metadata_folders(path)):
            name, _, version = folder.name.rpartition(".")[0].partition("-")
            if folder.suffix == ".egg-info":
                version = version.partition("-py")[0]
            if version:
                found.setdefault(normalized(name), Distribution(name.replace("_", "-"), version, folder))
        return found

    @cached_property
    def _tops(self) -> dict[str, tuple[str, ...]]:
        tops: dict[str, list[str]] = {}
        for name, distribution in self.distributions.items():
            for top in sorted(distribution.tops):
                tops.setdefault(top, []).append(name)
        return {top: tuple(names) for top, names in tops.items()}

    @cached_property
    def _projects(self) -> list[Distribution]:
        return [d for d in self.distributions.values() if d.project is not None]


def installed_packages(python: str | None = None) -> InstalledPackages:
    """The packages of an interpreter, or those in a folder of `kfnb.images.needs.told_packages`. Default: those of this interpreter.

    While a process lives, packages come and go: what is found is kept until one of the folders changes.
    """
    paths, version = _search_path(python) if python else (tuple(sys.path), OWN_VERSION)
    return _packages_below(paths, version, tuple(_changed(path) for path in paths))


def normalized(name: str) -> str:
    """The name of a package as an index compares it: lower case, with ``-``."""
    return re.sub(r"[-_.]+", "-", name).lower()


@lru_cache(maxsize=16)
def _packages_below(paths: tuple[str, ...], python: str, changed: tuple[int, ...]) -> InstalledPackages:
    return InstalledPackages(paths, python)


def _changed(path: str) -> int:
    """When an entry of a folder came or went last, in nanoseconds since 1970; 0 for a folder that is not there."""
    try:
        return os.stat(path or ".").st_mtime_ns
    except OSError:
        return 0


@cache
def _search_path(python: str) -> tuple[tuple[str, ...], str]:
    """Where an interpreter finds its packages, and its version. An interpreter that does not say it has no packages and our version."""
    told = Path(python) / VERSION
    if told.is_file():  # a kernel elsewhere has told its packages
        return (python,), told.read_text("utf-8")
    try:
        done = subprocess.run(
            [python, "-c", "import sys; print(ascii((sys.path[1:], '%d.%d' % sys.version_info[:2])))"],
            capture_output=True, text=True, timeout=SLOW, check=True,
        )  # fmt: skip
        # `sys` is part of the interpreter: any other module could come from the folder that this process works in
        paths, version = ast.literal_eval(done.stdout.strip().splitlines()[-1])
        return tuple(paths), str(version)
    except (OSError, ValueError, SyntaxError, IndexError, subprocess.SubprocessError):
        return (), OWN_VERSION


def _metadata_folders(path: str) -> list[Path]:
    try:
        return sorted(f for f in Path(path or ".").iterdir() if f.suffix in (".dist-info", ".egg-info"))
    except OSError:
        return []


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8", "replace").splitlines()
    except OSError:
        return []


def _has_module(project: Path | None, module: str) -> bool:
    places = [] if project is None else [project, project / "src"]
    return any((p / module).is_dir() or (p / f"{module}.py").is_file() for p in places)
