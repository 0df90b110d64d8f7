"""The cell magics that a step runs without IPython."""

from __future__ import annotations

import builtins
import os
import sys

from kfnb.runtime.magics.ipython_types import unknown_magic
from kfnb.runtime.magics.magic_options import PROGRAMS
from kfnb.runtime.magics.variable_expansion import expand

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

    from kfnb.runtime.magics.shell_protocols import ShellProtocol

RICH = {
    "html": ("text/html", "HTML"), "HTML": ("text/html", "HTML"), "markdown": ("text/markdown", "Markdown"),
    "latex": ("text/latex", "Latex"), "javascript": ("application/javascript", "Javascript"),
    "js": ("application/javascript", "Javascript"), "svg": ("image/svg+xml", "SVG"), "SVG": ("image/svg+xml", "SVG"),
}  # fmt: skip


def run(shell: ShellProtocol, name: str, line: str, cell: str, names: dict[str, Any]) -> Any:
    """Run one cell magic. ``names`` are the names that the caller sees."""
    if name == "timeit":
        from kfnb.runtime.magics.timing_magics import timeit

        return timeit(line, cell, shell.user_ns, names)
    line = expand(line, names)
    if name in PROGRAMS or name == "script":
        from kfnb.runtime.magics.shell_commands import run_script

        return run_script(name, line, cell, shell.user_ns)
    if name in ("sx", "system", "!"):
        from kfnb.runtime.magics.shell_commands import output_lines

        return output_lines(cell)
    if name in ("writefile", "file"):
        return write_file(line, cell)
    if name in RICH:
        mime, kind = RICH[name]
        shell._session.displays.publish({mime: cell, "text/plain": "<IPython.core.display.%s object>" % kind})
        return None
    if name == "component":
        return exec(cell, shell.user_ns)
    function = names.get(name)
    if callable(function):
        return function(line, cell)  # the notebook's own, registered where it was defined
    raise unknown_magic("%%" + name)


def write_file(line: str, cell: str) -> None:
    """``%%writefile [-a] path``."""
    words = line.strip()
    append = words.startswith(("-a ", "--append "))
    if append:
        words = words.partition(" ")[2]
    path = os.path.expanduser(words.strip().strip("'\""))
    print(("Appending to " if append else "Overwriting " if os.path.exists(path) else "Writing ") + path)
    with open(path, "a" if append else "w", encoding="utf-8") as file:
        file.write(cell if cell.endswith("\n") or not cell else cell + "\n")


# -------------------------------------------------------------------- magics around ordinary code
def wrapped(body: Any, name: str, args: str, shell: Any) -> Any:
    """``body`` under ``%%time``, ``%%capture`` or ``%%prun``."""
    if name == "capture":
        return lambda: _capture(body, expand(args, shell.user_ns), shell)
    if name == "time":
        return lambda: _timed(body)
    if name == "prun":
        from kfnb.runtime.magics.timing_magics import profiled

        return lambda: profiled(body, args) and None
    return body


def _timed(body: Any) -> None:
    from kfnb.runtime.magics.timing_magics import Clock

    clock = Clock()
    try:
        body()
    finally:
        clock.show()


class Captured:
    """The output that ``%%capture name`` keeps. The names are IPython's."""

    def __init__(self, stdout: str, stderr: str, outputs: list[dict[str, Any]]) -> None:
        self.stdout, self.stderr, self._outputs = stdout, stderr, outputs

    @property
    def outputs(self) -> list[Any]:
        return [Output(o["data"], o["metadata"]) for o in self._outputs]

    def show(self) -> None:
        """Show the captured output again."""
        sys.stdout.write(self.stdout)
        sys.stderr.write(self.stderr)
        for output in self.outputs:
            output.display()

    __call__ = show

    def __str__(self) -> str:
        return self.stdout


class Output:
    """A display that was captured."""

    def __init__(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        self.data, self.metadata = data, metadata

    def display(self) -> None:
        builtins.get_ipython().display_pub.publish(self.data, self.metadata)  # type: ignore[attr-defined]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return self.data, self.metadata


def _capture(body: Any, args: str, shell: Any) -> None:
    import io

    words = args.split()
    captured = {kind: "--no-" + kind not in words for kind in ("stdout", "stderr", "display")}
    out, err = io.StringIO(), io.StringIO()
    before = sys.stdout, sys.stderr
    displays = shell._session.displays
    if captured["stdout"]:
        sys.stdout = out
    if captured["stderr"]:
        sys.stderr = err
    outputs = displays.begin_capture() if captured["display"] else []
    try:
        body()
        if captured["display"]:
            shell._session.show_figures()
    finally:
        if captured["display"]:
            displays.end_capture()
        sys.stdout, sys.stderr = before
        name = next((w for w in words if w.isidentifier()), None)
        if name is not None:
            shell.user_ns[name] = Captured(out.getvalue(), err.getvalue(), outputs)
