"""The cells of a notebook that is a text file, and the file name endings and comments that all text formats share."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kfnb.notebook.marks.cell_marks import MAGICS

Json = dict[str, Any]

SCRIPTS = (".py", ".pyw")
MARKDOWN = (".md", ".markdown", ".myst", ".mystnb", ".mnb", ".qmd", ".rmd")
SUFFIXES = (*SCRIPTS, *MARKDOWN)
#: A mark in a comment, so that the script remains valid Python.
COMMENTED_MARK = re.compile(rf"^#[ \t]*({'|'.join(map(re.escape, MAGICS))})(?=[ \t]|$)")


@dataclass(frozen=True)
class TextCell:
    """A cell of a text file. ``line`` is the line of the file on which its source begins, counted from 1."""

    kind: str
    source: str
    line: int
    metadata: Json = field(default_factory=dict)

    def to_json(self) -> Json:
        return {"cell_type": self.kind, "source": self.source, "metadata": self.metadata, "line": self.line}


def is_text(path: str | Path | None) -> bool:
    """Whether the name of a file says that it is a notebook in a text format."""
    return path is not None and Path(path).suffix.lower() in SUFFIXES


def with_mark(source: str) -> str:
    """The source of a cell with the ``#`` removed if the cell begins with a mark in a comment."""
    body = source.lstrip()
    if not body.startswith("#"):
        return source
    return source[: len(source) - len(body)] + COMMENTED_MARK.sub(r"\1", body, count=1)
