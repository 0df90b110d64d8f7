"""Parsing of the marks of one cell: tags, the lines of cell magics, and ``cell.metadata.kfnb``."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kfnb.notebook.marks.mark_table import KALE, KALE_ROLES, MARKS, ROLES
from kfnb.problems import Problem
from kfnb.setting_marks.setting_table import Mark
from kfnb.setting_marks.value_parsers import BadValue
from kfnb.wording import did_you_mean

COMPONENT = "%%component"
MAX_SHOWN = 100  #: characters of a mark that a message quotes
ROLE_MAGICS = ("parameters", "imports", "functions", "metrics", "skip")
MAGICS = (COMPONENT, "%%pipeline", *(f"%%{role}" for role in ROLE_MAGICS))


@dataclass
class CellMarks:
    """The marks of one cell.

    Parameters
    ----------
    values
        Each mark with its value and its line, in the order of the notebook. The line of a tag is ``None``.
    line
        The line of the magic; ``None`` without one.
    """

    number: int
    cell_id: str
    values: list[tuple[Mark, Any, int | None]] = field(default_factory=list)
    role: str | None = None
    line: int | None = None
    problems: list[Problem] = field(default_factory=list)

    @property
    def step(self) -> str | None:
        return next((v for m, v, _ in self.values if m.word == "step"), None)

    def report(self, code: str, message: str, hint: str = "", name: str | None = None, line: int | None = None) -> None:
        self.problems.append(Problem(code, message, hint, self.number, self.cell_id, line, name))

    def add(self, mark: Mark, text: str, line: int | None) -> None:
        """Parse the value of a mark and keep it. A repeated value counts once."""
        try:
            value = True if mark.read is None else mark.read(text.strip())
        except BadValue as error:
            value = "…" if error.code == "KF514" else text  # the text can contain a password
            quoted = f"{mark.word}:{value}" if line is None else f"--{mark.word} {value}"
            quoted = quoted if len(quoted) <= MAX_SHOWN else f"{quoted[:MAX_SHOWN]}…"
            self.report(error.code, f"`{quoted}`: {error}", name=mark.word, line=line)
            return
        if (mark, value) in [(m, v) for m, v, _ in self.values]:
            return
        self.values.append((mark, value, line))


# -------------------------------------------------------------------- tags
def read_tags(tags: list[str], marks: CellMarks) -> None:
    """Parse the marks of kfnb and Kale among the tags of a cell. Other tags are ignored; a misspelt mark is a warning."""
    for tag in tags:
        word, colon, value = (part.strip() for part in tag.partition(":"))
        word = KALE.get(word, word)
        role = ROLES.get(tag.strip()) or KALE_ROLES.get(tag.strip())
        if role is not None:
            marks.role = role if marks.role in (None, role) else _report_two_roles(marks, role)
        elif word == "step" and colon and not value:
            continue  # Kale gives an empty name to cells that belong to no step
        elif word in MARKS and bool(colon) == (MARKS[word].read is not None):
            marks.add(MARKS[word], value, None)
        elif word in MARKS:
            expected = f"{word}:{MARKS[word].shown}" if MARKS[word].read else word
            marks.report("KF201", f"the tag `{tag}` is not a valid mark: write `{expected}`", name=tag)
        else:
            close = near_mark(tag)
            if close is not None:
                marks.report("KF202", f"the tag `{tag}` is not a mark", f"did you mean `{close}`?", name=tag)


def _report_two_roles(marks: CellMarks, role: str) -> str:
    marks.report(
        "KF203", f"one cell cannot be both `{marks.role}` and `{role}`", "keep one of the two marks", name=role
    )
    return marks.role or role


def near_mark(tag: str) -> str | None:
    """The mark that a tag misspells, as in ``setp:train``; ``None`` for any other tag, such as ``remove-cell``."""
    word, colon, value = tag.partition(":")
    if colon:
        known = {w for w, m in MARKS.items() if m.read is not None}
        close = difflib.get_close_matches(word.strip().lower(), known, 1, 0.75)
        return f"{close[0]}:{value.strip()}" if close and len(word) > 2 else None
    known = {*ROLES, *(w for w, m in MARKS.items() if m.read is None)} - {"injected-parameters"}
    bare = tag.strip().lower()
    close = [w for w in known if sorted(w) == sorted(bare)] or difflib.get_close_matches(bare, known, 1, 0.8)
    return close[0] if close else None


# -------------------------------------------------------------------- magics
def component_line(source: str) -> tuple[str, int] | None:
    """The arguments of the ``%%component`` line and its line number from 1; ``None`` if the cell does not begin with one."""
    return magic_line(source, COMPONENT)


def magic_line(source: str, magic: str) -> tuple[str, int] | None:
    """The arguments of the cell magic ``magic`` and its line number from 1; ``None`` if the cell does not begin with it."""
    for number, line in enumerate(source.split("\n"), 1):
        if not line.strip():
            continue
        if line.startswith(magic) and (len(line) == len(magic) or line[len(magic)].isspace()):
            return line[len(magic) :], number
        return None
    return None


def role_line(source: str) -> tuple[str, str, int] | None:
    """The role of a cell that begins with a magic such as ``%%parameters``, the arguments, and the line number from 1."""
    for role in ROLE_MAGICS:
        line = magic_line(source, f"%%{role}")
        if line is not None:
            return role, *line
    return None


def read_role(role: str, arguments: str, line: int, marks: CellMarks) -> None:
    """Parse the line of a magic such as ``%%parameters``. It means the same as the tag and takes no options."""
    marks.line = line
    marks.role = role if marks.role in (None, role) else _report_two_roles(marks, role)
    if arguments.strip():
        message = f"`%%{role}` takes no options: `{arguments.strip()}`"
        marks.report(
            "KF206",
            message,
            "remove what follows the magic; write other marks as tags of the cell",
            name=role,
            line=line,
        )


def read_near_magic(source: str, marks: CellMarks, first: int = 1) -> None:
    """Report a cell magic that misspells one of kfnb's; others are ignored. ``first`` is the number of the first line."""
    for number, line in enumerate(source.split("\n"), first):
        if line.strip():
            word = line.split()[0]
            close = difflib.get_close_matches(word, MAGICS, 1, 0.85) if word not in MAGICS else []
            if line.startswith("%%") and close:
                marks.report("KF202", f"the cell magic `{word}` is not a mark", f"did you mean `{close[0]}`?", name=word, line=number)  # fmt: skip
            return


def read_options(arguments: str, line: int, marks: CellMarks) -> None:
    """Parse the marks of a ``%%component`` line."""
    marks.line = line
    try:
        words = shlex.split(arguments, posix=True)
    except ValueError as error:
        marks.report("KF206", f"the `%%component` line cannot be read: {error}", "close the quotation marks", line=line)
        return
    has_name = False
    remaining = iter(words)
    for word in remaining:
        if not word.startswith("--"):
            if has_name:
                marks.report("KF206", f"the `%%component` line has an extra word: `{word}`", "put a value that contains spaces into quotation marks", line=line)  # fmt: skip
            else:
                marks.add(MARKS["step"], word, line)
                has_name = True
            continue
        _option(word[2:], remaining, marks, line)
    if not has_name:
        marks.report("KF206", "`%%component` needs the name of the step", "write `%%component NAME`", line=line)


def _option(word: str, following: Iterator[str], marks: CellMarks, line: int) -> None:
    word, equals, value = word.partition("=")
    mark = MARKS.get(word)
    if mark is None or word == "step":
        close = difflib.get_close_matches(word, set(MARKS) - {"step"}, 1)
        hint = (
            f"did you mean `--{close[0]}`?"
            if close
            else "the options are " + " ".join(f"--{w}" for w in MARKS if w != "step")
        )
        marks.report("KF206", f"`%%component` has no option `--{word}`", hint, name=word, line=line)
        if not equals:
            return
    elif mark.read is None:
        marks.add(mark, "", line)
    else:
        text = value if equals else next(following, None)
        if text is None:
            marks.report("KF206", f"`--{word}` needs a value", f"write `--{word} {mark.shown}`", name=word, line=line)
        else:
            marks.add(mark, text, line)


# -------------------------------------------------------------------- cell.metadata.kfnb
def read_metadata(data: Any, marks: CellMarks, where: str = "cell.metadata.kfnb") -> None:
    """Parse the marks of ``cell.metadata.kfnb``: the names of marks are keys, and a list holds several values."""
    if not isinstance(data, dict):
        marks.report("KF201", f"{where} should be an object", name="kfnb")
        return
    for word, value in data.items():
        if word == "role" and isinstance(value, str) and value in ROLES:
            marks.role = marks.role or ROLES[value]
            continue
        mark = MARKS.get(word) or next((m for m in MARKS.values() if m.field == word), None)
        if mark is None:
            hint = did_you_mean(str(word), MARKS)
            marks.report("KF202", f"{where} has the key `{word}`, which is not a mark", hint, name=str(word))
            continue
        for item in value if isinstance(value, list) else [value]:
            if mark.read is None:
                marks.add(mark, "", None) if item else None
            elif isinstance(item, str | int | float):
                text = {True: "on", False: "off"}[item] if isinstance(item, bool) else str(item)
                marks.add(mark, text, None)
            elif item is not None:
                marks.report("KF201", f"{where}: `{word}` should be {mark.shown}", name=word)
