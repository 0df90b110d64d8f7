"""Notebooks that are text: which form a file has, and its cells with the lines on which they stand.

What is read here becomes notebook JSON, so that whatever works on notebooks works on these too. A cell has its first line
in the file as ``line``, and the notebook the name of its form as ``form``.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kfnb.notebook.marks.cell_marks import MAGICS
from kfnb.problems import NotebookError, Problem

Json = dict[str, Any]

SCRIPTS = (".py", ".pyw")
MARKDOWN = (".md", ".markdown", ".myst", ".mystnb", ".mnb", ".qmd", ".rmd")
SUFFIXES = (*SCRIPTS, *MARKDOWN)
READABLE = (
    "kfnb reads .ipynb, .py (cells begin with `# %%`), .md and MyST, .qmd, .Rmd, Databricks' source and marimo's files"
)
#: What other files are called, where their ending says it.
OTHER = {
    ".txt": "a text file", ".csv": "a table", ".tsv": "a table", ".parquet": "a table", ".pdf": "a PDF", ".html": "a page", ".htm": "a page", ".json": "JSON",
    ".yaml": "YAML", ".yml": "YAML", ".toml": "settings", ".r": "R", ".jl": "Julia", ".scala": "Scala", ".sh": "a shell script", ".js": "JavaScript", ".sql": "SQL",
    ".zip": "an archive", ".gz": "an archive", ".tar": "an archive", ".png": "a picture", ".jpg": "a picture", ".dbc": "a Databricks archive", ".rst": "reStructuredText", ".zpln": "a Zeppelin notebook",
}  # fmt: skip
#: A mark as a comment, which keeps a script valid Python.
COMMENTED = re.compile(rf"^#[ \t]*({'|'.join(map(re.escape, MAGICS))})(?=[ \t]|$)")
#: Line ends of `str.splitlines` that are none to an editor.
ODD_ENDS = "\v\f\x1c\x1d\x1e\x85\u2028\u2029"
HIDDEN = {ord(c): chr(0xF700 + n) for n, c in enumerate(ODD_ENDS)}
SHOWN = {ord(v): chr(k) for k, v in HIDDEN.items()} | {0xF7FF: ""}
COOKIE = re.compile(r"\A((?:#[^\n]*\n)?[ \t]*#[^\n]*?cod)(ing[:=])")  #: what the text was decoded by


@dataclass(frozen=True)
class TextCell:
    """A cell of a text file; ``line``: where its source begins, from 1."""

    kind: str
    source: str
    line: int
    metadata: Json = field(default_factory=dict)

    def to_json(self) -> Json:
        return {"cell_type": self.kind, "source": self.source, "metadata": self.metadata, "line": self.line}


def is_text(path: str | Path | None) -> bool:
    """Whether a file is a notebook in text by its name."""
    return path is not None and Path(path).suffix.lower() in SUFFIXES


def with_mark(source: str) -> str:
    """A cell of a text file: a mark in a comment that begins it is the mark."""
    body = source.lstrip()
    return source[: len(source) - len(body)] + COMMENTED.sub(r"\1", body, count=1) if body.startswith("#") else source


def decoded(data: bytes, path: str) -> str:
    """A text file's text, as its encoding cookie says where it has one; line ends are ``\\n``. Raises `NotebookError`."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline) if path.lower().endswith(SCRIPTS) else ("utf-8-sig", 0)  # fmt: skip
        text = data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        if isinstance(error, SyntaxError) and "missing encoding" in str(error):
            error = _where_not_utf8(data) or error
        why = f"it is not text in UTF-8 (byte {error.start})" if isinstance(error, UnicodeDecodeError) else str(error)
        raise NotebookError([Problem("KF101", f"{path} cannot be read: {why}", READABLE)]) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _where_not_utf8(data: bytes) -> UnicodeDecodeError | None:
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return error
    return None


def parse(text: str, path: str) -> Json:
    """Notebook JSON of a text file, whose lines end with ``\\n``. Raises `NotebookError` (KF101, KF115)."""
    if not text.strip():
        raise NotebookError([Problem("KF101", f"{path} is empty", "write a cell: `# %%` begins one")])
    if "\0" in text:
        raise NotebookError([Problem("KF101", f"{path} is not text: it has NUL bytes", READABLE)])
    form, read = _form(text, Path(path).suffix.lower())
    try:
        metadata, cells = read(COOKIE.sub("\\1\uf7ff\\2", text.translate(HIDDEN)), path)
    except NotebookError:
        raise
    except Exception as error:  # a reader of another project may raise anything
        why = f"{type(error).__name__}: {error}".split("\n")[0][:200]
        raise NotebookError([Problem("KF101", f"{path} cannot be read as {form}: {why}", READABLE)]) from None
    shown = [TextCell(c.kind, c.source.translate(SHOWN), c.line, c.metadata).to_json() for c in cells]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": shown, "form": form}


Reader = Callable[[str, str], tuple[Json, list[TextCell]]]


def _form(text: str, suffix: str) -> tuple[str, Reader]:
    """The name of a file's form, and what reads it."""
    from kfnb.notebook.formats import databricks, jupytext_notebooks, marimo

    if suffix not in SCRIPTS:
        return {".qmd": "Quarto", ".rmd": "R Markdown"}.get(suffix, "Markdown"), jupytext_notebooks.read
    if text.lstrip().startswith(databricks.HEAD):
        return "Databricks source", databricks.read
    if marimo.is_marimo(text):
        return "marimo", marimo.read
    if jupytext_notebooks.has_cells(text):
        return "cells", jupytext_notebooks.read
    return "script", _script


def _script(text: str, path: str) -> tuple[Json, list[TextCell]]:
    """A script without cells is one cell."""
    return {}, [TextCell("code", text.rstrip("\n"), 1)]


def refused(path: str, data: bytes) -> NotebookError:
    """Why a file that is neither JSON nor text with cells is no notebook, and what kfnb can read."""
    start = data[:400].lstrip()
    suffix = Path(path).suffix.lower()
    if start.startswith(b"version https://git-lfs"):
        what, way = "is a pointer of git LFS, not the file itself", "fetch it: `git lfs pull`"
    elif start[:1] == b"<" and re.match(rb"<(!doctype|html|\?xml)", start, re.IGNORECASE):
        what, way = "is a web page, not a notebook", "download the file itself (on GitHub: Raw)"
    elif start.startswith(b"%PDF"):
        what, way = "is a PDF, not a notebook", READABLE
    elif b"\0" in data[:4000]:
        what, way = "is not a notebook: it is not text in UTF-8", READABLE
    elif suffix in OTHER:
        what, way = f"is {OTHER[suffix]}, not a notebook", READABLE
    else:
        what, way = "is not a notebook", READABLE
    return NotebookError([Problem("KF101", f"{path} {what}", way)])
