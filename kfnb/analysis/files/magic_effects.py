"""The effects of IPython's magics and shell commands on the notebook's names and files."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kfnb.analysis.libraries import effect_tables
from kfnb.analysis.syntax.ast_queries import names_in, root
from kfnb.runtime.cells.ipython_syntax import translate
from kfnb.runtime.magics.magic_options import PROGRAMS, ScriptOptions, options_of
from kfnb.runtime.magics.magic_table import kind_of
from kfnb.runtime.magics.run_magic import RunLine, cells_of
from kfnb.runtime.magics.variable_expansion import expressions
from kfnb.thread_safe_parser import parse_expression

TIMED = "n:r:tcp:qov:"  #: the options of ``%timeit``
AS_WRITTEN = frozenset(("timeit", "time", "prun"))  #: magics whose line IPython does not expand
#: Definitions in a cell of an extension's language: functions of Cython and the like, ``name <<`` of SQL.
DEFINED = re.compile(r"^(?:cp?def|def|class)\b[^(:=\n]*?(\w+)\s*[(:]", re.MULTILINE)
ASSIGNED = re.compile(r"^\s*(\w+)\s*<<")
OUTPUT = re.compile(r"(?:^|\s)(?:-o|--out|--output)[ =]([\w,]+)")


@dataclass(frozen=True)
class MagicCall:
    """A magic or a shell command: ``%name line``, ``%%name line`` with ``body`` below it, or ``!line``."""

    name: str  #: ``"!"`` for a command
    line: str
    body: str | None = None

    @property
    def known(self) -> bool:
        """Whether it is one of IPython's own, whose effect is known."""
        return self.name == "!" or kind_of(self.name, self.body is not None) is not None


def magic_call(node: ast.expr, made_by: Mapping[str, str] | None = None) -> MagicCall | None:
    """The magic or command that an expression of a translated cell stands for; ``None`` if it is neither.

    Parameters
    ----------
    made_by
        The call that created the value of each name, so that ``ip = get_ipython()`` is recognized.
    """
    if type(node) is not ast.Call or type(node.func) is not ast.Attribute or not node.args:
        return None
    first = root(node.func)
    if first != "get_ipython" and (made_by is None or made_by.get(first or "") != "get_ipython"):
        return None
    texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    if not texts or len(texts) != len(node.args):
        return None
    kind = node.func.attr
    if kind in ("system", "getoutput"):
        return MagicCall("!", texts[0])
    if kind == "magic":
        name, _, line = texts[0].lstrip().lstrip("%").partition(" ")
        return MagicCall(name, line.strip())
    if kind == "run_line_magic":
        return MagicCall(texts[0], "".join(texts[1:2]))
    if kind == "run_cell_magic" and len(texts) > 1:
        return MagicCall(texts[0], texts[1], "".join(texts[2:3]))
    return None


def names_in_magic(call: MagicCall, known: set[str]) -> set[str]:
    """Names of the notebook in a magic's text: those that IPython expands, and every name for an extension's magic."""
    names: set[str] = set()
    if call.name not in AS_WRITTEN:
        for text in expressions(call.line):
            try:
                names |= names_in(parse_expression(text.strip()))
            except (SyntaxError, ValueError):
                continue
    if not call.known:
        identifiers = effect_tables.IDENTIFIER.findall(f"{call.line}\n{call.body or ''}")
        names |= {call.name, *identifiers}
    elif call.name in ("pinfo", "pinfo2", "pdoc", "psource", "pfile", "pdef"):
        names |= {call.line.split(".")[0].rstrip("*").strip()}
    return names & known


def timed_code(call: MagicCall) -> str | None:
    """The code that ``%timeit`` runs in a function of its own."""
    if call.name != "timeit":
        return None
    _, statement = options_of(call.line, TIMED)
    parts = [statement] if call.body is None else [statement, call.body]
    return "\n".join(translate(p).code for p in parts if p)


def run_code(call: MagicCall) -> str | None:
    """The code that a magic runs among the notebook's names."""
    if call.name == "prun" and call.body is None:
        return translate(options_of(call.line, "D:l:rs:T:q")[1]).code
    if call.name == "time" and call.body is None:
        return translate(call.line).code
    return None


def bound_names(call: MagicCall) -> list[str]:
    """Names that a magic binds by its options or its text."""
    if call.body is not None and (call.name in PROGRAMS or call.name == "script"):
        try:
            return list(ScriptOptions(call.line).names.values())
        except ValueError:  # quotes that do not end: the magic says so
            return []
    if call.name == "!":
        return ["_exit_code"]
    if call.name == "sc" and "=" in call.line:
        return [options_of(call.line, "lv")[1].partition("=")[0].strip()]
    if call.name == "timeit" and "v" in (options := options_of(call.line, TIMED)[0]):
        return [options["v"]]
    if call.known:
        return []
    names = [n for group in OUTPUT.findall(call.line) for n in group.split(",")]
    if call.body is not None:
        names += [*ASSIGNED.findall(call.line), *DEFINED.findall(call.body), call.line]
    return [n for n in names if n.isidentifier()]


def deleted_names(call: MagicCall, known: set[str]) -> list[str]:
    """Names that a magic deletes."""
    if call.name == "xdel":
        return [call.line.replace("-n", "").strip()]
    notebook_names = sorted(n for n in known if not n.startswith(("@", "_")))
    arguments = call.line.split()
    if call.name == "reset" and not [w for w in arguments if not w.startswith("-")]:
        return notebook_names
    if call.name == "reset_selective":
        arguments = [w for w in arguments if w != "-f"]
        try:
            return [n for n in notebook_names if re.search(arguments[0] if arguments else "", n)]
        except re.error:
            return []
    return []


def written_file(call: MagicCall) -> tuple[str, bool] | None:
    """The path that ``%%writefile`` writes, and whether it appends to the file."""
    if call.name not in ("writefile", "file") or call.body is None:
        return None
    arguments = call.line.strip()
    append = arguments.startswith(("-a ", "--append "))
    path = arguments.partition(" ")[2] if append else arguments
    return path.strip().strip("'\""), append


def program_path(call: MagicCall) -> str | None:
    """The file that ``%run`` runs, if its path contains no expressions."""
    if call.name != "run" or expressions(call.line):
        return None
    try:
        run_line = RunLine(call.line)
    except ValueError:  # quotes that do not end: the magic says so
        return None
    path = run_line.path.replace(".", "/") + ".py" if run_line.module and run_line.path else run_line.path
    return os.path.normpath(path) if path else None


def program_cells(path: str, text: str) -> Iterator[str]:
    """The code of a program, or of each cell of a notebook, as plain Python."""
    if not path.endswith(".ipynb"):
        yield translate(text).code if path.endswith(".ipy") else text
        return
    try:
        sources = list(cells_of(text))
    except (ValueError, AttributeError, TypeError):
        return  # not a notebook: the magic itself raises the error
    for source in sources:
        yield translate(source, lambda name: False).code
