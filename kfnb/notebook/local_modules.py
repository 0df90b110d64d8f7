"""Reads the source of the modules beside a notebook that its cells import, without executing them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

IMPORTS = re.compile(r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import\b([^\n#]*)|import[ \t]+([^\n#]+))", re.MULTILINE)
WORD = re.compile(r"\w+")
KFNB = "kfnb"  #: not read, because the analysis knows the functions of this package
MAX_CHARACTERS, MAX_MODULES = 300_000, 60  #: of one module, and of one notebook


def local_modules(texts: Iterable[str], folder: Path) -> tuple[tuple[str, str], ...]:
    """Name and source of the modules in ``folder`` that the texts import, directly or through another module."""
    modules: dict[str, str] = {}
    pending = [name for text in texts for name in _imported(text)]
    visited: set[str] = set()
    while pending and len(modules) < MAX_MODULES:
        name = pending.pop()
        if name in visited or name.partition(".")[0] == KFNB:
            continue
        visited.add(name)
        source = _source(folder, name)
        if source is not None:
            modules[name] = source
            package = name if (folder / name.replace(".", "/")).is_dir() else name.rpartition(".")[0]
            pending += _imported(source, package)
    return tuple(sorted(modules.items()))


def _imported(text: str, package: str = "") -> list[str]:
    """All names in a text that can be modules, with the names of their packages."""
    names: list[str] = []
    for origin, attributes, plain in IMPORTS.findall(text):
        if origin:
            base = f"{package}{origin}".lstrip(".") if origin.startswith(".") and package else origin.lstrip(".")
            names += [base, *(f"{base}.{word}" for word in WORD.findall(attributes))]
        else:
            names += [part.split(" as ")[0].strip() for part in plain.split(",")]
    return [".".join(n.split(".")[: k + 1]) for n in names if n for k in range(n.count(".") + 1)]


def _source(folder: Path, name: str) -> str | None:
    place = folder.joinpath(*name.split("."))
    if not place.name:
        return None
    for path in (place.with_name(place.name + ".py"), place / "__init__.py"):
        try:
            if path.is_file() and path.stat().st_size <= MAX_CHARACTERS:
                return path.read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue
    return None
