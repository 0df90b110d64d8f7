"""Reads the files beside a notebook that its cells run with ``%run``, without executing them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from kfnb.runtime.magics.run_magic import RunLine

RUN = re.compile(r"^[ \t]*%?run[ \t]+(\S.*)$", re.MULTILINE)
MAX_BYTES = 2_000_000  #: larger files are not read
ENDINGS = (".py", ".pyw", ".ipy", ".ipynb")


def programs_beside(sources: Iterable[str], folder: Path) -> tuple[tuple[str, str], ...]:
    """Path and text of each program that the cells run."""
    programs: dict[str, str] = {}
    for path in _paths(sources):
        text = _text(folder / path)
        if text is not None:
            programs.setdefault(path, text)
    return tuple(programs.items())


def _paths(sources: Iterable[str]) -> Iterator[str]:
    for source in sources:
        if "run" not in source:
            continue
        for arguments in RUN.findall(source):
            try:
                line = RunLine(arguments)
            except ValueError:  # an unclosed quotation mark, which the magic reports
                continue
            if line.path:
                yield os.path.normpath(line.path.replace(".", "/") + ".py" if line.module else line.path)


def _text(path: Path) -> str | None:
    """The text of a Python file or notebook; ``None`` for any other file."""
    if path.suffix not in ENDINGS or not path.is_file():
        return None
    try:
        return path.read_text("utf-8") if path.stat().st_size <= MAX_BYTES else None
    except (OSError, ValueError):
        return None
