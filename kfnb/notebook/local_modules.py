"""The source of the modules that stand beside a notebook and that its cells import. Nothing of them is executed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

IMPORTS = re.compile(r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import\b([^\n#]*)|import[ \t]+([^\n#]+))", re.MULTILINE)
WORD = re.compile(r"\w+")
OWN = "kfnb"  #: what this package's own functions do to a notebook is known
LARGEST, MOST = 300_000, 60  #: characters of a module; modules


def local_modules(texts: Iterable[str], folder: Path) -> tuple[tuple[str, str], ...]:
    """By dotted name, the modules in ``folder`` that the texts import, and those that these import in turn."""
    found: dict[str, str] = {}
    waiting = [name for text in texts for name in _imported(text)]
    asked: set[str] = set()
    while waiting and len(found) < MOST:
        name = waiting.pop()
        if name in asked or name.partition(".")[0] == OWN:
            continue
        asked.add(name)
        source = _source(folder, name)
        if source is not None:
            found[name] = source
            package = name if (folder / name.replace(".", "/")).is_dir() else name.rpartition(".")[0]
            waiting += _imported(source, package)
    return tuple(sorted(found.items()))


def _imported(text: str, package: str = "") -> list[str]:
    """Every module name that may be meant, with the packages around it."""
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
            if path.is_file() and path.stat().st_size <= LARGEST:
                return path.read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue
    return None
