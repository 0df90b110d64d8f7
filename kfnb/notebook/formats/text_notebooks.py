"""The table of text formats, and how a text file of any of them becomes notebook JSON.

Because a text file becomes notebook JSON, everything that works on notebooks works on text files too. Each cell has the key
``line``, the line of the file on which it begins, and the notebook has the key ``form``, the name of its format.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kfnb.notebook.formats import databricks, jupytext_notebooks, marimo
from kfnb.notebook.formats.text_cells import SCRIPTS, Json, TextCell
from kfnb.problems import NotebookError, Problem

READABLE = "kfnb reads .ipynb, .py (cells begin with `# %%`), .md and MyST, .qmd, .Rmd, Databricks source files and marimo notebooks"
#: What a file with another ending contains, for messages.
OTHER_FILES = {
    ".txt": "a text file", ".csv": "a table", ".tsv": "a table", ".parquet": "a table", ".pdf": "a PDF", ".html": "a page", ".htm": "a page", ".json": "JSON",
    ".yaml": "YAML", ".yml": "YAML", ".toml": "settings", ".r": "R", ".jl": "Julia", ".scala": "Scala", ".sh": "a shell script", ".js": "JavaScript", ".sql": "SQL",
    ".zip": "an archive", ".gz": "an archive", ".tar": "an archive", ".png": "a picture", ".jpg": "a picture", ".dbc": "a Databricks archive", ".rst": "reStructuredText", ".zpln": "a Zeppelin notebook",
}  # fmt: skip
#: Characters at which `str.splitlines` ends a line and an editor does not. While a reader works, private characters replace them.
NOT_LINE_ENDS = "\v\f\x1c\x1d\x1e\x85\u2028\u2029"
HIDE = {ord(c): chr(0xF700 + n) for n, c in enumerate(NOT_LINE_ENDS)}
UNHIDE = {ord(v): chr(k) for k, v in HIDE.items()} | {0xF7FF: ""}
#: The encoding cookie. A reader must not see it, because the text has already been decoded.
COOKIE = re.compile(r"\A((?:#[^\n]*\n)?[ \t]*#[^\n]*?cod)(ing[:=])")

Reader = Callable[[str, str], tuple[Json, list[TextCell]]]  #: from text and path to metadata and cells


# -------------------------------------------------------------------- the table of formats
@dataclass(frozen=True)
class TextFormat:
    """A text format.

    Parameters
    ----------
    name
        The name of the format, as messages say it.
    matches
        Whether a file is of this format, from its text and the ending of its name in lower case.
    read
        The function that reads the metadata and the cells.
    """

    name: str
    matches: Callable[[str, str], bool]
    read: Reader


def _read_script(text: str, path: str) -> tuple[Json, list[TextCell]]:
    """A script without cells is one cell."""
    return {}, [TextCell("code", text.rstrip("\n"), 1)]


#: A file has the first format that matches.
FORMATS = (
    TextFormat("Quarto", lambda text, suffix: suffix == ".qmd", jupytext_notebooks.read),
    TextFormat("R Markdown", lambda text, suffix: suffix == ".rmd", jupytext_notebooks.read),
    TextFormat("Markdown", lambda text, suffix: suffix not in SCRIPTS, jupytext_notebooks.read),
    TextFormat("Databricks source", lambda text, suffix: text.lstrip().startswith(databricks.HEAD), databricks.read),
    TextFormat("marimo", lambda text, suffix: marimo.is_marimo(text), marimo.read),
    TextFormat("cells", lambda text, suffix: jupytext_notebooks.has_cells(text), jupytext_notebooks.read),
    TextFormat("script", lambda text, suffix: True, _read_script),
)


# -------------------------------------------------------------------- from bytes to notebook JSON
def decode(data: bytes, path: str) -> str:
    """The text of a file in the encoding that its cookie names, else in UTF-8. Every line ends with ``\\n``.

    Raises
    ------
    NotebookError
        KF101 when the bytes are not text in that encoding.
    """
    try:
        encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0] if path.lower().endswith(SCRIPTS) else "utf-8"
        text = data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        if isinstance(error, SyntaxError) and "missing encoding" in str(error):
            error = _utf8_error(data) or error
        why = f"it is not text in UTF-8 (byte {error.start})" if isinstance(error, UnicodeDecodeError) else str(error)
        raise NotebookError([Problem("KF101", f"{path} cannot be read: {why}", READABLE)]) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _utf8_error(data: bytes) -> UnicodeDecodeError | None:
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return error
    return None


def parse(text: str, path: str) -> Json:
    """Notebook JSON of the text of a file, whose lines end with ``\\n``.

    Raises
    ------
    NotebookError
        KF101 when the text cannot be read, KF104 when it should be Python and is not, KF115 when a library is missing.
    """
    if not text.strip():
        raise NotebookError([Problem("KF101", f"{path} is empty", "write a cell: a line `# %%` begins one")])
    if "\0" in text:
        raise NotebookError([Problem("KF101", f"{path} is not text: it contains NUL bytes", READABLE)])
    suffix = Path(path).suffix.lower()
    form = next(form for form in FORMATS if form.matches(text, suffix))
    try:
        metadata, cells = form.read(COOKIE.sub("\\1\uf7ff\\2", text.translate(HIDE)), path)
    except NotebookError:
        raise
    except Exception as error:  # the reader of another project can raise anything
        why = f"{type(error).__name__}: {error}".split("\n")[0][:200]
        raise NotebookError([Problem("KF101", f"{path} cannot be read as {form.name}: {why}", READABLE)]) from None
    out = [TextCell(c.kind, c.source.translate(UNHIDE), c.line, c.metadata).to_json() for c in cells]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": out, "form": form.name}


def not_a_notebook(path: str, data: bytes) -> NotebookError:
    """The error for a file that is neither JSON nor a text format: what the file is instead, and what kfnb reads."""
    start = data[:400].lstrip()
    suffix = Path(path).suffix.lower()
    if start.startswith(b"version https://git-lfs"):
        message, hint = "is a pointer of git LFS, not the file itself", "fetch the file: `git lfs pull`"
    elif start[:1] == b"<" and re.match(rb"<(!doctype|html|\?xml)", start, re.IGNORECASE):
        message, hint = "is a web page, not a notebook", "download the file itself (on GitHub: Raw)"
    elif start.startswith(b"%PDF"):
        message, hint = "is a PDF, not a notebook", READABLE
    elif b"\0" in data[:4000]:
        message, hint = "is not a notebook: it is not text in UTF-8", READABLE
    elif suffix in OTHER_FILES:
        message, hint = f"is {OTHER_FILES[suffix]}, not a notebook", READABLE
    else:
        message, hint = "is not a notebook", READABLE
    return NotebookError([Problem("KF101", f"{path} {message}", hint)])
