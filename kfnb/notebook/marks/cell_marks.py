"""What the marks of one cell say, before the cells of a step are put together."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kfnb.notebook.marks.mark_table import KALE, KALE_ROLES, MARKS, ROLES, BadValue, Mark
from kfnb.problems import Problem

COMPONENT = "%%component"
LONGEST = 100  #: letters of a mark that a message shows
ROLE_MAGICS = ("parameters", "imports", "functions", "metrics", "skip")
MAGICS = (COMPONENT, "%%pipeline", *(f"%%{role}" for role in ROLE_MAGICS))


@dataclass
class Given:
    """Marks of one cell: ``values`` holds each mark's field and value in the order given, with its line (``None``: a tag)."""

    number: int
    cell_id: str
    values: list[tuple[Mark, Any, int | None]] = field(default_factory=list)
    role: str | None = None
    line: int | None = None  #: of the magic
    problems: list[Problem] = field(default_factory=list)

    @property
    def step(self) -> str | None:
        return next((v for m, v, _ in self.values if m.word == "step"), None)

    def problem(
        self, code: str, message: str, hint: str = "", name: str | None = None, line: int | None = None
    ) -> None:
        self.problems.append(Problem(code, message, hint, self.number, self.cell_id, line, name))

    def add(self, mark: Mark, text: str, line: int | None) -> None:
        """Read one mark's value; the same value twice is one."""
        try:
            value = True if mark.read is None else mark.read(text.strip())
        except BadValue as error:
            value = "…" if error.code == "KF514" else text  # it may have a password in it
            shown = f"{mark.word}:{value}" if line is None else f"--{mark.word} {value}"
            shown = shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}…"
            self.problem(error.code, f"`{shown}`: {error}", name=mark.word, line=line)
            return
        if (mark, value) in [(m, v) for m, v, _ in self.values]:
            return
        self.values.append((mark, value, line))


# -------------------------------------------------------------------- tags
def read_tags(tags: list[str], given: Given) -> None:
    """Take kfnb's and Kale's marks from a cell's tags; foreign tags are left alone, near misses warned of."""
    for tag in tags:
        word, colon, value = (part.strip() for part in tag.partition(":"))
        word = KALE.get(word, word)
        role = ROLES.get(tag.strip()) or KALE_ROLES.get(tag.strip())
        if role is not None:
            given.role = role if given.role in (None, role) else _two_roles(given, role)
        elif word == "step" and colon and not value:
            continue  # Kale writes an empty name into cells that belong to no step
        elif word in MARKS and bool(colon) == (MARKS[word].read is not None):
            given.add(MARKS[word], value, None)
        elif word in MARKS:
            shown = f"{word}:{MARKS[word].shown}" if MARKS[word].read else word
            given.problem("KF201", f"the tag `{tag}` should be `{shown}`", name=tag)
        else:
            near = near_mark(tag)
            if near is not None:
                given.problem("KF202", f"the tag `{tag}` is no mark", f"did you mean `{near}`?", name=tag)


def _two_roles(given: Given, role: str) -> str:
    given.problem(
        "KF203", f"one cell cannot be both `{given.role}` and `{role}`", "keep one of the two marks", name=role
    )
    return given.role or role


def near_mark(tag: str) -> str | None:
    """The mark that a tag nearly is, else ``None``: ``setp:train`` is one, ``remove-cell`` is not."""
    word, colon, value = tag.partition(":")
    if colon:
        known = {w for w, m in MARKS.items() if m.read is not None}
        found = difflib.get_close_matches(word.strip().lower(), known, 1, 0.75)
        return f"{found[0]}:{value.strip()}" if found and len(word) > 2 else None
    known = {*ROLES, *(w for w, m in MARKS.items() if m.read is None)} - {"injected-parameters"}
    bare = tag.strip().lower()
    found = [w for w in known if sorted(w) == sorted(bare)] or difflib.get_close_matches(bare, known, 1, 0.8)
    return found[0] if found else None


# -------------------------------------------------------------------- magics
def component_line(source: str) -> tuple[str, int] | None:
    """The ``%%component`` line's arguments and its line number from 1, when the cell begins with one."""
    return magic_line(source, COMPONENT)


def magic_line(source: str, magic: str) -> tuple[str, int] | None:
    """The arguments of the cell magic ``magic`` and its line number from 1, when the cell begins with it."""
    for number, line in enumerate(source.split("\n"), 1):
        if not line.strip():
            continue
        if line.startswith(magic) and (len(line) == len(magic) or line[len(magic)].isspace()):
            return line[len(magic) :], number
        return None
    return None


def role_line(source: str) -> tuple[str, str, int] | None:
    """The role that a cell gets by its magic, such as ``%%parameters``; what stands after it, and its line from 1."""
    for role in ROLE_MAGICS:
        line = magic_line(source, f"%%{role}")
        if line is not None:
            return role, *line
    return None


def read_role(role: str, arguments: str, line: int, given: Given) -> None:
    """Take the mark from the line of a role's magic: it is the tag, and takes no options."""
    given.line = line
    given.role = role if given.role in (None, role) else _two_roles(given, role)
    if arguments.strip():
        message = f"%%{role} takes no options: `{arguments.strip()}`"
        given.problem("KF206", message, "other marks are tags of the cell", name=role, line=line)


def read_near_magic(source: str, given: Given, first: int = 1) -> None:
    """Warn of a cell magic that is nearly one of kfnb's; foreign ones are left alone. ``first``: the source's first line."""
    for number, line in enumerate(source.split("\n"), first):
        if line.strip():
            word = line.split()[0]
            near = difflib.get_close_matches(word, MAGICS, 1, 0.85) if word not in MAGICS else []
            if line.startswith("%%") and near:
                given.problem("KF202", f"the cell magic `{word}` is no mark", f"did you mean `{near[0]}`?", name=word, line=number)  # fmt: skip
            return


def read_options(arguments: str, line: int, given: Given) -> None:
    """Take the marks from a ``%%component`` line."""
    given.line = line
    try:
        words = shlex.split(arguments, posix=True)
    except ValueError as error:
        given.problem("KF206", f"the %%component line cannot be read: {error}", "close the quotation marks", line=line)
        return
    named = False
    at = iter(words)
    for word in at:
        if not word.startswith("--"):
            if named:
                given.problem("KF206", f"`{word}` is one word too many", "put values that have spaces into quotation marks", line=line)  # fmt: skip
            else:
                given.add(MARKS["step"], word, line)
                named = True
            continue
        _option(word[2:], at, given, line)
    if not named:
        given.problem("KF206", "%%component needs the step's name", "%%component NAME", line=line)


def _option(word: str, following: Iterator[str], given: Given, line: int) -> None:
    word, equals, value = word.partition("=")
    mark = MARKS.get(word)
    if mark is None or word == "step":
        near = difflib.get_close_matches(word, set(MARKS) - {"step"}, 1)
        hint = (
            f"did you mean `--{near[0]}`?"
            if near
            else "the options are " + " ".join(f"--{w}" for w in MARKS if w != "step")
        )
        given.problem("KF206", f"%%component has no option `--{word}`", hint, name=word, line=line)
        if not equals:
            return
    elif mark.read is None:
        given.add(mark, "", line)
    else:
        text = value if equals else next(following, None)
        if text is None:
            given.problem("KF206", f"`--{word}` needs a value", f"--{word} {mark.shown}", name=word, line=line)
        else:
            given.add(mark, text, line)


# -------------------------------------------------------------------- cell.metadata.kfnb
def read_metadata(data: Any, given: Given, where: str = "cell.metadata.kfnb") -> None:
    """Take the marks from metadata: the same words as keys, lists for several values."""
    if not isinstance(data, dict):
        given.problem("KF201", f"{where} should be an object", name="kfnb")
        return
    for word, value in data.items():
        if word == "role" and isinstance(value, str) and value in ROLES:
            given.role = given.role or ROLES[value]
            continue
        mark = MARKS.get(word) or next((m for m in MARKS.values() if m.field == word), None)
        if mark is None:
            near = difflib.get_close_matches(str(word), MARKS, 1)
            given.problem("KF202", f"{where} has `{word}`, which is no mark", f"did you mean `{near[0]}`?" if near else "", name=str(word))  # fmt: skip
            continue
        for item in value if isinstance(value, list) else [value]:
            if mark.read is None:
                given.add(mark, "", None) if item else None
            elif isinstance(item, str | int | float):
                text = {True: "on", False: "off"}[item] if isinstance(item, bool) else str(item)
                given.add(mark, text, None)
            elif item is not None:
                given.problem("KF201", f"{where}: `{word}` should be {mark.shown}", name=word)
