"""Path patterns: the parts of a path that are known before the code runs, and whether two paths may be the same.

A hole stands for a part that only the run knows. Its name is the expression: ``f"{out}/a.csv"`` is ``⟨out⟩/a.csv``.
Holes of one name count as equal. Where they are not, one step waits for another without need, and nothing worse happens.
"""

from __future__ import annotations

import ast
import functools
import os
import re
from collections.abc import Callable, Mapping

HOLE, PARAMETER = "\x00", "\x02"
Known = Callable[[str], str | None]
HOLES = re.compile(f"{HOLE}([^{HOLE}]*){HOLE}")
TOKENS = re.compile(f"{HOLE}[^{HOLE}]*{HOLE}|.", re.DOTALL)
FORMAT_FIELDS = re.compile(r"\{[^{}]*\}|%\(\w+\)[-+0 #]*[\d.]*[a-z]|%[-+0 #]*[\d.]*[sdifgr]")
#: Characters that would read as parts of a path or of a command line; names of holes have another one in their place.
APART = str.maketrans(dict.fromkeys("/\\ \t\n'\"*?;|&<>()$`", "\x01"))
JOINING = frozenset("Path PurePath PosixPath PurePosixPath WindowsPath join joinpath".split())
#: Calls that return the same path in another spelling.
SAME_PLACE = frozenset(
    "str fspath abspath realpath normpath expanduser expandvars resolve absolute as_posix strip".split()
)
HANDLES = frozenset("open fdopen StringIO BytesIO TemporaryFile NamedTemporaryFile SpooledTemporaryFile".split())
TEMPORARY = frozenset(("mkdtemp", "mkstemp", "TemporaryDirectory", "mktemp"))
HERE = frozenset(("getcwd", "cwd"))
MEMORY = (":memory:", "")


def hole(name: str) -> str:
    """A hole: an unknown text with the name ``name``."""
    return f"{HOLE}{name.translate(APART).replace(HOLE, '')}{HOLE}"


def is_hole(text: str) -> bool:
    """Whether ``text`` is one hole and nothing else."""
    return text.count(HOLE) == 2 and text[0] == HOLE and text[-1] == HOLE


def path_text(node: ast.expr, known: Known) -> str:
    """`text_value`, or a hole if nothing of the text is known."""
    text = text_value(node, known)
    return text if text is not None else hole(_name_of(node, known))


def _name_of(node: ast.expr, known: Known) -> str:
    if isinstance(node, ast.Name):
        text = known(node.id)
        return node.id if text is None else text.strip(HOLE)
    if isinstance(node, ast.Attribute):
        return f"{_name_of(node.value, known)}.{node.attr}"
    if isinstance(node, ast.Subscript):
        return f"{_name_of(node.value, known)}[{ast.unparse(node.slice)}]"
    return ast.unparse(node)


def text_value(node: ast.expr | None, known: Known) -> str | None:
    """The text of ``node`` with holes for unknown parts; ``None`` if nothing is known, ``""`` for an open file."""
    if type(node) is ast.Name:
        return known(node.id)
    if type(node) is ast.Constant:
        return node.value if isinstance(node.value, str) else None
    if type(node) is ast.Call:
        return _call(node, known)
    if type(node) is ast.BinOp:
        return _operation(node, known)
    if type(node) is ast.JoinedStr:
        return _formatted(node, known)
    if type(node) is ast.Attribute:
        return _part(node.attr, text_value(node.value, known)) if node.attr in ("parent", "name", "stem") else None
    if type(node) is ast.NamedExpr:
        return text_value(node.value, known)
    return None


def _formatted(node: ast.JoinedStr, known: Known) -> str | None:
    parts = []
    for value in node.values:
        if isinstance(value, ast.FormattedValue):
            plain = value.format_spec is None
            parts.append(path_text(value.value, known) if plain else hole(ast.unparse(value.value)))
        elif isinstance(value, ast.Constant):
            parts.append(str(value.value))
    return "".join(parts)


def _operation(node: ast.BinOp, known: Known) -> str | None:
    if not isinstance(node.op, (ast.Div, ast.Add, ast.Mod)):
        return None
    left = text_value(node.left, known)
    if isinstance(node.op, ast.Mod):
        return FORMAT_FIELDS.sub(hole(ast.unparse(node.right)), left) if left is not None else None
    right = text_value(node.right, known)
    if left is None and right is None or left is None and isinstance(node.op, ast.Div) and is_hole(right or ""):
        return None
    if any(isinstance(n, ast.Constant) and not isinstance(n.value, str) for n in (node.left, node.right)):
        return None
    left, right = path_text(node.left, known), path_text(node.right, known)
    return os.path.join(left, right) if isinstance(node.op, ast.Div) else left + right


def _call(node: ast.Call, known: Known) -> str | None:
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    receiver = function.value if isinstance(function, ast.Attribute) else None
    if name in HANDLES:
        return ""
    if name in HERE:
        return "."
    if name in TEMPORARY:
        return "/tmp/" + hole(f"{name} {node.lineno} {node.col_offset}")  # no other call returns this path
    if name in ("create_engine", "connect") and node.args:
        return _database(text_value(node.args[0], known))
    if name in JOINING:
        return _joined(name, receiver, node, known)
    if name in SAME_PLACE:
        inner = node.args[0] if node.args else receiver
        return text_value(inner, known)
    if receiver is None:
        return None
    if name in ("with_suffix", "with_name", "with_stem", "relative_to", "format", "dirname", "basename"):
        return _changed(name, receiver, node, known)
    return None


def _joined(name: str, receiver: ast.expr | None, node: ast.Call, known: Known) -> str | None:
    if name == "join" and isinstance(receiver, (ast.Constant, ast.JoinedStr)) or node.keywords:
        return None  # the method of texts
    parts: list[ast.expr] = [receiver, *node.args] if name == "joinpath" and receiver is not None else [*node.args]
    if not parts:
        return "." if name != "join" else None
    if any(isinstance(p, ast.Starred) for p in parts):
        return None
    texts = [text_value(p, known) for p in parts]
    if all(t is None for t in texts):
        return path_text(parts[0], known) if len(parts) == 1 else None
    return os.path.join(*(path_text(p, known) if t is None else t for p, t in zip(parts, texts, strict=True)))


def _changed(name: str, receiver: ast.expr, node: ast.Call, known: Known) -> str | None:
    if name in ("dirname", "basename"):
        text = text_value(node.args[0], known) if node.args else None
        return _part("parent" if name == "dirname" else "name", text)
    text = text_value(receiver, known)
    if text is None:
        return None
    if name == "format":
        return FORMAT_FIELDS.sub(hole(ast.unparse(node)), text)
    if not node.args or name == "relative_to":
        return None
    new = path_text(node.args[0], known)
    folder, last = os.path.split(text)
    if name == "with_suffix":
        return os.path.join(folder, os.path.splitext(last)[0] + new)
    stem = new + os.path.splitext(last)[1] if name == "with_stem" else new
    return os.path.join(folder, stem)


def _part(name: str, text: str | None) -> str | None:
    if text is None:
        return None
    if is_hole(text):
        return hole(f"{text.strip(HOLE)}.{name}")
    folder, last = os.path.split(text)
    return (folder or ".") if name == "parent" else last if name == "name" else os.path.splitext(last)[0]


def _database(text: str | None) -> str | None:
    """The file of ``sqlite:///data.db`` or ``data.db``."""
    if text is None:
        return None
    kind, apart, path = text.partition("://")
    if not apart:
        return None if text in MEMORY else text
    if not kind.startswith(("sqlite", "duckdb")):
        return text  # a database server counts as one file
    path = path[1:].partition("?")[0]
    return None if path in MEMORY else path


def item_text(node: ast.expr, known: Known) -> str | None:
    """The text of each item of ``node``. For a list of files it is the pattern that they match."""
    if not isinstance(node, ast.Call):
        return None
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name in ("sorted", "list", "tuple", "reversed", "set", "iter", "tqdm") and node.args:
        return item_text(node.args[0], known)
    if name not in ("glob", "rglob", "iglob", "iterdir"):
        return None
    pattern = path_text(node.args[0], known) if node.args else "*"
    folder = text_value(function.value, known) if isinstance(function, ast.Attribute) else None
    if folder is None:
        return pattern if name in ("glob", "iglob") else None
    return os.path.join(folder, "*", pattern) if name == "rglob" else os.path.join(folder, pattern)


# -------------------------------------------------------------------- parameters of functions
def parameter_key(parameter: str) -> str:
    """The name of the hole for a parameter of the function around."""
    return f"{PARAMETER}{parameter}{PARAMETER}"


def filled(text: str, arguments: Mapping[str, str]) -> str:
    """``text`` of a function's body with the arguments of a call in place of its parameters."""

    def put(match: re.Match[str]) -> str:
        name = match.group(1)
        for parameter, value in arguments.items():
            if name == parameter_key(parameter):
                return value
            name = name.replace(parameter_key(parameter), value.strip(HOLE))
        return hole(name)

    return HOLES.sub(put, text) if PARAMETER in text else text


def filled_with(text: str, values: Mapping[str, str]) -> str:
    """``text`` with values in place of the holes of their names."""
    return HOLES.sub(lambda m: values.get(m.group(1), m.group(0)), text) if HOLE in text else text


def depends_on_parameter(text: str) -> bool:
    """Whether a text contains a parameter, so that it is known only where the function is called."""
    return PARAMETER in text


# -------------------------------------------------------------------- comparing two paths
SAME, PERHAPS, UNKNOWN = "same", "perhaps", "unknown"


@functools.lru_cache(maxsize=8192)
def relation(one: str, other: str) -> str | None:
    """Whether two paths may be the same file, or one may lie in the other.

    Returns
    -------
    str or None
        ``same``: they are the same, or one lies in the other. ``perhaps``: the known texts agree, and the holes may have
        fitting values. ``unknown``: one of them is nothing but a hole. ``None``: they are different.
    """
    if one.startswith(("http:", "https:", "ftp:")) or other.startswith(("http:", "https:", "ftp:")):
        return None
    one, other = os.path.normpath(one), os.path.normpath(other)
    if one in ("", ".", "/") or other in ("", ".", "/"):
        return None
    if one == other or one.startswith(other + "/") or other.startswith(one + "/"):
        return SAME
    if not _open(one) and not _open(other):
        return None
    mine, theirs = _tokens(one), _tokens(other)
    while mine and theirs and mine[0] == theirs[0] != "*":
        mine, theirs = mine[1:], theirs[1:]
    while mine and theirs and mine[-1] == theirs[-1] != "*":
        mine, theirs = mine[:-1], theirs[:-1]
    if not (_meet(mine, theirs) or _meet((*mine, "/", "*"), theirs) or _meet(mine, (*theirs, "/", "*"))):
        return None
    return PERHAPS if _says_something(one) and _says_something(other) else UNKNOWN


def _open(path: str) -> bool:
    return any(c in path for c in (HOLE, "*", "?", "["))


def _says_something(path: str) -> bool:
    return "*" in path or any(c.isalnum() for c in HOLES.sub("", path))


def _tokens(path: str) -> tuple[str, ...]:
    tokens = TOKENS.findall(re.sub(r"\[[^\]]*\]", "*", path) if HOLE not in path else path)
    return tuple("*" if t in "*?" else t for t in tokens)


def _meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether some text matches both patterns. A hole matches any text."""
    ends = {(0, 0)}
    stack = [(0, 0)]
    while stack:
        i, j = stack.pop()
        if i == len(one) and j == len(other):
            return True
        left, right = i < len(one), j < len(other)
        wide_left = left and (one[i] == "*" or one[i][0] == HOLE)
        wide_right = right and (other[j] == "*" or other[j][0] == HOLE)
        following = []
        if wide_left:
            following += [(i + 1, j), *([(i, j + 1)] if right else [])]
        if wide_right:
            following += [(i, j + 1), *([(i + 1, j)] if left else [])]
        if left and right and one[i] == other[j]:
            following.append((i + 1, j + 1))
        for place in following:
            if place not in ends:
                ends.add(place)
                stack.append(place)
    return False


def shown(path: str) -> str:
    """A path as a message shows it: ``{out}/a.csv``."""
    return HOLES.sub(lambda m: "{" + m.group(1).replace("\x01", " ").replace(PARAMETER, "") + "}", path)
