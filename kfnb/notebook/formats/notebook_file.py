"""The reader of notebook files: JSON of nbformat 3 or 4, and text formats. It repairs fields that are missing or have a wrong type.

Format: https://nbformat.readthedocs.io/en/latest/format_description.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kfnb.notebook.formats.text_cells import is_text, with_mark
from kfnb.problems import NotebookError, Problem


@dataclass(frozen=True)
class RawCell:
    """A cell as it is in the file.

    Parameters
    ----------
    kind
        ``code``, ``markdown``, ``raw`` or ``heading-N``.
    line
        The line on which the cell begins, in a text file; otherwise 1.
    """

    kind: str
    source: str
    tags: tuple[str, ...]
    metadata: dict[str, Any]
    id: str | None
    language: str | None = None
    attachments: dict[str, Any] = field(default_factory=dict)
    line: int = 1


@dataclass(frozen=True)
class RawNotebook:
    cells: tuple[RawCell, ...]
    metadata: dict[str, Any]
    language: str
    problems: tuple[Problem, ...] = field(default=())
    form: str | None = None  #: the name of the text format


def load(path: str | Path) -> Any:
    """The JSON of a notebook file. A text file is converted to notebook JSON.

    Raises
    ------
    NotebookError
        KF101 when the file cannot be read or is not a notebook.
    """
    if Path(path).is_dir():
        raise NotebookError([Problem("KF101", f"{path} is a folder, not a notebook", "name a notebook in it")])
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise NotebookError([Problem("KF101", f"{path} cannot be read: {error.strerror or error}")]) from None
    if is_text(path):
        from kfnb.notebook.formats import text_notebooks  # not at the top: JSON notebooks need none of the text readers

        return text_notebooks.parse(text_notebooks.decode(data, str(path)), str(path))
    if data.strip() and data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"[") and b"<<<<<<<" not in data:
        from kfnb.notebook.formats import text_notebooks

        raise text_notebooks.not_a_notebook(str(path), data)
    return parse(decode(data, str(path)), str(path))


def decode(data: bytes, path: str) -> str:
    """The text of a notebook file.

    Raises
    ------
    NotebookError
        KF101 when the bytes are not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotebookError(
            [Problem("KF101", f"{path} is not a notebook: it is not text in UTF-8 (byte {error.start})")]
        ) from None


def parse(text: str, path: str = "the notebook") -> Any:
    """The JSON of the text of a notebook file.

    Raises
    ------
    NotebookError
        KF101 when the text is not JSON.
    """
    if not text.strip():
        raise NotebookError([Problem("KF101", f"{path} is empty", "save the notebook again")])
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        message = f"{path} is not a notebook: not JSON at line {error.lineno}, column {error.colno}: {error.msg}"
        hint = "the file contains conflict markers of git: resolve the conflicts" if "<<<<<<<" in text else ""
        raise NotebookError([Problem("KF101", message, hint)]) from None
    except RecursionError:
        raise NotebookError([Problem("KF101", f"{path} is not a notebook: its JSON is nested too deeply")]) from None


def raw_notebook(data: Any, path: str | None = None) -> RawNotebook:
    """The cells and the metadata of notebook JSON of any version.

    Raises
    ------
    NotebookError
        KF101 when the JSON has no cells.
    """
    name = path or "the notebook"
    if not isinstance(data, dict) or not ("cells" in data or "worksheets" in data):
        raise NotebookError([Problem("KF101", f"{name} is JSON but not a notebook: it has no cells")])
    problems: list[Problem] = []
    metadata = _table(data.get("metadata", {}), "the metadata of the notebook", None, problems)
    if "cells" in data:
        items = data["cells"]
    else:
        sheets = data["worksheets"] if isinstance(data["worksheets"], list) else []
        items = [c for s in sheets if isinstance(s, dict) for c in _list(s.get("cells"))]
    if not isinstance(items, list):
        raise NotebookError([Problem("KF101", f"{name} is not a notebook: `cells` is not a list")])
    form = data.get("form") if isinstance(data.get("form"), str) else None
    if form == "script":
        hint = 'begin each cell with a line `# %%`, and mark it as a step: `# %% tags=["step:NAME"]`'
        problems.append(Problem("KF114", "this script has no cells, so all of it is one step", hint))
    cells: list[RawCell] = []
    number = 0
    for item in items:
        number += isinstance(item, dict) and item.get("cell_type") == "code"
        cell = _cell(item, number or None, problems)
        if cell is not None and form is not None:
            cell = replace(cell, line=max(1, item["line"]) if type(item.get("line")) is int else 1)
        if cell is not None and cell.kind == "code" and (form is not None or is_text(path)):
            cell = replace(cell, source=with_mark(cell.source))
        if cell is not None:
            cells.append(cell)
    return RawNotebook(tuple(cells), metadata, _language(metadata), tuple(problems), form)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _table(value: Any, name: str, number: int | None, problems: list[Problem]) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    problems.append(Problem("KF102", f"{name} should be an object; kfnb reads it as empty", cell=number))
    return {}


def _cell(item: Any, number: int | None, problems: list[Problem]) -> RawCell | None:
    if not isinstance(item, dict):
        problems.append(
            Problem("KF102", "an entry of the list of cells is not a cell; kfnb leaves it out", cell=number)
        )
        return None
    kind = item.get("cell_type")
    if kind not in ("code", "markdown", "raw", "heading", "html"):
        problems.append(Problem("KF102", f"a cell has the unknown type {kind!r}; kfnb leaves it out", cell=number))
        return None
    source = item.get("source", item.get("input"))
    if isinstance(source, list):
        source = "".join(s for s in source if isinstance(s, str))
    if not isinstance(source, str):
        problems.append(Problem("KF102", "a cell has no source; kfnb reads it as empty", cell=number))
        source = ""
    metadata = _table(item.get("metadata", {}), "the metadata of a cell", number, problems)
    tags = metadata.get("tags", [])
    if not isinstance(tags, list):
        problems.append(Problem("KF102", "the tags of a cell should be a list; kfnb ignores them", cell=number))
        tags = []
    if kind == "heading":
        kind = f"heading-{item.get('level', 1)}"
    cell_id = item.get("id")
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    return RawCell(
        kind, source, tuple(t for t in tags if isinstance(t, str)), metadata,
        cell_id if isinstance(cell_id, str) else None, item.get("language") if isinstance(item.get("language"), str) else None,
        item["attachments"] if isinstance(item.get("attachments"), dict) else {},
    )  # fmt: skip


def _language(metadata: dict[str, Any]) -> str:
    """The language of the kernel in lower case; Python if the notebook does not say."""
    spec, info = metadata.get("kernelspec"), metadata.get("language_info")
    for value in (
        info.get("name") if isinstance(info, dict) else None,
        spec.get("language") if isinstance(spec, dict) else None,
    ):
        if isinstance(value, str) and value:
            return value.lower()
    name = spec.get("name") if isinstance(spec, dict) else ""
    known = {"ir": "r", "julia": "julia", "scala": "scala", "bash": "bash"}
    return next((v for k, v in known.items() if isinstance(name, str) and name.lower().startswith(k)), "python")
