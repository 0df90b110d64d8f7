"""``%%parameters``, ``%%imports``, ``%%functions``, ``%%metrics`` and ``%%skip`` in a live kernel: each runs its cell as it is."""

from __future__ import annotations

from typing import Any

from kfnb.kernel.components.run_cell_text import CellBody
from kfnb.kernel_notebook.executed_cells import BadComponent, Registered, registered
from kfnb.notebook.marks.cell_marks import ROLE_MAGICS, CellMarks, read_role


def load(shell: Any) -> None:
    """Register the magics with an IPython shell."""
    cells = registered(shell)
    for role in ROLE_MAGICS:
        shell.register_magic_function(_magic(cells, role), "cell", role)


def _magic(cells: Registered, role: str) -> Any:
    return lambda line, cell: run(cells, role, line, cell)


def run(cells: Registered, role: str, line: str, source: str) -> None:
    """Run the cell in the kernel, as it is."""
    marks = CellMarks(1, "cell")
    read_role(role, line, 1, marks)
    if marks.problems:
        raise BadComponent("\n".join(f"{p.message} ({p.hint})" for p in marks.problems))
    body = CellBody(cells.shell, source, cells.running)
    try:
        body.run()
    except BaseException as error:
        body.show(error)
        raise
