"""Finds the interpreter of a notebook's kernel: steps run with the packages that its cells have."""

from __future__ import annotations

import inspect
import json
import os
import re
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kfnb.problems import Problem

#: By these bare names, Jupyter means the server's interpreter.
OWN = ("python", "python3", f"python{sys.version_info[0]}.{sys.version_info[1]}")
#: Matches a name of which every file system finds the same folder.
PLAIN_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
#: Beginnings of variables that an interpreter reads only when it starts.
AT_START = ("PYTHON", "LD_", "DYLD_")
#: Its arguments: the installation, the environment's folder, the kernel's own command.
CONDA = "nb_conda_kernels.runner"


@dataclass(frozen=True)
class Interpreter:
    """What steps run with.

    Parameters
    ----------
    python
        The interpreter, or for a cluster the folder with the packages that a kernel elsewhere has told. Default: the server's own.
    environment
        The variables, as the kernel's specification has them.
    problem
        Why that is not the kernel's interpreter.
    """

    python: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    problem: Problem | None = None

    def options(self) -> dict[str, Any]:
        """The fields of `kfnb.engines.engine_interface.RunOptions`."""
        return {"python": self.python, "environment": self.environment}


def interpreter_of(manager: Any, notebook: Any) -> Interpreter:
    """The interpreter for the steps of a notebook's JSON.

    Parameters
    ----------
    manager
        The server's kernel spec manager. One that answers later speaks of kernels on another machine.
    """
    from jupyter_client.kernelspec import NoSuchKernel

    name = _kernel_name(notebook)
    if name is None:
        return Interpreter()
    try:
        spec = manager.get_kernel_spec(name)
    except NoSuchKernel:
        return Interpreter()  # JupyterLab asks the user for another
    except Exception as error:  # whatever a broken specification raises
        return Interpreter(problem=_other(name, f"its specification cannot be read: {error}"))
    if inspect.iscoroutine(spec):
        spec.close()
        return Interpreter(problem=_other(name, "it is on another machine"))
    return _of_command(name, list(spec.argv), {k: str(v) for k, v in spec.env.items()})


def installed_interpreter(notebook: Any) -> Interpreter:
    """The interpreter for the steps of a notebook's JSON, by the kernels that this machine has. In a kernel it is the kernel's own."""
    ipython = sys.modules.get("IPython")
    name = _kernel_name(notebook)
    if name is None or (ipython is not None and ipython.get_ipython() is not None):
        return Interpreter()
    told = _plain_spec(name)
    if told is not None:
        return _of_command(name, *told)
    from jupyter_client.kernelspec import KernelSpecManager

    return interpreter_of(KernelSpecManager(), notebook)


def _plain_spec(name: str) -> tuple[list[str], dict[str, str]] | None:
    """The command and the variables of a kernel whose file is where Jupyter looks first.

    ``None`` when there is none, or when it says more than that. `jupyter_client` knows the rest, but it takes as long to import as all of kfnb.
    """
    from jupyter_core.paths import jupyter_path

    if not PLAIN_NAME.fullmatch(name):
        return None
    files = (Path(folder, name, "kernel.json") for folder in jupyter_path("kernels"))
    file = next((f for f in files if f.is_file()), None)
    try:
        told = json.loads(file.read_text("utf-8")) if file is not None else {}
        if told.get("metadata", {}).get("kernel_provisioner"):
            return None
        return [str(a) for a in told["argv"]], {k: str(v) for k, v in told.get("env", {}).items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _of_command(name: str, argv: list[str], variables: dict[str, str]) -> Interpreter:
    found = _python(argv)
    if found is None:
        return Interpreter(problem=_other(name, f"its command is `{' '.join(argv)[:200]}`"))
    forked = _is_own(found) and not any(k.startswith(AT_START) for k in variables)
    return Interpreter(None if forked else found, variables)


def _kernel_name(notebook: Any) -> str | None:
    found = notebook
    for key in ("metadata", "kernelspec", "name"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, str) else None


def _python(argv: list[str]) -> str | None:
    """The interpreter in a kernel's command; ``None`` if the command starts with another program."""
    if argv[1:3] == ["-m", CONDA] and len(argv) > 4:
        return str(Path(argv[4], "bin", "python"))
    first = next((a for a in argv[1:] if a == "-m" or not a.startswith("-")), None)
    if first != "-m":
        return None
    return sys.executable if argv[0] in OWN else shutil.which(argv[0]) or argv[0]


def _is_own(python: str) -> bool:
    """Whether an interpreter is the server's own, perhaps under another name: environments may share a file, and systems a folder."""
    folders = {os.path.realpath(os.path.dirname(p)) for p in (python, sys.executable)}
    return len(folders) == 1 and os.path.realpath(python) == os.path.realpath(sys.executable)


def unknown_packages(notebook: Any, why: str) -> Problem:
    """The problem when a run on a cluster begins, and no kernel says which packages the notebook has."""
    name = _kernel_name(notebook) or ""
    return Problem(
        "KF708",
        f"steps get packages in the versions of the server's Python, not in those of the kernel `{name}`: {why}",
        "run again while the notebook's kernel is idle, or name packages with `package:NAME==VERSION`",
        name=name,
    )


def _other(name: str, why: str) -> Problem:
    return Problem(
        "KF708",
        f"steps run with the server's Python, not with that of the kernel `{name}`: {why}",
        "install the packages that the steps need for the server's Python too; a run on a cluster asks the running kernel for its packages",
        name=name,
    )
