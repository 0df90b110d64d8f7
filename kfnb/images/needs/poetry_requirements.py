"""The requirements of Poetry's tables in a ``pyproject.toml``, as pip writes them.

The forms of versions stand in https://python-poetry.org/docs/dependency-specification/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

VERSION = re.compile(r"v?(?P<release>\d+(?:\.\d+)*)(?P<rest>[^\s,]*)")
PART = re.compile(r"(?P<operator>\^|~=|~|===?|!=|<=|>=|<|>)?\s*(?P<version>[^\s,<>=!~^]+)")
PLACES = ("git", "path", "url", "file")  #: of what no index has


def poetry_requirements(document: Mapping[str, Any]) -> Iterator[str]:
    """The requirements of the project and of its groups."""
    table = document.get("tool", {}).get("poetry", {})
    groups = [group.get("dependencies", {}) for group in table.get("group", {}).values()]
    for dependencies in (table.get("dependencies", {}), table.get("dev-dependencies", {}), *groups):
        for name, given in dependencies.items():
            for one in given if isinstance(given, list) else [given]:
                if name.lower() != "python":
                    yield from _requirement(name, {"version": one} if isinstance(one, str) else one)


def _requirement(name: str, given: Mapping[str, Any]) -> Iterator[str]:
    if any(place in given for place in PLACES):
        return
    extras = f"[{','.join(given['extras'])}]" if given.get("extras") else ""
    python = [re.sub(r"[\d.]+(\.\*)?$", r"'\g<0>'", s) for s in _specifiers(given.get("python", "*"))]
    marks = [f"({m})" for m in (given.get("markers", ""), *(f"python_version {p}" for p in python)) if m]
    yield f"{name}{extras}{','.join(_specifiers(given.get('version', '*')))}{'; ' if marks else ''}{' and '.join(marks)}"


def _specifiers(text: str) -> list[str]:
    """What a version of Poetry's asks for. There are none for one that pip cannot write, such as ``1.*||3.*``."""
    if "|" in text or " or " in text:
        return []
    found = []
    for part in PART.finditer(text.replace(" and ", ",")):
        operator, version = part["operator"] or "==", part["version"]
        release = VERSION.fullmatch(version)
        if version == "*":
            continue
        if operator in ("^", "~") and release is not None:
            found += [f">={version}", f"<{_next(release['release'], operator)}"]
        else:
            found.append(f"{operator}{version}")
    return found


def _next(release: str, operator: str) -> str:
    """The first version that ``^`` or ``~`` does not allow: ``^`` raises the first number that is not zero, and ``~`` the second one."""
    numbers = [int(n) for n in release.split(".")]
    raised = min(1, len(numbers) - 1)
    if operator == "^":
        raised = next((at for at, n in enumerate(numbers) if n), len(numbers) - 1)
    return ".".join(map(str, [*numbers[:raised], numbers[raised] + 1]))
