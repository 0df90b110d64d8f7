"""``%run``: runs a program or notebook inside the step."""

from __future__ import annotations

import builtins
import os
import sys

from kfnb.runtime.magics.ipython_types import UsageError

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Iterator

    from kfnb.runtime.magics.shell_protocols import ShellProtocol

WITH_VALUE = "bDlsTNm"  #: options of ``%run`` that a word follows


class RunLine:
    """The line of ``%run``: its options, the program, and the program's arguments."""

    def __init__(self, line: str) -> None:
        import shlex

        self.options: dict[str, str] = {}
        words = shlex.split(line)
        self.module = False
        while words and words[0].startswith("-") and len(words[0]) > 1:
            letters = words.pop(0)[1:]
            for at, letter in enumerate(letters):
                if letter in WITH_VALUE:
                    value = letters[at + 1 :]
                    self.options[letter] = (
                        value if value or letter == "N" and not words else words.pop(0) if words else ""
                    )
                    break
                self.options[letter] = ""
            if "m" in self.options:
                break
        self.module = "m" in self.options
        self.path = self.options["m"] if self.module else words.pop(0) if words else ""
        self.words = words
        if self.path and not self.module and not self.path.endswith((".py", ".ipy", ".ipynb", ".pyw")):
            self.path += ".py"


def run_program(shell: ShellProtocol, line: str) -> Any:
    """Run a program or notebook and bind its names in the notebook.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    """
    run_line = RunLine(line)
    if not run_line.path:
        raise UsageError("you must provide at least a filename.")
    if run_line.module:
        path = _path_of(run_line.path)
    else:
        path = os.path.expanduser(run_line.path)
        if not os.path.isfile(path):
            raise FileNotFoundError("File `%r` not found." % run_line.path)
    if path.lower().endswith((".ipynb", ".ipy")):
        return _run_cells(shell, path)
    words = run_line.words if "G" in run_line.options else _expand_words(run_line.words)
    if "t" in run_line.options or "p" in run_line.options:
        from kfnb.runtime.magics.timing_magics import Timed, profiled

        if "p" in run_line.options:
            return profiled(lambda: _execute(shell, path, words, run_line), "")
        with Timed():
            return _execute(shell, path, words, run_line)
    return _execute(shell, path, words, run_line)


def _path_of(module: str) -> str:
    import importlib.util

    spec = importlib.util.find_spec(module)
    if spec is None or not spec.origin:
        raise ModuleNotFoundError("%r is not a valid modulename on sys.path" % module)
    return spec.origin


def _expand_words(words: list[str]) -> list[str]:
    """Expand ``~`` and patterns as a shell does."""
    from glob import glob

    found: list[str] = []
    for word in map(os.path.expanduser, words):
        found += sorted(glob(word)) or [word]
    return found


def _execute(shell: ShellProtocol, path: str, words: list[str], run_line: RunLine) -> None:
    """Run a file as ``__main__`` in a namespace of its own, or with ``-i`` in the notebook's."""
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec", dont_inherit=True)
    name = os.path.splitext(os.path.basename(path))[0] if "n" in run_line.options else "__main__"
    module = shell.user_module if "i" in run_line.options else type(sys)(name)
    names = module.__dict__
    before = {key: names.get(key) for key in ("__name__", "__file__")}
    names.update({"__name__": name, "__file__": path, "__builtins__": builtins})
    arguments, replaced = sys.argv, sys.modules.get(name)
    sys.argv, sys.modules[name] = [path, *words], module
    try:
        exec(code, names)
    except SystemExit as error:
        if error.code not in (None, 0) and "e" not in run_line.options:
            raise
    finally:
        sys.argv = arguments
        sys.modules.pop(name, None)
        if replaced is not None:
            sys.modules[name] = replaced
        if "i" in run_line.options:
            names.update({"__name__": before["__name__"]})
            _put_back(names, "__file__", before["__file__"])
    if "i" not in run_line.options:
        own = ("__name__", "__file__", "__builtins__", "__doc__", "__package__", "__loader__", "__spec__")
        shell.user_ns.update({key: value for key, value in names.items() if key not in own})


def _put_back(names: dict[str, Any], key: str, value: Any) -> None:
    if value is None:
        names.pop(key, None)
    else:
        names[key] = value


def _run_cells(shell: ShellProtocol, path: str) -> None:
    """Run a notebook's cells, or a file in IPython's syntax, in the notebook's namespace."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    before = shell.user_ns.get("__file__")
    shell.user_ns["__file__"] = path
    try:
        for source in cells_of(text) if path.endswith(".ipynb") else [text]:
            shell._session.run_text(source, show=False, raises=True)
    finally:
        _put_back(shell.user_ns, "__file__", before)


def cells_of(text: str) -> Iterator[str]:
    """The code cells of a notebook's JSON."""
    from kfnb.runtime.light_json import loads

    data = loads(text)
    for cell in data.get("cells") or [c for sheet in data.get("worksheets", ()) for c in sheet.get("cells", ())]:
        if cell.get("cell_type") == "code":
            source = cell.get("source", cell.get("input", ""))
            yield source if isinstance(source, str) else "".join(source)
