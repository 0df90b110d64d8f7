"""Parsing of the ``%%pipeline NAME(signature) --option …`` line."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from kfnb.notebook.marks.cell_marks import CellMarks
from kfnb.notebook.parsed_notebook import Cell, PipelineCell
from kfnb.setting_marks.value_parsers import BadValue, step_name
from kfnb.thread_safe_parser import parse
from kfnb.wording import did_you_mean

PIPELINE_MAGIC = "%%pipeline"
OPTIONS = {"--description": "TEXT", "--param": "NAME: TYPE = VALUE", "-p": "NAME=VALUE", "--run": ""}


def read_pipeline(arguments: str, line: int, cell: Cell, marks: CellMarks) -> PipelineCell | None:
    """The pipeline cell that the line describes; ``None`` if the line has no name. Problems are added to ``marks``."""
    head, signature, rest = _split(arguments.strip())
    try:
        name = step_name(head)
    except BadValue as error:
        message = f"`%%pipeline {head}`: {error}" if head else "`%%pipeline` needs the name of the pipeline"
        marks.report(error.code if head else "KF206", message, "write `%%pipeline NAME`", line=line)
        return None
    try:
        words = iter(shlex.split(rest, posix=True))
    except ValueError as error:
        marks.report("KF206", f"the `%%pipeline` line cannot be read: {error}", "close the quotation marks", line=line)
        return PipelineCell(name, cell, signature=signature, line=line)
    values: dict[str, list[str]] = {o: [] for o in OPTIONS}
    for word in words:
        _option(word, words, values, marks, line)
    pairs = tuple((n.strip(), v) for n, _, v in (p.partition("=") for p in values["-p"]))
    signature = ", ".join(s for s in (signature, *values["--param"]) if s)
    return PipelineCell(
        name, cell, (values["--description"] or [""])[-1], signature, pairs, bool(values["--run"]), line
    )


def _split(text: str) -> tuple[str, str, str]:
    """The name, the text in parentheses right after it, and the rest of the line."""
    end = next((i for i, c in enumerate(text) if c.isspace() or c == "("), len(text))
    head, rest = text[:end], text[end:].lstrip()
    if not rest.startswith("("):
        return head, "", rest
    for index, character in enumerate(rest):
        if character == ")":
            try:
                parse(f"def f{rest[: index + 1]}: pass")
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
            return head, rest[1:index].strip(), rest[index + 1 :]
    return head, rest[1:].rstrip(")"), ""


def _option(word: str, words: Iterator[str], values: dict[str, list[str]], marks: CellMarks, line: int) -> None:
    name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
    if name not in OPTIONS:
        hint = did_you_mean(name, OPTIONS, "the options are " + " ".join(OPTIONS))
        marks.report("KF206", f"`%%pipeline` has no option `{word}`", hint, name=word, line=line)
    elif not OPTIONS[name]:
        values[name].append("on")
    else:
        text = value if equals else next(words, None)
        if text is None:
            marks.report("KF206", f"`{name}` needs a value", f"write `{name} {OPTIONS[name]}`", name=name, line=line)
        else:
            values[name].append(text)
