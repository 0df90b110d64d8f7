"""The files beside a notebook that a step names: in its code, its script, its command, or the value of a parameter that it reads."""

from __future__ import annotations

import ast
import os
import shlex
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from kfnb.images.needs.step_imports import nodes_of, sources_of
from kfnb.pipeline.model import Step
from kfnb.pipeline.references import Constant, ParameterRef

FILE_LIMIT = 64 * 1024  #: bytes of one data file that travels with a step
LONGEST = 200  #: characters of a path
SCHEME = "file://"
WRITES = (">", ">|", "&>", ">&")  #: what stands after these in a script is written, not read
JOINING = ("joinpath", "join")
PATHS = ("Path", "PurePath", "PosixPath")


def named_files(
    step: Step, folder: Path, written: set[str], values: Mapping[str, Any]
) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """The data files in ``folder`` that a step names by a relative path, unless an earlier step writes them.

    Returns the contents of the files that are small enough to travel, and the names of the others.

    Parameters
    ----------
    written
        The paths that earlier steps write.
    values
        The values of the pipeline's parameters.
    """
    small: dict[str, bytes] = {}
    large: list[str] = []
    total = 0
    for text in sorted({*_names(step, values), *step.settings.files}):
        if not _is_candidate(text, written):
            continue
        path, name = folder / text, PurePosixPath(text).as_posix()
        try:
            size = path.stat().st_size if path.is_file() else None
        except (OSError, ValueError):
            continue
        if size is None:
            continue
        total += size
        # A container without kfnb's runtime gets all its files in one argument of its command.
        if size > FILE_LIMIT or (has_own_image(step) and total > FILE_LIMIT):
            large.append(name)
        else:
            small[name] = path.read_bytes()
    return small, tuple(large)


def has_own_image(step: Step) -> bool:
    """Whether a step is a script or command that may run in its image without Python."""
    return step.settings.image is not None and (step.shell or step.command is not None)


def _is_candidate(text: str, written: set[str]) -> bool:
    if not text or len(text) > LONGEST or "\n" in text or "\0" in text:
        return False
    if any(os.path.normpath(text) == f or text.startswith(f"{f}/") for f in written):
        return False
    path = PurePosixPath(text)
    return not path.is_absolute() and ".." not in path.parts


def _names(step: Step, values: Mapping[str, Any]) -> Iterator[str]:
    """The texts that may be paths. An address ``file://…`` with a relative path names that file."""
    given = {
        i.name: values.get(i.ref.name) if isinstance(i.ref, ParameterRef) else i.ref.value
        for i in step.inputs
        if isinstance(i.ref, (ParameterRef, Constant))
    }
    texts = [t for value in given.values() for t in _texts_in(value)]
    if step.shell:
        texts += (w for c in step.cells for w in _words(c.source))
    elif step.command is not None:
        texts += step.command.words
    else:
        texts += _literals(sources_of(step), {n: v for n, v in given.items() if isinstance(v, str)})
    for text in texts:
        yield text
        if text.startswith(SCHEME):
            yield text[len(SCHEME) :]


def _texts_in(value: Any) -> Iterator[str]:
    """The texts in a parameter's value, which may be a list or a dictionary of paths."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts_in(item)


def _words(script: str) -> Iterator[str]:
    """The words of a script that may be files it reads."""
    for line in script.replace("\\\n", " ").split("\n"):
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        lexer.commenters = "#"
        try:
            words = list(lexer)
        except ValueError:  # a quotation over several lines
            words = line.replace('"', " ").replace("'", " ").split()
        before = ""
        for word in words:
            if before not in WRITES:
                yield word
                yield word.rpartition("=")[2]
            before = word


def _literals(sources: Iterable[str], names: dict[str, str]) -> Iterator[str]:
    """The texts in code, and the paths that it joins of texts: ``Path("data") / "rows.csv"``, ``f"{folder}/rows.csv"``."""
    nodes = [node for source in sources for node in _text_nodes(source)]
    for _ in range(2):  # a name may be built of names that a later source binds
        for node in nodes:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                text = _text_of(node.value, names)
                if text is not None:
                    names[node.targets[0].id] = text
    for node in (n for n in nodes if not isinstance(n, ast.Assign)):
        text = _text_of(node, names)
        if text is not None:
            yield text


@lru_cache(maxsize=512)
def _text_nodes(source: str) -> tuple[ast.AST, ...]:
    """The nodes of a source that may be texts, or give names to them."""
    texts = (n for n in nodes_of(source) if not isinstance(n, ast.Constant) or isinstance(n.value, str))
    return tuple(n for n in texts if isinstance(n, (ast.Assign, ast.Constant, ast.BinOp, ast.Call, ast.JoinedStr)))


def _text_of(node: ast.AST, names: Mapping[str, str]) -> str | None:
    """The text or path of an expression, as far as texts and names with one text make it up."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Div, ast.Add)):
        parts = [_text_of(node.left, names), _text_of(node.right, names)]
        return _joined(parts, "/" if isinstance(node.op, ast.Div) else "")
    if isinstance(node, ast.JoinedStr):
        values = [v.value if isinstance(v, ast.FormattedValue) else v for v in node.values]
        return _joined([_text_of(v, names) for v in values], "")
    if isinstance(node, ast.Call) and node.args and not node.keywords:
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        parts = [_text_of(a, names) for a in node.args]
        if called in PATHS or (called == "join" and len(parts) > 1):
            return _joined(parts, "/")
        if called in JOINING and isinstance(node.func, ast.Attribute):
            return _joined([_text_of(node.func.value, names), *parts], "/")
    return None


def _joined(parts: Iterable[str | None], separator: str) -> str | None:
    known = list(parts)
    texts = [p for p in known if p is not None]
    return separator.join(texts) if len(texts) == len(known) else None
