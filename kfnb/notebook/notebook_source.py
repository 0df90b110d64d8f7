"""Where a notebook stands: in a file, or in a front end or kernel that knows it newer than the file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kfnb.notebook.formats import notebook_file
from kfnb.notebook.formats.text_cells import is_text
from kfnb.notebook.marked_cells import Notebook
from kfnb.notebook.parse import notebook_from_json


@dataclass(frozen=True)
class Source:
    """A notebook to be read.

    Parameters
    ----------
    path
        The file; ``None`` where no file is known.
    folder
        Where its steps run and its modules and data lie.
    shown
        What messages call it.
    json
        The notebook as parsed JSON, when it is not what the file has.
    kernel
        What tells it from others where no file is known: the kernel that it belongs to.
    """

    path: Path | None
    folder: Path
    shown: str
    json: dict[str, Any] | None = None
    kernel: str | None = None

    def data(self) -> Any:
        """The notebook's JSON. Raises `NotebookError` when the file is no notebook."""
        if self.json is not None:
            return self.json
        assert self.path is not None
        return notebook_file.load(self.path)

    def fixed(self) -> Source:
        """The notebook as it is now, whatever becomes of its file. Raises `NotebookError` when it is no notebook."""
        return replace(self, json=self.data())

    @property
    def is_text(self) -> bool:
        """Whether lines in messages are those of a text file, not those of a cell."""
        form = self.json.get("form") if isinstance(self.json, dict) else None
        return is_text(self.path) if self.json is None else isinstance(form, str)

    def read(self) -> Notebook:
        """The notebook; nothing in it is executed. Raises `NotebookError` when it is none at all."""
        return notebook_from_json(self.data(), str(self.path) if self.path is not None else None, self.folder)

    @property
    def key(self) -> str | None:
        """What the record of runs knows it by: the file's whole path, or its kernel."""
        return str(self.path.absolute()) if self.path is not None else self.kernel

    def __str__(self) -> str:
        return self.shown


AnyNotebook = str | Path | Source  #: a notebook, or its file


def source_of(notebook: AnyNotebook) -> Source:
    """The notebook of a file; a notebook is itself."""
    if isinstance(notebook, Source):
        return notebook
    path = notebook
    return Source(Path(path), Path(path).absolute().parent, str(path))
