"""The source of a notebook: a file, or a front end or kernel whose notebook is newer than its file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kfnb.notebook.formats import notebook_file
from kfnb.notebook.formats.text_cells import is_text
from kfnb.notebook.marks.division import DIVISIONS
from kfnb.notebook.parse import notebook_from_json
from kfnb.notebook.parsed_notebook import Notebook


@dataclass(frozen=True)
class Source:
    """A notebook that can be read.

    Parameters
    ----------
    path
        The file; ``None`` if it is unknown.
    folder
        The folder of its modules and data, in which its steps run.
    display_name
        Its name in messages.
    json
        The parsed JSON, if it is not read from the file.
    kernel
        The kernel that it belongs to, which identifies a notebook without a known file.
    division
        How its unmarked cells are divided among steps, in place of what the notebook says: ``one``, ``headings`` or ``cells``.
    """

    path: Path | None
    folder: Path
    display_name: str
    json: dict[str, Any] | None = None
    kernel: str | None = None
    division: str | None = None

    def data(self) -> Any:
        """The JSON of the notebook. Raises `NotebookError` if the file is not a notebook."""
        if self.json is None:
            assert self.path is not None
            return with_division(notebook_file.load(self.path), self.division)
        return with_division(self.json, self.division)

    def snapshot(self) -> Source:
        """The source with the JSON as it is now, so that later changes of the file do not matter. Raises `NotebookError`."""
        return replace(self, json=self.data())

    @property
    def is_text(self) -> bool:
        """Whether line numbers in messages count the lines of a text file instead of the lines of a cell."""
        form = self.json.get("form") if isinstance(self.json, dict) else None
        return is_text(self.path) if self.json is None else isinstance(form, str)

    def read(self) -> Notebook:
        """Parse the notebook without executing anything. Raises `NotebookError` if it is not a notebook."""
        return notebook_from_json(self.data(), str(self.path) if self.path is not None else None, self.folder)

    @property
    def key(self) -> str | None:
        """What identifies the notebook in the record of runs: the absolute path of the file, or the kernel."""
        return str(self.path.absolute()) if self.path is not None else self.kernel

    def __str__(self) -> str:
        return self.display_name


def with_division(data: Any, how: str | None) -> Any:
    """The notebook's JSON with the setting ``as``, which says how its unmarked cells are divided among steps."""
    if how is None or not isinstance(data, dict):
        return data
    metadata = _table(data.get("metadata"))
    return {**data, "metadata": {**metadata, "kfnb": {**_table(metadata.get("kfnb")), "as": how}}}


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def division_in(data: Any) -> str | None:
    """What `with_division` has set; ``None`` if it is not set."""
    try:
        how = data["metadata"]["kfnb"]["as"]
    except (KeyError, TypeError):
        return None
    return how if how in DIVISIONS else None


AnyNotebook = str | Path | Source  #: a notebook or the path of its file


def source_of(notebook: AnyNotebook) -> Source:
    """The source for a path; a source is returned as it is."""
    if isinstance(notebook, Source):
        return notebook
    path = notebook
    return Source(Path(path), Path(path).absolute().parent, str(path))
