"""The files that a Python call reads, writes or updates."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Iterator

from kfnb.analysis.files import file_call_tables as tables
from kfnb.analysis.files.file_call_tables import LOOK, READ, RECEIVER, UPDATE, WRITE, Place
from kfnb.analysis.files.path_patterns import HOLE, Known, hole, is_hole, path_text, text_value
from kfnb.analysis.files.shell_command_files import EVERYTHING, Use, uses_of_line, uses_of_script, uses_of_words
from kfnb.runtime.magics.variable_expansion import pieces
from kfnb.thread_safe_parser import parse_expression


def file_uses(node: ast.Call, library: str | None, known: Known, made_by: Callable[[str], str]) -> Iterator[Use]:
    """The files that a call surely or perhaps uses.

    Parameters
    ----------
    library
        The whole name of the library function, if the call is one.
    known
        Returns the known text of a name.
    made_by
        Returns the library function that created the value of a name, or ``""``.
    """
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    receiver = function.value if isinstance(function, ast.Attribute) and library is None else None
    opener = _opener(library, name, receiver)
    if library in tables.RUNNERS:
        yield from _command(node, known)
    elif opener is not None:
        yield from _opened(node, opener, receiver if name == "open" else None, known)
    elif library is not None and library in tables.FUNCTIONS:
        ending = tables.ENDINGS.get(library, "")
        for path, how in _placed(node, tables.FUNCTIONS[library], None, known, True):
            yield path + ending if how == WRITE and not is_hole(path) and not os.path.splitext(path)[1] else path, how
        yield from _working_folder(node, library)
    elif name in tables.METHODS:
        if name in tables.ON_CONNECTIONS:
            yield from _placed(node, tables.METHODS[name], None, known, False)
        else:
            on = receiver if _first(name) == RECEIVER else None
            yield from _placed(node, tables.METHODS[name], on, known, library is None or _first(name) != RECEIVER)
            yield from _working_folder(node, name)
    elif name in tables.SUGGESTIVE and (name not in ("rename", "replace") or len(node.args) == 1):
        yield from _placed(node, tables.SUGGESTIVE[name], receiver, known, False)
    elif isinstance(receiver, ast.Name) and made_by(receiver.id) in tables.CONNECTIONS:
        text = known(receiver.id)
        if text and name not in ("close", "dispose"):
            yield text, UPDATE


def _first(name: str) -> int:
    return tables.METHODS[name][0][0]


def _opener(library: str | None, name: str, receiver: ast.expr | None) -> tuple[int, str] | None:
    if library is not None:
        return tables.OPENERS.get(library)
    if name != "open":
        return None
    return (0, "r") if receiver is not None else tables.OPENERS["open"]


def _opened(node: ast.Call, opener: tuple[int, str], receiver: ast.expr | None, known: Known) -> Iterator[Use]:
    """The file of `open` and similar calls, used as the mode says."""
    at, mode = opener
    path = receiver if receiver is not None else _argument(node, 0)
    if path is None or receiver is not None and text_value(receiver, known) is None:
        return  # `image.open()`: a method of an unknown object
    mode_argument = node.args[at] if len(node.args) > at else None
    mode_argument = next((k.value for k in node.keywords if k.arg in ("mode", "flag")), mode_argument)
    if any(k.arg == "read_only" and isinstance(k.value, ast.Constant) and k.value.value for k in node.keywords):
        mode = "r"
    elif mode_argument is not None:
        mode = text_value(mode_argument, known) or "r+"
        mode = "r+" if HOLE in mode else mode
    letters = mode.partition(":")[0]
    if "+" in letters or set(letters) & set("ac"):
        how = UPDATE
    else:
        how = WRITE if set(letters) & set("wxn") else READ
    yield from ((text, how) for text in [path_text(path, known)] if text)


def _argument(node: ast.Call, at: int) -> ast.expr | None:
    for value in node.args[: at + 1]:
        if isinstance(value, ast.Starred):
            return None
    if at < len(node.args):
        return node.args[at]
    if not node.keywords:
        return None
    named = [k for k in node.keywords if k.arg in tables.PATH_KEYWORDS]
    if len(named) > 1:
        to = [k for k in named if k.arg in tables.TO_KEYWORDS]
        rest = [k for k in named if k not in to]
        named = to if at > 0 and to else rest or named
    return named[0].value if named else None


def _placed(
    node: ast.Call, places: tuple[Place, ...], receiver: ast.expr | None, known: Known, sure: bool
) -> Iterator[Use]:
    """The files at these places of a call. ``sure`` says that the call uses a file even if its path is unknown."""
    several = len(places) > 1
    for at, how in places:
        if at == RECEIVER:
            text = text_value(receiver, known)
            if text is None and sure and receiver is not None and how in (READ, WRITE) and _path_like(receiver):
                text = path_text(receiver, known)
        else:
            value = (
                node.args[at]
                if at < len(node.args) and several
                else _argument(node, at)
                if not several
                else _other(node, at, how)
            )
            if value is None:
                continue
            if isinstance(value, (ast.List, ast.Tuple)):
                yield from ((t, how) for e in value.elts if (t := text_value(e, known)))
                continue
            text = path_text(value, known) if sure else text_value(value, known)
        if text:
            yield text, how


def _other(node: ast.Call, at: int, how: str) -> ast.expr | None:
    """The keyword argument for one of the two paths of a call."""
    to = how == WRITE
    return next(
        (k.value for k in node.keywords if k.arg in tables.PATH_KEYWORDS and (k.arg in tables.TO_KEYWORDS) == to), None
    )


def _path_like(node: ast.expr) -> bool:
    return isinstance(node, (ast.Name, ast.Attribute, ast.Subscript, ast.BinOp))


def _working_folder(node: ast.Call, name: str) -> Iterator[Use]:
    if name in tables.WORKING_FOLDER and not node.args and not node.keywords:
        yield EVERYTHING, WRITE if name.startswith("extract") else LOOK
    elif (
        name.startswith("os.")
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and node.args[0].value in (".", "./")
    ):
        yield EVERYTHING, LOOK


# -------------------------------------------------------------------- commands
def _command(node: ast.Call, known: Known) -> Iterator[Use]:
    """The files that `subprocess.run` and similar calls use."""
    command = (
        node.args[0]
        if node.args
        else next((k.value for k in node.keywords if k.arg in ("args", "cmd", "command")), None)
    )
    if command is None:
        return
    if isinstance(command, (ast.List, ast.Tuple)):
        arguments = [path_text(e, known) for e in command.elts if not isinstance(e, ast.Starred)]
        if (
            arguments[:2]
            and arguments[0] in ("bash", "sh")
            and len(arguments) > 2
            and arguments[1].startswith("-")
            and "c" in arguments[1]
        ):
            yield from uses_of_script(arguments[2])
        else:
            yield from uses_of_words([w or "?" for w in arguments])
        return
    text = text_value(command, known)
    if text is None or is_hole(text):
        yield hole(ast.unparse(command)), UPDATE
    else:
        yield from uses_of_line(text)


def shell_uses(command: str, known: Known) -> Iterator[Use]:
    """The files that ``!command`` uses, where the command may contain ``$name`` and ``{expression}``."""
    yield from uses_of_script(expanded(command, known))


def expanded(command: str, known: Known) -> str:
    """The command with the known texts of each ``$name`` and ``{expression}`` in it."""
    try:
        parts = [*pieces(command)]
    except ValueError:  # braces that are the shell's own
        return command
    return "".join(text + (_expression(part, known) if part is not None else "") for text, part, _ in parts)


def _expression(part: str, known: Known) -> str:
    try:
        return path_text(parse_expression(part.strip()), known)
    except (SyntaxError, ValueError):
        return hole(part)


def magic_uses(kind: str, name: str, line: str, body: str, known: Known) -> Iterator[Use]:
    """The files that ``%name line`` or ``%%name line`` with ``body`` uses."""
    words = [w.strip("'\"") for w in expanded(line, known).split()]
    files = [w for w in words if not w.startswith("-")]
    if name in ("writefile", "file"):
        yield from ((f, UPDATE if "-a" in words or "--append" in words else WRITE) for f in files[:1])
    elif name in ("run", "load", "loadpy") and files:
        yield files[0], READ  # the files that a program uses are found when its own text is analyzed
    elif name in ("bash", "sh", "script", "!", "system", "sx") and kind == "run_cell_magic":
        yield from uses_of_script(body)
    elif name in ("sx", "system", "ls", "cat", "cp", "mv", "rm", "mkdir", "rmdir", "less", "more", "lf", "ll", "lk"):
        shell = "ls" if name in ("ll", "lf", "lk") else name
        yield from uses_of_line(expanded(line if name in ("sx", "system") else f"{shell} {line}", known))
    elif name == "save" and files:
        yield files[0], WRITE
