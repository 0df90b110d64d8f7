"""IPython's additions to Python, turned into plain Python with the same lines.

Known to IPython's own input transformer as magics, shell escapes and help: https://ipython.readthedocs.io/en/stable/interactive/magics.html
"""

from __future__ import annotations

#: Cell magics that leave the rest of the cell ordinary code.
WRAPPERS = frozenset(("time", "timeit", "capture", "prun"))

#: Magics that a step understands without IPython.
KNOWN_LINE = frozenset(
    "env set_env cd pwd matplotlib config load_ext reload_ext autoreload time timeit pip conda mamba uv pinfo precision "
    "xmode colors pylab automagic who whos pipeline".split()
)
KNOWN_CELL = WRAPPERS | frozenset(
    "bash sh script writefile html HTML markdown latex javascript js svg SVG component".split()
)

OPENING, CLOSING = "([{", ")]}"


class Wrapper:
    """A cell magic around ordinary code: its name and the text after it."""

    __slots__ = ("name", "args")

    def __init__(self, name: str, args: str) -> None:
        self.name, self.args = name, args


class Translation:
    """Plain Python for a cell.

    Parameters
    ----------
    code
        Python with as many lines as the source, each statement on its own line of the source.
    wrappers
        Cell magics around the code, outermost first.
    magics
        Names and lines (from 1) of the line and cell magics that a step without IPython does not know.
    """

    __slots__ = ("code", "wrappers", "magics")

    def __init__(self, code: str, wrappers: tuple[Wrapper, ...] = (), magics: tuple[tuple[str, int], ...] = ()) -> None:
        self.code, self.wrappers, self.magics = code, wrappers, magics

    @property
    def needs_ipython(self) -> bool:
        return bool(self.magics)


def translate(source: str) -> Translation:
    """Turn a cell's text into plain Python. Never fails: what is not Python stays as it is."""
    if "%" not in source and "!" not in source and "?" not in source:
        return Translation(source)
    lines = source.split("\n")
    wrappers: list[Wrapper] = []
    magics: list[tuple[str, int]] = []
    first = 0
    while True:
        while first < len(lines) and not lines[first].strip():
            first += 1
        if first >= len(lines) or not lines[first].startswith("%%"):
            break
        name, _, args = lines[first][2:].partition(" ")
        if name not in WRAPPERS:
            body = "\n".join(lines[first + 1 :])
            if name not in KNOWN_CELL:
                magics.append((name, first + 1))
            lines[first] = "get_ipython().run_cell_magic(%r, %r, %r)" % (name, args.strip(), body)
            lines[first + 1 :] = [""] * (len(lines) - first - 1)
            return Translation("\n".join(lines), tuple(wrappers), tuple(magics))
        wrappers.append(Wrapper(name, args.strip()))
        lines[first] = ""
    return Translation("\n".join(_lines(lines, magics)), tuple(wrappers), tuple(magics))


def _lines(lines: list[str], magics: list[tuple[str, int]]) -> list[str]:
    """Translate line by line; only where a statement begins can a magic stand."""
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


def _line(line: str, magics: list[tuple[str, int]], number: int) -> str | None:
    """Plain Python for a line that is a magic, a shell command or a question; else ``None``."""
    text = line.lstrip()
    space = line[: len(line) - len(text)]
    if text.startswith("!"):
        return _shell(space, "", text)
    if text.startswith("%") and not text.startswith("%%") and (text[1:2].isalpha() or text[1:2] == "_"):
        return space + _magic(text[1:], magics, number)
    if text.startswith("?") and text.lstrip("?").strip():
        return "%sget_ipython().run_line_magic('pinfo', %r)" % (space, text.lstrip("?").strip())
    bare = text.split("#")[0].rstrip()
    if bare.endswith("?") and _is_name(bare.rstrip("?")):
        return "%sget_ipython().run_line_magic('pinfo', %r)" % (space, bare.rstrip("?"))
    assigned = _assigned(line)
    if assigned is None:
        return None
    target, rest = assigned
    if rest.startswith("!"):
        return _shell(space, target + " = ", rest)
    name, _, args = rest[1:].partition(" ")
    if name not in KNOWN_LINE:
        magics.append((name, number))
    return "%s%s = get_ipython().run_line_magic(%r, %r)" % (space, target, name, args.strip())


def _shell(space: str, target: str, text: str) -> str:
    quiet = text.startswith("!!")
    command = text.lstrip("!").strip()
    call = "getoutput" if quiet or target else "system"
    return "%s%sget_ipython().%s(%r)" % (space, target, call, command)


def _magic(text: str, magics: list[tuple[str, int]], number: int) -> str:
    name, _, args = text.partition(" ")
    args = args.strip()
    if name == "time" and args:
        return args  # its names are the notebook's own; the time is not worth a step's values
    if name not in KNOWN_LINE:
        magics.append((name, number))
    return "get_ipython().run_line_magic(%r, %r)" % (name, args)


def _assigned(line: str) -> tuple[str, str] | None:
    """``(target, rest)`` of ``target = !command`` and ``target = %magic``."""
    for sign in ("!", "%"):
        start = 0
        while True:
            at = line.find("=", start)
            if at < 0:
                break
            rest = line[at + 1 :].lstrip()
            target = line[:at].strip()
            if rest.startswith(sign) and _is_target(target) and rest[1:2].strip() and rest[1:2] not in "=":
                return target, rest
            start = at + 1
    return None


def _is_target(text: str) -> bool:
    return bool(text) and all(_is_name(part.strip()) for part in text.split(","))


def _is_name(text: str) -> bool:
    return bool(text) and all(part.isidentifier() for part in text.rstrip("*").split("."))


class _State:
    """Whether a line begins a statement: not inside brackets, a text, or after a backslash."""

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


def shell_names(command: str) -> set[str]:
    """Python names that a ``!command`` takes in: ``{expression}`` and ``$name``."""
    found: set[str] = set()
    for kind, text in pieces(command):
        if kind == "name":
            found.add(text)
        elif kind == "expression":
            try:
                code = compile(text.split("!")[0] if "!r" in text else text, "<shell>", "eval")
            except (SyntaxError, ValueError):
                continue
            found |= set(code.co_names)
    return found


def pieces(command: str) -> list[tuple[str, str]]:
    """Split a command into ``text``, ``name`` (``$name``) and ``expression`` (``{expression}``) pieces.

    ``$$`` and ``{{`` stand for themselves, ``$HOME`` stays with the shell when no such name exists (the caller decides).
    """
    found: list[tuple[str, str]] = []
    plain = ""
    at = 0
    while at < len(command):
        char, following = command[at], command[at + 1 : at + 2]
        if char == "$" and following == "$":
            plain += "$"
            at += 2
        elif char == "$" and (following.isalpha() or following == "_"):
            end = at + 1
            while end < len(command) and (command[end].isalnum() or command[end] == "_"):
                end += 1
            found += [("text", plain), ("name", command[at + 1 : end])]
            plain, at = "", end
        elif char == "{" and following == "{":
            plain += "{"
            at += 2
        elif char == "}" and following == "}":
            plain += "}"
            at += 2
        elif char == "{" and "}" in command[at:] and not command[at - 1 : at] == "$":
            end = command.index("}", at)
            found += [("text", plain), ("expression", command[at + 1 : end])]
            plain, at = "", end + 1
        else:
            plain += char
            at += 1
    return [p for p in [*found, ("text", plain)] if p[1]]
