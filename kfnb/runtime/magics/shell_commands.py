"""Runs shell commands and scripts of cells: ``!command``, ``%%bash`` and other programs."""

from __future__ import annotations

import os
import subprocess
import sys

from kfnb.runtime.magics.ipython_types import SList, UsageError
from kfnb.runtime.magics.magic_options import OUTPUTS, ScriptOptions

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any


def _shell() -> dict[str, Any]:
    """The options that run a command with the user's shell, as IPython does, or with ``sh``."""
    shell = os.environ.get("SHELL") or ""
    usable = os.access(shell, os.X_OK) and os.path.basename(shell) not in ("nologin", "false")
    return {"shell": True, "executable": shell} if usable else {"shell": True}


def run_command(command: str) -> int:
    """Run a command with its output among the cell's, and return its exit status."""
    return _finish(_start(command, _target(), subprocess.STDOUT, None, _shell()))


def output_lines(command: str) -> SList:
    """Run a command and return the lines that it printed."""
    process = _start(command, subprocess.PIPE, subprocess.STDOUT, None, _shell())
    printed, _ = process.communicate()
    return SList(printed.decode("utf-8", "backslashreplace").splitlines())


def run_script(program: str, line: str, script: str, names: dict[str, Any]) -> None:
    """Run a script as a program's standard input. ``--out`` and ``--err`` bind names to what it printed.

    Raises
    ------
    CalledProcessError
        When the exit status is not 0 and the line lacks ``--no-raise-error``.
    """
    options = ScriptOptions(line)
    words = [*([sys.executable] if program == "python" else [program] if program != "script" else []), *options.words]
    if not words:
        raise UsageError("%%script needs a program: %%script bash")
    out, err, proc = (options.names.get(name) for name in OUTPUTS)
    pipe = subprocess.PIPE
    process = _start(
        words,
        pipe if out is not None or options.background else _target(),
        pipe if err is not None else None if out is not None else subprocess.STDOUT,
        pipe,
        {},
    )
    script = script if script.endswith("\n") else script + "\n"
    if options.background:
        _in_background(process, script, names, out, err, proc)
        return
    printed, complained = process.communicate(script.encode("utf-8", "replace"))
    if out is not None:
        names[out] = printed.decode("utf-8", "replace")
    elif printed:
        sys.stdout.write(printed.decode("utf-8", "replace"))
    if err is not None:
        names[err] = complained.decode("utf-8", "replace")
    if proc is not None:
        names[proc] = process
    if process.returncode and options.checked:
        raise subprocess.CalledProcessError(process.returncode, "%%" + program, printed, complained)


def _target() -> int | None:
    """``None`` when the cell prints to the step's log; a pipe when something has replaced `sys.stdout`."""
    return None if sys.stdout is sys.__stdout__ else subprocess.PIPE


def _start(words: Any, out: Any, err: Any, stdin: Any, options: dict[str, Any]) -> subprocess.Popen[bytes]:
    sys.stdout.flush()
    try:
        return subprocess.Popen(words, stdin=stdin, stdout=out, stderr=err, **options)
    except FileNotFoundError:
        raise FileNotFoundError("the program `%s` of this cell is not on this machine" % words[0]) from None


def _finish(process: subprocess.Popen[bytes]) -> int:
    if process.stdout is not None:
        for line in process.stdout:
            sys.stdout.write(line.decode("utf-8", "backslashreplace"))
    return process.wait()


def _in_background(
    process: subprocess.Popen[bytes], script: str, names: dict[str, Any], *stream_names: str | None
) -> None:
    """``--bg``: run the script beside the step. Its names are bound to the open streams, as in IPython."""
    out, err, proc = stream_names
    assert process.stdin is not None
    process.stdin.write(script.encode())
    process.stdin.close()
    for name, stream in ((out, process.stdout), (err, process.stderr), (proc, process)):
        if name is not None:
            names[name] = stream
