"""A lock as a file beside the notebook: ``pylock.NAME.toml``, as PEP 751 describes it.

Each requirement set is a dependency group, so that other installers can install it: ``uv pip sync pylock.train.toml --group GROUP``. What PEP 751
has no word for stands below ``[tool.kfnb]``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from kfnb.images.locks.lock_model import Lock, LockedFile, LockedPackage, RequirementSet, StepRequest
from kfnb.images.locks.pylock_packages import packages_in
from kfnb.images.machines import MACHINES
from kfnb.pipeline.model import Pipeline
from kfnb.surrogates import write_text
from kfnb.toml_text import read_toml

VERSION = 1  #: of the tables below ``[tool.kfnb]``


class BadLock(ValueError):
    """A file is no lock of kfnb, or a damaged one. The message names it."""


def lock_path(pipeline: Pipeline, folder: Path) -> Path:
    """The file into which a pipeline's lock is written.

    It is named after the pipeline, and also after the notebook when that has another name, so that no two notebooks share a file.
    PEP 751 allows no dots in the name.
    """
    stem, name = _word(Path(pipeline.notebook or pipeline.name).stem), _word(pipeline.name)
    return folder / f"pylock.{name if pipeline.notebook is None or stem == name else f'{stem}--{name}'}.toml"


def lock_beside(pipeline: Pipeline, folder: Path) -> tuple[Path, Lock | None]:
    """The lock of a pipeline, and its file. Raises `BadLock`.

    Without a lock of that name it is another one of the same pipeline, as long as no other notebook claims it: earlier versions of kfnb
    named no notebook in it, and a notebook may have been renamed.
    """
    own = lock_path(pipeline, folder)
    lock = read_lock(own)
    if lock is None:
        for path in sorted(folder.glob("pylock.*.toml")):
            with suppress(BadLock):  # another installer has written it
                other = read_lock(path)
                if other is not None and other.pipeline == pipeline.name and _is_unclaimed(other, folder):
                    return path, other
    return own, lock


def _is_unclaimed(lock: Lock, folder: Path) -> bool:
    return not (lock.notebook and (folder / lock.notebook).exists())


def _word(name: str) -> str:
    """A name without dots and ``--``, which stands between two names."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", name)


def read_lock(path: Path) -> Lock | None:
    """The lock in a file, or ``None`` when there is no such file. Raises `BadLock`."""
    try:
        document = read_toml(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BadLock(f"{path.name} cannot be read: {error}") from error
    own = document.get("tool", {}).get("kfnb")
    if not isinstance(own, dict) or own.get("version") != VERSION:
        raise BadLock(f"{path.name} is no lock that this version of kfnb has written")
    try:
        packages = packages_in(document)
        sets = tuple(_set(table, packages) for table in own.get("sets", ()))
        asked = tuple(
            StepRequest(t["name"], tuple(t["requirements"]), tuple(t["for-values"])) for t in own.get("steps", ())
        )
        return Lock(own["pipeline"], sets, asked, own.get("notebook", ""))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise BadLock(f"{path.name} is damaged: {error!r}") from error


def write_lock(lock: Lock, path: Path) -> None:
    """Write a lock as a file. The same lock always gives the same text."""
    write_text(path, lock_text(lock))


def lock_text(lock: Lock) -> str:
    """The text of a lock's file."""
    return "\n".join(_lines(lock)) + "\n"


def _set(table: dict[str, Any], packages: Sequence[LockedPackage]) -> RequirementSet:
    parents, limited = table["packages"], table.get("platforms-of", {})
    own = tuple(
        LockedPackage(p.name, p.version, p.wheels, p.sdist, tuple(parents[key]), tuple(limited.get(key, ())))
        for p in packages
        if (key := f"{p.name}=={p.version}") in parents
    )
    return RequirementSet(
        table["id"], tuple(table["steps"]), table["python"], own, table.get("base-image", ""), tuple(table.get("apt", ())),
        tuple(table["platforms"]),
    )  # fmt: skip


def _lines(lock: Lock) -> Iterator[str]:
    pythons = sorted({s.python for s in lock.sets})
    yield "# `kfnb lock` writes this file. Its form is PEP 751; each group is an environment that steps share."
    yield 'lock-version = "1.0"'
    if len(pythons) == 1:
        yield f'requires-python = "=={pythons[0]}.*"'
    yield f"dependency-groups = {_toml([s.id for s in lock.sets])}"
    yield "default-groups = []"
    yield 'created-by = "kfnb"'
    for package, sets in _members(lock):
        yield from _package(package, sets)
    yield from _own_tables(lock)


def _members(lock: Lock) -> list[tuple[LockedPackage, list[tuple[RequirementSet, LockedPackage]]]]:
    """Each package once, with the sets that have it. Sets for different versions of Python have different files."""
    members: dict[tuple[str, str], list[tuple[RequirementSet, LockedPackage]]] = {}
    for one in lock.sets:
        for package in one.packages:
            members.setdefault((package.name, package.version), []).append((one, package))
    merged = []
    for (name, version), found in sorted(members.items(), key=lambda m: m[0]):
        wheels = {f.name: f for _, p in found for f in p.wheels}
        sdist = next((p.sdist for _, p in found if p.sdist is not None), None)
        merged.append((LockedPackage(name, version, tuple(wheels[n] for n in sorted(wheels)), sdist), found))
    return merged


def _package(package: LockedPackage, sets: Sequence[tuple[RequirementSet, LockedPackage]]) -> Iterator[str]:
    yield "\n[[packages]]"
    yield f"name = {_toml(package.name)}"
    if package.version:
        yield f"version = {_toml(package.version)}"
    yield f"marker = {_toml(' or '.join(_marker(s, p) for s, p in sets))}"
    direct = package.direct
    if direct is not None and not direct.sha256:
        kind, _, rest = direct.url.partition("+")
        address, _, part = rest.partition("#subdirectory=")
        url, _, commit = address.rpartition("@")
        folder = f", subdirectory = {_toml(part)}" if part else ""
        yield f"vcs = {{ type = {_toml(kind)}, url = {_toml(url)}, commit-id = {_toml(commit)}{folder} }}"
    elif direct is not None:
        yield f"archive = {{ path = {_toml(direct.url)}, hashes = {{ sha256 = {_toml(direct.sha256)} }} }}"
    else:
        if package.sdist is not None:
            yield f"sdist = {_file(package.sdist)}"
        if package.wheels:
            yield from ("wheels = [", *(f"  {_file(f)}," for f in package.wheels), "]")


def _marker(one: RequirementSet, package: LockedPackage) -> str:
    group = f"'{one.id}' in dependency_groups"
    machines = " or ".join(f"platform_machine == '{MACHINES[p.rpartition('/')[2]]}'" for p in package.platforms)
    return f"({group} and ({machines}))" if machines else group


def _file(file: LockedFile) -> str:
    place = f"path = {_toml(file.url)}" if file.url.startswith("./") else f"url = {_toml(file.url)}"
    size = f", size = {file.size}" if file.size is not None else ""
    return f"{{ name = {_toml(file.name)}, {place}{size}, hashes = {{ sha256 = {_toml(file.sha256)} }} }}"


def _own_tables(lock: Lock) -> Iterator[str]:
    yield "\n[tool.kfnb]"
    yield f"version = {VERSION}"
    yield f"pipeline = {_toml(lock.pipeline)}"
    if lock.notebook:
        yield f"notebook = {_toml(lock.notebook)}"
    for request in lock.asked:
        yield "\n[[tool.kfnb.steps]]"
        yield f"name = {_toml(request.step)}"
        yield f"requirements = {_toml(request.requirements)}"
        yield f"for-values = {_toml(request.for_values)}"
    for one in lock.sets:
        yield "\n[[tool.kfnb.sets]]"
        yield f"id = {_toml(one.id)}"
        yield f"steps = {_toml(one.steps)}"
        yield f"python = {_toml(one.python)}"
        yield f"platforms = {_toml(one.platforms)}"
        if one.base_image:
            yield f"base-image = {_toml(one.base_image)}"
        if one.apt:
            yield f"apt = {_toml(one.apt)}"
        limited = [p for p in one.packages if p.platforms]
        if limited:
            yield "[tool.kfnb.sets.platforms-of]"
            yield from (f"{_toml(f'{p.name}=={p.version}')} = {_toml(p.platforms)}" for p in limited)
        yield "[tool.kfnb.sets.packages]"
        yield from (f"{_toml(f'{p.name}=={p.version}')} = {_toml(p.requested_by)}" for p in one.packages)


def _toml(value: str | Sequence[str]) -> str:
    """A text, or a list of texts. JSON writes both as TOML reads them."""
    return json.dumps(value if isinstance(value, str) else list(value), ensure_ascii=True)
