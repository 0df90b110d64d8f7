"""``%%parameters``, ``%%imports``, ``%%functions``, ``%%metrics`` and ``%%skip`` in a live kernel: the cell runs as it is."""

from __future__ import annotations

from typing import Any

from kfnb.analysis.cells import parse_cell
from kfnb.kernel.body import Body
from kfnb.kernel.registered import BadComponent, Registered, registered
from kfnb.notebook.given import ROLE_MAGICS, Given, read_role
from kfnb.pipeline.parameters import parameter_of


def load(shell: Any) -> None:
    """Register the magics with an IPython shell."""
    cells = registered(shell)
    for role in ROLE_MAGICS:
        shell.register_magic_function(_magic(cells, role), "cell", role)


def _magic(cells: Registered, role: str) -> Any:
    return lambda line, cell: run(cells, role, line, cell)


def run(cells: Registered, role: str, line: str, source: str) -> None:
    """Run the cell in the kernel; a parameter that is declared a float is one, as in the pipeline."""
    given = Given(1, "cell")
    read_role(role, line, 1, given)
    if given.problems:
        raise BadComponent("\n".join(f"{p.message} ({p.hint})" for p in given.problems))
    body = Body(cells.shell, source, cells.running)
    try:
        body.run()
    except BaseException as error:
        body.show(error)
        raise
    if role == "parameters":
        _convert(cells.shell.user_ns, source)


def _convert(names: dict[str, Any], source: str) -> None:
    for node in parse_cell(1, "", source).tree.body:
        parameter = parameter_of(node)
        if parameter is not None and isinstance(parameter.default, float):
            names[parameter.name] = parameter.default
