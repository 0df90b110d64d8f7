"""The files beside a notebook that its cells run with ``%run``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from kfnb.runtime.magics.run_magic import RunLine

RUN = re.compile(r"^[ \t]*%?run[ \t]+(\S.*)$", re.MULTILINE)
LARGEST = 2_000_000  #: bytes of a program that is read
ENDINGS = (".py", ".pyw", ".ipy", ".ipynb")


def programs_beside(sources: Iterable[str], folder: Path) -> tuple[tuple[str, str], ...]:
    """The paths and texts of the programs that cells run; none of them is executed."""
    found: dict[str, str] = {}
    for path in _paths(sources):
        text = _text(folder / path)
        if text is not None:
            found.setdefault(path, text)
    return tuple(found.items())


def _paths(sources: Iterable[str]) -> Iterator[str]:
    for source in sources:
        if "run" not in source:
            continue
        for line in RUN.findall(source):
            try:
                told = RunLine(line)
            except ValueError:  # quotes that do not end: the magic says so
                continue
            if told.path:
                yield os.path.normpath(told.path.replace(".", "/") + ".py" if told.module else told.path)


def _text(path: Path) -> str | None:
    """What an ordinary file of Python or a notebook holds."""
    if path.suffix not in ENDINGS or not path.is_file():
        return None
    try:
        return path.read_text("utf-8") if path.stat().st_size <= LARGEST else None
    except (OSError, ValueError):
        return None
