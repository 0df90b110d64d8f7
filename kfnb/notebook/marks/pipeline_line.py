"""The ``%%pipeline NAME(signature) --option …`` line."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterator

from kfnb.notebook.marked_cells import Cell, PipelineCell
from kfnb.notebook.marks.cell_marks import Given
from kfnb.notebook.marks.mark_table import BadValue, step_name
from kfnb.python_parser import parse

PIPELINE_MAGIC = "%%pipeline"
OPTIONS = {"--description": "TEXT", "--param": "NAME: TYPE = VALUE", "-p": "NAME=VALUE", "--run": ""}


def read_pipeline(arguments: str, line: int, cell: Cell, given: Given) -> PipelineCell | None:
    """The cell as its line describes it; problems go to ``given``, and a line without a name gives ``None``."""
    head, signature, rest = _split(arguments.strip())
    try:
        name = step_name(head)
    except BadValue as error:
        message = f"`%%pipeline {head}`: {error}" if head else "%%pipeline needs the pipeline's name"
        given.problem(error.code if head else "KF206", message, "%%pipeline NAME", line=line)
        return None
    try:
        words = iter(shlex.split(rest, posix=True))
    except ValueError as error:
        given.problem("KF206", f"the %%pipeline line cannot be read: {error}", "close the quotation marks", line=line)
        return PipelineCell(name, cell, signature=signature, line=line)
    found: dict[str, list[str]] = {o: [] for o in OPTIONS}
    for word in words:
        _option(word, words, found, given, line)
    pairs = tuple((n.strip(), v) for n, _, v in (p.partition("=") for p in found["-p"]))
    signature = ", ".join(s for s in (signature, *found["--param"]) if s)
    return PipelineCell(name, cell, (found["--description"] or [""])[-1], signature, pairs, bool(found["--run"]), line)


def _split(text: str) -> tuple[str, str, str]:
    """The name, what stands in parentheses right after it, and the rest of the line."""
    end = next((i for i, c in enumerate(text) if c.isspace() or c == "("), len(text))
    head, rest = text[:end], text[end:].lstrip()
    if not rest.startswith("("):
        return head, "", rest
    for at, sign in enumerate(rest):
        if sign == ")":
            try:
                parse(f"def f{rest[: at + 1]}: pass")
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
            return head, rest[1:at].strip(), rest[at + 1 :]
    return head, rest[1:].rstrip(")"), ""


def _option(word: str, words: Iterator[str], found: dict[str, list[str]], given: Given, line: int) -> None:
    name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
    if name not in OPTIONS:
        near = difflib.get_close_matches(name, OPTIONS, 1)
        hint = f"did you mean `{near[0]}`?" if near else "the options are " + " ".join(OPTIONS)
        given.problem("KF206", f"%%pipeline does not know `{word}`", hint, name=word, line=line)
    elif not OPTIONS[name]:
        found[name].append("on")
    else:
        text = value if equals else next(words, None)
        if text is None:
            given.problem("KF206", f"`{name}` needs a value", f"{name} {OPTIONS[name]}", name=name, line=line)
        else:
            found[name].append(text)
