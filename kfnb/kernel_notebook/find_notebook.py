"""Finds the notebook that a kernel belongs to: from its front end, or else from the cells that were run."""

from __future__ import annotations

import copy
import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kfnb.kernel_notebook.executed_cells import Ran, registered, registered_notebook
from kfnb.notebook.formats.text_cells import is_text
from kfnb.notebook.notebook_source import Source

ASK = 2.0  #: seconds that a server on this machine has to answer


@dataclass(frozen=True)
class Found:
    """The notebook, and in words where it was found."""

    source: Source
    words: str


def source_here() -> Source | None:
    """The notebook of this kernel; ``None`` when this is none."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return find(shell).source if shell is not None else None


def find(shell: Any) -> Found:
    """The notebook of an IPython shell."""
    start_folder = Path(shell.starting_dir)  # cells may have gone elsewhere since: so do the steps, from there
    colab = _colab()
    if colab is not None:
        return Found(
            Source(None, start_folder, "this notebook", colab, _kernel(shell)), "this notebook, as Colab has it"
        )
    path = _file(shell)
    if path is None:
        cells = Source(None, start_folder, "this kernel's cells", registered_notebook(shell), _kernel(shell))
        return Found(cells, "the cells that were run in this kernel: no notebook file was found")
    return _newest(path, registered(shell).cells)


# -------------------------------------------------------------------- the file
def _file(shell: Any) -> Path | None:
    vscode_file = shell.user_ns.get("__vsc_ipynb_file__")  # VS Code says it so
    if isinstance(vscode_file, str) and Path(vscode_file).is_file():
        return Path(vscode_file)
    own = os.environ.get("JPY_SESSION_NAME", "")  # Jupyter Server: as the file was called when the kernel started
    if (own.endswith(".ipynb") or is_text(own)) and Path(own).is_file() and not _elsewhere(Path(own), shell):
        return Path(own).absolute()
    if own:
        return _session_file(_kernel_id(shell))
    script = shell.user_ns.get("__file__")  # Spyder and others that run the cells of a script say it so
    return Path(script).absolute() if isinstance(script, str) and is_text(script) and Path(script).is_file() else None


def _elsewhere(path: Path, shell: Any) -> bool:
    """Whether the cells that were run are surely of another file: this one may have taken the place of a renamed one."""
    if is_text(path):
        return _session_file(_kernel_id(shell)) not in (None, path.absolute())  # its cells have no ids
    ids = {r.id for r in registered(shell).cells if r.id}
    try:
        cells = json.loads(path.read_text("utf-8")).get("cells", [])
    except (OSError, ValueError):
        return True
    return bool(ids) and not ids & {c.get("id") for c in cells} and _session_file(_kernel_id(shell)) not in (None, path)


def _kernel(shell: Any) -> str:
    """What tells this kernel from all others; where a server started it, after a restart too."""
    return f"kernel {_kernel_id(shell) or registered(shell).id}"


def _kernel_id(shell: Any) -> str | None:
    if getattr(shell, "kernel", None) is None:
        return None  # a terminal
    try:
        from ipykernel import get_connection_file

        found = re.search(r"kernel-([-\w]+)\.json$", get_connection_file())
    except (ImportError, RuntimeError):
        return None
    return found[1] if found else None


def _session_file(kernel: str | None) -> Path | None:
    """The file whose session has this kernel, as the Jupyter servers of this user on this machine say."""
    if kernel is None:
        return None
    import requests
    from jupyter_server.serverapp import list_running_servers

    for server in list_running_servers():
        try:
            answer = requests.get(
                f"{server['url']}api/sessions", headers={"Authorization": f"token {server['token']}"}, timeout=ASK
            ).json()
        except (requests.RequestException, ValueError):
            continue
        for session in answer if isinstance(answer, list) else ():
            if session.get("kernel", {}).get("id") == kernel:
                path = Path(server["root_dir"]) / session["path"]
                return path if path.is_file() else None
    return None


def _colab() -> dict[str, Any] | None:
    """The notebook as Google Colab's front end gives it to its own tools."""
    if "google.colab" not in sys.modules:
        return None
    from google.colab import _message

    answer = _message.blocking_request("get_ipynb", timeout_sec=10)
    found = answer.get("ipynb") if isinstance(answer, dict) else None
    return found if isinstance(found, dict) else None


# -------------------------------------------------------------------- newer than the file
def _newest(path: Path, ran: Sequence[Ran]) -> Found:
    """The file, with the cells that were run since it was saved as they were run."""
    source = Source(path, path.parent, _near(path))
    data = source.data()
    if is_text(path):
        return Found(
            source, _said_of_text(source, data, [r for r in ran if not r.ours and r.at > path.stat().st_mtime])
        )
    notebook, changed = overlaid(data, [r for r in ran if not r.ours and r.at > path.stat().st_mtime])
    if not changed:
        return Found(source, source.display_name)
    several = f"cells {', '.join(map(str, changed))}" if len(changed) > 1 else f"cell {changed[0]}"
    words = f"{source.display_name}, with {several} as run here: the file was not saved since"
    return Found(replace(source, json=notebook), words)


def _said_of_text(source: Source, data: Any, ran: Sequence[Ran]) -> str:
    """What is read: a text file as it was saved. Its cells have no ids, so what was run since cannot be put into its place."""
    known = {_code(c["source"]) for c in data["cells"] if c["cell_type"] == "code"}
    new = [r for r in ran if _code(r.source) not in known]
    return (
        f"{source.display_name} as it was saved; a cell was run since that it does not have: save it"
        if new
        else source.display_name
    )


def _code(source: str) -> str:
    """A cell's text, whether its magics stand in comments or not."""
    return "\n".join(line.lstrip("# ").rstrip() for line in source.strip().split("\n"))


def _near(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def overlaid(data: Any, ran: Sequence[Ran]) -> tuple[Any, list[int]]:
    """Notebook JSON with cells as they were run, and the numbers of the code cells that differ.

    A cell that the notebook does not have yet stands after the one that was run before it.
    """
    notebook = copy.deepcopy(data)
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        return data, []
    places = {c.get("id"): c for c in cells if isinstance(c, dict)}
    new: list[dict[str, Any]] = []
    before: dict[str, Any] | None = None
    for one in sorted(ran, key=lambda r: r.last):
        if one.id is None:
            continue
        cell = places.get(one.id)
        if cell is None:
            cell = {"cell_type": "code", "id": one.id, "metadata": {}, "outputs": [], "execution_count": None}
            cells.insert(cells.index(before) + 1 if before is not None else len(cells), cell)
            places[one.id] = cell
        text = cell.get("source", "")
        if ("".join(text) if isinstance(text, list) else text) != one.source:
            cell["source"] = one.source
            new.append(cell)
        before = cell
    numbers = {id(c): n for n, c in enumerate((c for c in cells if c.get("cell_type") == "code"), 1)}
    return notebook, sorted({numbers[id(c)] for c in new if id(c) in numbers})
