"""Translates IPython's syntax (magics, shell commands, help) into plain Python with the same lines.

See https://ipython.readthedocs.io/en/stable/interactive/magics.html
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Callable

#: Cell magics that leave the rest of the cell ordinary code, whose names are the notebook's own.
WRAPPERS = frozenset(("time", "capture", "prun", "debug"))

#: Line magics whose ``%`` may be left out in a cell of one line.
AUTOMAGIC = frozenset(
    """
    alias alias_magic cat cd conda config cp dhist dirs env history ldir lf lk ll load load_ext loadpy ls lsmagic lx mamba
    matplotlib micromamba mkdir mv pdoc pfile pinfo pinfo2 pip popd pprint precision prun psearch psource pushd pwd pycat pylab
    reload_ext rm rmdir run set_env store sx system time timeit uv who who_ls whos xmode
    """.split()
)

OPENING, CLOSING = "([{", ")]}"


class Wrapper:
    """A cell magic around ordinary code: its name and the text after it."""

    __slots__ = ("name", "args")

    def __init__(self, name: str, args: str) -> None:
        self.name, self.args = name, args


class Magic:
    """A magic as written: its name, its line from 1, and whether it is a cell magic."""

    __slots__ = ("name", "line", "cell")

    def __init__(self, name: str, line: int, cell: bool = False) -> None:
        self.name, self.line, self.cell = name, line, cell


class Translation:
    """Plain Python for a cell.

    Parameters
    ----------
    code
        Python with as many lines as the source, each statement on its own line of the source.
    wrappers
        Cell magics around the code, outermost first.
    magics
        Every line and cell magic of the cell.
    """

    __slots__ = ("code", "wrappers", "magics")

    def __init__(self, code: str, wrappers: tuple[Wrapper, ...] = (), magics: tuple[Magic, ...] = ()) -> None:
        self.code, self.wrappers, self.magics = code, wrappers, magics


def is_plain(source: str) -> bool:
    """Whether a cell certainly has none of IPython's syntax. A cheap test without parsing."""
    if "%" in source or "!" in source or "?" in source or ">>>" in source or "In [" in source or source[:1] in " \t\n":
        return False
    first = source.partition(" ")[0].strip()
    return "\n" in source.strip() or first not in AUTOMAGIC


def translate(source: str, bound: Callable[[str], bool] | None = None) -> Translation:
    """Turn a cell's text into plain Python. It never fails: text that is not Python stays as it is.

    Parameters
    ----------
    bound
        Whether the notebook has bound a name. Unless ``ls`` is bound, ``ls data`` means ``%ls data``, as in IPython.
    """
    if is_plain(source):
        return Translation(source)
    lines = without_prompts(source.split("\n"))
    wrappers: list[Wrapper] = []
    magics: list[Magic] = []
    first = 0
    while True:
        while first < len(lines) and not lines[first].strip():
            first += 1
        if first >= len(lines) or not lines[first].startswith("%%"):
            break
        name, _, args = lines[first][2:].rstrip().partition(" ")
        magics.append(Magic(name.rstrip("?"), first + 1, True))
        if name not in WRAPPERS:
            body = "".join(line + "\n" for line in lines[first + 1 :])
            body = body[:-1] if body.endswith("\n\n") else body  # the text ended with a line end
            lines[first] = "get_ipython().run_cell_magic(%r, %r, %r)" % (name, args.strip(), body)
            if name.endswith("?"):
                lines[first] = _help(name.rstrip("?"))
            lines[first + 1 :] = [""] * (len(lines) - first - 1)
            return Translation("\n".join(lines), tuple(wrappers), tuple(magics))
        wrappers.append(Wrapper(name, args.strip()))
        lines[first] = ""
    if bound is not None and not wrappers:
        _add_percent(lines, first, bound)
    return Translation("\n".join(_lines(lines, magics)), tuple(wrappers), tuple(magics))


def without_prompts(lines: list[str]) -> list[str]:
    """A cell without the indent of its first line, and without pasted ``>>>`` or ``In [1]:`` prompts."""
    at = next((n for n, line in enumerate(lines) if line.strip()), None)
    if at is None:
        return lines
    indent = lines[at][: len(lines[at]) - len(lines[at].lstrip(" \t"))]
    if indent:
        lines = [line[len(indent) :] if line.startswith(indent) else line for line in lines]
    second = lines[at + 1] if at + 1 < len(lines) else ""
    for after_prompt in (_after_classic, _after_numbered):
        if after_prompt(lines[at]) is not None or after_prompt(second) is not None:
            return [line if (rest := after_prompt(line)) is None else rest for line in lines]
    return lines


def _after_classic(line: str) -> str | None:
    """The text after a prompt ``>>>`` or ``...``; ``None`` without a prompt."""
    return line[4:] if line[:3] in (">>>", "...") and line[3:4] in ("", " ") else None


def _after_numbered(line: str) -> str | None:
    """The text after a prompt ``In [1]:`` or ``...:``; ``None`` without a prompt."""
    text = line.lstrip()
    if text.startswith("In ["):
        number, closed, rest = text[4:].partition("]: ")
        return rest if closed and number.isdigit() else None
    dots = text.lstrip(".")
    if len(text) - len(dots) < 3 or not dots.startswith(":"):
        return None
    return dots[2:] if dots[1:2] == " " else dots[1:]


def _add_percent(lines: list[str], at: int, bound: Callable[[str], bool]) -> None:
    """Add the ``%`` to a single line that begins with the name of a magic, unless the notebook has bound the name."""
    if at >= len(lines) or any(line.strip() for n, line in enumerate(lines) if n != at):
        return
    name, space, rest = lines[at].partition(" ")
    other = rest.lstrip()[:1] in ("=", ",", ".", "(", "[") or not space and name != lines[at]
    if name in AUTOMAGIC and not other and not bound(name):
        lines[at] = "%" + lines[at]


def _lines(lines: list[str], magics: list[Magic]) -> list[str]:
    """Translate line by line. A magic can only be where a statement begins."""
    out: list[str] = []
    state = _State()
    at = 0
    while at < len(lines):
        line = lines[at]
        taken = 1
        if state.fresh():
            text = line
            while _special(text) and text.endswith("\\") and at + taken < len(lines):
                text = text[:-1] + " " + lines[at + taken].strip()
                taken += 1
            changed = _line(text, magics, at + 1)
            if changed is not None:
                out.append(changed)
                out += [""] * (taken - 1)
                at += taken
                continue
            taken = 1
        state.feed(line)
        out.append(line)
        at += taken
    return out


def _special(line: str) -> bool:
    text = line.lstrip()
    return text.startswith(("%", "!")) or _assigned(line) is not None


def _line(line: str, magics: list[Magic], number: int) -> str | None:
    """Plain Python for a line that is a magic, a shell command or a question; else ``None``."""
    text = line.lstrip()
    space = line[: len(line) - len(text)]
    if text.startswith("!"):
        return _shell(space, "", text)
    if text.startswith("%") and (text[1:2].isalpha() or text[1:2] == "_"):
        return space + _magic(text[1:], magics, number)
    if text.startswith("?") and text.lstrip("?").strip():
        return space + _help(text.lstrip("?").strip())
    bare = text.split("#")[0].rstrip()
    if bare.endswith("?") and _is_name(bare.rstrip("?").lstrip("%")):
        return space + _help(bare.rstrip("?"))
    assigned = _assigned(line)
    if assigned is None:
        return None
    target, rest = assigned
    if rest.startswith("!"):
        return _shell(space, target + " = ", rest)
    name, args = _split_magic(rest[1:])
    magics.append(Magic(name, number))
    if name == "time" and args:
        return "%swith get_ipython().timed(): %s = %s" % (space, target, args)
    return "%s%s = get_ipython().run_line_magic(%r, %r)" % (space, target, name, args)


def _help(name: str) -> str:
    return "get_ipython().run_line_magic('pinfo', %r)" % name


def _shell(space: str, target: str, text: str) -> str:
    quiet = text.startswith("!!")
    command = text.lstrip("!").strip()
    call = "getoutput" if quiet or target else "system"
    return "%s%sget_ipython().%s(%r)" % (space, target, call, command)


def _split_magic(text: str) -> tuple[str, str]:
    """A magic's name, and the text after it."""
    name, _, args = text.partition(" ")
    return name.strip(), args.strip()


def _magic(text: str, magics: list[Magic], number: int) -> str:
    name, args = _split_magic(text)
    magics.append(Magic(name.rstrip("?"), number))
    if name.endswith("?"):
        return _help(name.rstrip("?"))
    if name == "time" and args:
        return _timed(args)
    if name == "pylab":
        return _pylab(args)
    return "get_ipython().run_line_magic(%r, %r)" % (name, args)


def _timed(statement: str) -> str:
    """``%time`` as Python: it binds names in the notebook, and the value of an expression is displayed."""
    expression = "get_ipython().timed(get_ipython().clock(), (%s))" % statement.rstrip("; ")
    if _compiles(expression, "eval"):
        return expression
    return "with get_ipython().timed(): " + statement if _compiles("if 1: " + statement, "exec") else statement


def _compiles(text: str, mode: str) -> bool:
    try:
        compile(text, "<magic>", mode, 0x2000)  # ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    except (SyntaxError, ValueError):
        return False
    return True


def _pylab(args: str) -> str:
    names = "import numpy; import matplotlib; from matplotlib import pylab, mlab, pyplot; import numpy as np; import matplotlib.pyplot as plt"
    return names if "--no-import-all" in args else names + "; from pylab import *; from numpy import *"


def _assigned(line: str) -> tuple[str, str] | None:
    """``(target, rest)`` of ``target = !command`` and ``target = %magic``."""
    at = line.find("=")
    while at >= 0:
        rest = line[at + 1 :].lstrip()
        target = line[:at].strip()
        if rest[:1] in ("!", "%") and rest[1:2].strip() and rest[1:2] != "=" and _is_target(target):
            return target, rest
        at = line.find("=", at + 1)
    return None


def _is_target(text: str) -> bool:
    return text[-1:] not in ("", "=", "!", "<", ">", "+", "-", "*", "/", "%") and _compiles(text + " = 0", "exec")


def _is_name(text: str) -> bool:
    return bool(text) and all(part.isidentifier() for part in text.rstrip("*").split("."))


class _State:
    """Tracks whether a line begins a statement: not inside brackets or a string, and not after a backslash."""

    def __init__(self) -> None:
        self.depth, self.quote, self.joined = 0, "", False

    def fresh(self) -> bool:
        return self.depth == 0 and not self.quote and not self.joined

    def feed(self, line: str) -> None:
        at, self.joined = 0, False
        while at < len(line):
            char = line[at]
            if self.quote:
                if char == "\\":
                    at += 2
                    continue
                if line.startswith(self.quote, at):
                    at += len(self.quote)
                    self.quote = ""
                    continue
            elif char == "#":
                return
            elif char in "\"'":
                self.quote = char * 3 if line.startswith(char * 3, at) else char
                at += len(self.quote)
                continue
            elif char in OPENING:
                self.depth += 1
            elif char in CLOSING:
                self.depth = max(0, self.depth - 1)
            at += 1
        if len(self.quote) == 1:
            self.joined = line.endswith("\\")
            if not self.joined:
                self.quote = ""
        elif not self.quote:
            self.joined = line.endswith("\\")
