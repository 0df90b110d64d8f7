"""The interpreter of a notebook's kernel, from the kernel's specification: steps run with the packages that the cells have."""

from __future__ import annotations

import inspect
import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

from jupyter_client.kernelspec import KernelSpec, NoSuchKernel

from kfnb.problems import Problem

OWN = re.compile(r"python(3(\.\d+)?)?")  #: by such a bare name, Jupyter means the server's interpreter
#: Its arguments: the installation, the environment's folder, the kernel's own command.
CONDA = "nb_conda_kernels.runner"


@dataclass(frozen=True)
class Interpreter:
    """What steps run with: ``python`` (none: the server's own), variables, and why that is not the kernel's, if it is not."""

    python: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    problem: Problem | None = None

    def options(self) -> dict[str, Any]:
        """Those of `kfnb.engines.base.RunOptions`."""
        return {"python": self.python, "environment": self.environment}


def interpreter_of(manager: Any, notebook: Any) -> Interpreter:
    """The interpreter for the steps of a notebook's JSON.

    Parameters
    ----------
    manager
        The server's kernel spec manager. One that answers later speaks of kernels on another machine.
    """
    name = _kernel_name(notebook)
    if name is None:
        return Interpreter()
    try:
        spec = manager.get_kernel_spec(name)
    except NoSuchKernel:
        return Interpreter()  # JupyterLab asks the user for another
    if inspect.iscoroutine(spec):
        spec.close()
        return Interpreter(problem=_other(name, "it is on another machine"))
    return _of_spec(name, spec)


def _of_spec(name: str, spec: KernelSpec) -> Interpreter:
    found = _python(list(spec.argv))
    if found is None:
        return Interpreter(problem=_other(name, f"its command is `{' '.join(spec.argv)[:200]}`"))
    environment = {k: Template(v).safe_substitute(os.environ) for k, v in spec.env.items()}
    return Interpreter(None if _is_own(found) else found, environment)


def _kernel_name(notebook: Any) -> str | None:
    found = notebook
    for key in ("metadata", "kernelspec", "name"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, str) else None


def _python(argv: list[str]) -> str | None:
    """The interpreter in a kernel's command; ``None`` where something else stands before it."""
    if argv[1:3] == ["-m", CONDA] and len(argv) > 4:
        return str(Path(argv[4], "bin", "python"))
    if argv[1:2] == ["-m"] or argv[1:3] == ["-Xfrozen_modules=off", "-m"]:
        return sys.executable if OWN.fullmatch(argv[0]) else argv[0]
    return None


def _is_own(python: str) -> bool:
    """Whether it is the server's, by this or another name: an environment's interpreters stand in one folder."""
    return os.path.realpath(os.path.dirname(python)) == os.path.realpath(os.path.dirname(sys.executable))


def _other(name: str, why: str) -> Problem:
    return Problem(
        "KF708",
        f"steps run with the server's Python, not with that of the kernel `{name}`: {why}",
        "install the packages that the steps need for the server's Python too",
        name=name,
    )
