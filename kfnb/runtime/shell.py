"""A small stand-in for IPython's shell: commands, the magics that a step can do, the real IPython for the rest."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Callable

SETTINGS = frozenset(
    "matplotlib config load_ext reload_ext autoreload precision xmode colors pylab automagic who whos pipeline".split()
)
SCRIPTS = {"bash": ["bash", "-c"], "sh": ["sh", "-c"]}
RICH = {
    "html": "text/html", "HTML": "text/html", "markdown": "text/markdown", "latex": "text/latex",
    "javascript": "application/javascript", "js": "application/javascript", "svg": "image/svg+xml", "SVG": "image/svg+xml",
}  # fmt: skip


class SList(list):  # type: ignore[type-arg]
    """The lines that a command printed; ``.n`` is the whole text and ``.s`` the lines joined by spaces, as in IPython."""

    @property
    def n(self) -> str:
        return "\n".join(self)

    nlstr = n

    @property
    def s(self) -> str:
        return " ".join(self)

    spstr = s

    @property
    def l(self) -> list[str]:  # noqa: E743
        return list(self)


class Captured:
    """What ``%%capture name`` keeps."""

    def __init__(self, stdout: str, stderr: str) -> None:
        self.stdout, self.stderr, self.outputs = stdout, stderr, []  # type: ignore[var-annotated]

    def show(self) -> None:
        sys.stdout.write(self.stdout)
        sys.stderr.write(self.stderr)

    def __str__(self) -> str:
        return self.stdout


class Shell:
    """What ``get_ipython()`` gives inside a step."""

    def __init__(self, namespace: dict[str, Any], display: Callable[..., None], cell: Callable[[], int]) -> None:
        self.user_ns = namespace
        self._display, self._cell = display, cell
        self._ipython: Any = None

    # ---------------------------------------------------------------- commands
    def system(self, command: str) -> None:
        """Run a command with its output in the step's log."""
        import subprocess

        sys.stdout.flush()
        self.user_ns["_exit_code"] = subprocess.call(self.var_expand(command), shell=True, stderr=subprocess.STDOUT)

    def getoutput(self, command: str) -> SList:
        """Run a command and give the lines it printed."""
        import subprocess

        done = subprocess.run(
            self.var_expand(command), shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            encoding="utf-8", errors="backslashreplace",
        )  # fmt: skip
        return SList(done.stdout.splitlines())

    def var_expand(self, command: str) -> str:
        """``{expression}`` and ``$name`` in a command, by the notebook's names; others stay with the shell."""
        from kfnb.runtime.syntax import pieces

        text = ""
        for kind, part in pieces(command):
            if kind == "name":
                text += str(self.user_ns[part]) if part in self.user_ns else "$" + part
            elif kind == "expression":
                try:
                    text += str(eval(part, self.user_ns))
                except Exception:  # as IPython does: braces that are no expression belong to the shell
                    text += "{" + part + "}"
            else:
                text += part
        return text

    # ---------------------------------------------------------------- magics
    def run_line_magic(self, name: str, line: str, *_: Any) -> Any:
        if name in ("env", "set_env"):
            return self._env(self.var_expand(line))
        if name == "cd":
            os.chdir(os.path.expanduser(self.var_expand(line).strip().strip("'\"") or "~"))
            print(os.getcwd())
            return None
        if name == "pwd":
            return os.getcwd()
        if name == "timeit":
            return wrapped(lambda: exec(line, self.user_ns), "time", "", self.user_ns)()
        if name in ("pip", "conda", "mamba", "uv"):
            print("%%%s %s: not run here; what a step needs is installed with it" % (name, line))
            return None
        if name == "pinfo":
            value = eval(line.rstrip("*"), self.user_ns)
            print(getattr(value, "__doc__", None) or repr(value))
            return None
        if name in SETTINGS:
            return None
        return self._real(name).run_line_magic(name, line)

    def run_cell_magic(self, name: str, line: str, cell: str) -> Any:
        if name in SCRIPTS or name == "script":
            command = SCRIPTS.get(name) or [*line.split(), "-c"]
            self._script(command, cell, name)
            return None
        if name == "writefile":
            append = line.startswith("-a ")
            path = self.var_expand(line[3:] if append else line).strip().strip("'\"")
            print(("Appending to " if append else "Overwriting " if os.path.exists(path) else "Writing ") + path)
            with open(os.path.expanduser(path), "a" if append else "w", encoding="utf-8") as file:
                file.write(cell if cell.endswith("\n") else cell + "\n")
            return None
        if name in RICH:
            self._display({RICH[name]: cell, "text/plain": "<%s>" % name}, raw=True)
            return None
        if name == "component":
            exec(cell, self.user_ns)
            return None
        return self._real(name).run_cell_magic(name, line, cell)

    def _script(self, command: list[str], cell: str, name: str) -> None:
        import subprocess

        sys.stdout.flush()
        status = subprocess.call([*command, cell], stderr=subprocess.STDOUT)
        if status:
            raise subprocess.CalledProcessError(status, "%%" + name)

    def _env(self, line: str) -> Any:
        text = line.strip()
        if not text:
            return dict(os.environ)
        sign = "=" if "=" in text else " "
        name, found, value = text.partition(sign)
        if not found:
            return os.environ.get(name)
        os.environ[name.strip()] = value.strip()
        print("env: %s=%s" % (name.strip(), value.strip()))
        return None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._real(name), name)

    def _real(self, name: str) -> Any:
        """The real IPython, where the step has it."""
        if self._ipython is None:
            try:
                from IPython.core.interactiveshell import InteractiveShell
            except ImportError:
                raise RuntimeError(
                    "%%%s in cell %s needs IPython in the step: add the mark `package:ipython`, or write it in plain Python"
                    % (name, self._cell())
                ) from None
            self._ipython = InteractiveShell.instance(user_ns=self.user_ns)
        return self._ipython


def wrapped(body: Any, name: str, args: str, namespace: dict[str, Any]) -> Any:
    """``body`` under ``%%time``, ``%%timeit``, ``%%capture`` or ``%%prun``."""
    if name == "capture":
        return lambda: _capture(body, args, namespace)
    if name in ("time", "timeit"):
        return lambda: _timed(body)
    return body


def _timed(body: Any) -> None:
    import time

    start, used = time.perf_counter(), time.process_time()
    try:
        body()
    finally:
        print("CPU times: %.3g s, wall time: %.3g s" % (time.process_time() - used, time.perf_counter() - start))


def _capture(body: Any, args: str, namespace: dict[str, Any]) -> None:
    import io

    out, err = io.StringIO(), io.StringIO()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = out, err
    try:
        body()
    finally:
        sys.stdout, sys.stderr = before
        names = [w for w in args.split() if w.isidentifier()]
        if names:
            namespace[names[0]] = Captured(out.getvalue(), err.getvalue())
