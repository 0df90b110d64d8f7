"""The reader of scripts and Markdown files with cells. jupytext reads the cells; this module finds the line of each in the file.

Formats: https://jupytext.readthedocs.io/en/latest/formats-scripts.html
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

from kfnb.notebook.formats.text_cells import COMMENTED_MARK, MARKDOWN, Json, TextCell
from kfnb.problems import NotebookError, Problem

#: Lines that begin a cell in a script: ``# %%``, ``# In[3]:``, jupytext's other markers, Sphinx-Gallery's rules.
MARKER = re.compile(
    r"^#[ \t]*%%(?:[ \t]|$)|^# In\[[0-9 ]*\]:?|^# <codecell>|^# \+(?: |$)|^#[ \t]*region\b|^#[ \t]*\{\{\{|^# ?#{19,}[ \t]*$"
)
HEADER = re.compile(r"\A(?:#![^\n]*\n|# -\*-[^\n]*\n)*# ---\n(?:#[^\n]*\n)*?# jupyter:")
CELL = re.compile(r"^#[ \t]*%%(?:[ \t]|$)")
KERNEL = re.compile(r"^[# \t]*kernelspec:[ \t]*\n(?=([# \t]*[ \t]+)\w+:)(?:\1\w+:[^\n]*\n)+", re.MULTILINE)
PYTHON = re.compile(r"^(`{3,})(?:py|python3|ipython3?)(?=\s|$)", re.MULTILINE)  #: other names of Python after a fence
DISPLAYED = re.compile(r"^(`{3,})\{\.\w[^\n]*", re.MULTILINE)  #: a code block that Quarto displays but does not run
PROMPT = re.compile(r"^# (?:In\[[0-9 ]*\]:?|<codecell>)")
OPTION = re.compile(r"^#\|[ \t]?(.*)$")  #: a cell option of Quarto
#: A line with the tags of a cell: a cell marker, a fence, or an option of MyST.
TAGS = re.compile(r"^(?:#[ \t]*(?:%%|\+|region\b|\{\{\{)|`{3,}|:tags:|tags:).*", re.MULTILINE)
QUOTED = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'")
#: nbformat, with which jupytext checks each cell, allows no comma in a tag. A private character replaces it meanwhile.
COMMA = "\uf7fe"
FORMATS = {".qmd": "rmarkdown", ".rmd": "rmarkdown"}
#: The formats of jupytext that run other programs or have no markers.
UNUSED_FORMATS = ("pandoc", "quarto", "marimo", "bare")
JUPYTEXT_KEYS = ("jupytext", "lines_to_next_cell", "lines_to_end_of_cell_marker")


def has_cells(text: str) -> bool:
    """Whether a script contains a line that begins a cell."""
    lines = text.split("\n")
    return HEADER.match(text) is not None or any(MARKER.match(line) or COMMENTED_MARK.match(line) for line in lines)


def read(text: str, path: str) -> tuple[Json, list[TextCell]]:
    """The metadata and the cells of a file.

    Raises
    ------
    NotebookError
        KF115 when jupytext is not installed.
    """
    try:
        import jupytext
        from jupytext.formats import guess_format
    except ImportError:
        hint = "install it for the interpreter that runs kfnb: pip install jupytext"
        raise NotebookError(
            [
                Problem(
                    "KF115",
                    f"{path} cannot be read: kfnb needs jupytext for this format, and it is not installed",
                    hint,
                )
            ]
        ) from None
    suffix = Path(path).suffix.lower()
    script = suffix not in MARKDOWN
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if script:
            prepared = _with_markers(text)
            extension, name = ".py", guess_format(prepared, ".py")[0]
            name = "percent" if name in UNUSED_FORMATS else name
        else:
            prepared = DISPLAYED.sub(r"\1", PYTHON.sub(r"\1python", text))
            extension = {".qmd": ".Rmd", ".rmd": ".Rmd"}.get(suffix, suffix)
            name = FORMATS.get(suffix) or guess_format(text, suffix)[0]
            name = "markdown" if name in UNUSED_FORMATS else name
        prepared = KERNEL.sub(_with_display_name, prepared, count=1)
        notebook = jupytext.reads(_without_tag_commas(prepared), {"extension": extension, "format_name": name})
    metadata = _to_json(notebook.metadata)
    cells = _with_lines([_to_json(c) for c in notebook.cells], text.split("\n"), script)
    return _notebook_metadata(metadata, cells), cells


def _with_markers(text: str) -> str:
    """The script with a ``# %%`` line where jupytext does not see a cell: at marks in comments, and at nbconvert's Markdown."""
    prepared: list[str] = []
    above = ""
    for line in text.split("\n"):
        if COMMENTED_MARK.match(line) and not CELL.match(above) and not PROMPT.match(above):
            prepared.append("# %%")
        elif PROMPT.match(line):
            _mark_markdown(prepared)
        prepared.append(line)
        above = line if line.strip() else above
    return "\n".join(prepared)


def _without_tag_commas(text: str) -> str:
    """The text with `COMMA` for each comma inside a quoted tag, such as ``"foreach:x in [1, 2]"``. `_to_json` reverts it."""
    return TAGS.sub(lambda line: QUOTED.sub(lambda tag: tag[0].replace(",", COMMA), line[0]), text)


def _with_display_name(match: re.Match[str]) -> str:
    """The kernel of the front matter with a display name, which nbformat requires."""
    return match[0] if "display_name" in match[0] else f"{match[0]}{match[1]}display_name: kernel\n"


def _mark_markdown(lines: list[str]) -> None:
    """Mark the comment block above ``# In[3]:`` as a Markdown cell, which nbconvert wrote without a marker."""
    index = len(lines)
    while index and (not lines[index - 1].strip() or lines[index - 1].startswith("# ")):
        index -= 1
    while index < len(lines) and not (lines[index].strip() and (index == 0 or not lines[index - 1].strip())):
        index += 1
    if index < len(lines) and not CELL.match(lines[index]):
        lines.insert(index, "# %% [markdown]")


def _to_json(value: Any) -> Any:
    """A value of jupytext or YAML as JSON data, with the commas of tags."""
    if isinstance(value, str):
        return value.replace(COMMA, ",")
    if isinstance(value, dict):
        return {str(k): _to_json(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_json(v) for v in value]
    return value if isinstance(value, (int, float, bool, type(None))) else str(value)


# -------------------------------------------------------------------- lines
def _with_lines(cells: list[Json], lines: list[str], script: bool) -> list[TextCell]:
    """The cells with the line on which each begins. They occur in the file in this order."""
    placed: list[TextCell] = []
    next_index = 0
    for cell in cells:
        source = str(cell.get("source", ""))
        metadata = {k: v for k, v in dict(cell.get("metadata", {})).items() if k not in JUPYTEXT_KEYS}
        index = _find(source.split("\n"), lines, next_index, cell["cell_type"] == "code") if source.strip() else None
        if index is not None:
            next_index = index + source.count("\n") + 1
        first = (index if index is not None else next_index) + 1
        if cell["cell_type"] == "code":
            source, first, metadata = _without_options(source, first, metadata)
        placed.append(TextCell(cell["cell_type"], source, first, metadata))
    return placed


def _find(source: list[str], lines: list[str], start: int, code: bool) -> int | None:
    """The index of the line at or after ``start`` on which ``source`` begins."""
    uncommented = [_uncommented(line) for line in source]
    for exact in (True, False):
        for index in range(start, len(lines) - len(source) + 1):
            if all(
                _same(s, u, lines[index + n], exact and code)
                for n, (s, u) in enumerate(zip(source, uncommented, strict=True))
            ):
                return index
    return None


def _same(source: str, uncommented: str, line: str, exact: bool) -> bool:
    """Whether a line of a cell is this line of the file, in which magics and Markdown are comments."""
    if source.rstrip() == line.rstrip():
        return True
    commented = source.lstrip().startswith(("%", "!", "#", "?")) or source.rstrip().endswith("?")
    return (not exact or commented) and uncommented == _uncommented(line)


def _uncommented(line: str) -> str:
    """The line without the signs of a comment."""
    return line.lstrip().lstrip("#").strip()


# -------------------------------------------------------------------- marks
def _without_options(source: str, first: int, metadata: Json) -> tuple[str, int, Json]:
    """The source of a cell without Quarto's option lines, its first line, and the metadata with the options."""
    lines = source.split("\n")
    options: list[str] = []
    while len(options) < len(lines) and (option := OPTION.match(lines[len(options)])):
        options.append(option[1])
    if options:
        metadata = {**metadata, **_options("\n".join(options))}
        lines, first = lines[len(options) :], first + len(options)
    return "\n".join(lines), first, metadata


def _options(text: str) -> Json:
    """The metadata from the options of Quarto: ``tags``, ``kfnb``, and the tag ``skip`` for ``eval: false``."""
    import yaml

    try:
        options = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    options = _to_json(options) if isinstance(options, dict) else {}
    tags = options.get("tags")
    tags = [tags] if isinstance(tags, str) else tags if isinstance(tags, list) else []
    tags += ["skip"] if options.get("eval") is False else []
    return {**({"tags": tags} if tags else {}), **({"kfnb": options["kfnb"]} if "kfnb" in options else {})}


def _notebook_metadata(metadata: Json, cells: list[TextCell]) -> Json:
    """The metadata of the notebook, with the keys ``kfnb`` and ``kernelspec`` of the front matter outside of ``jupyter:``."""
    import yaml

    known = {k: v for k, v in metadata.items() if k != "jupytext"}
    head = cells[0].source.strip() if cells and cells[0].kind == "raw" else ""
    if head.startswith("---") and head.endswith("---"):
        try:
            front_matter = yaml.safe_load(head.strip("-"))
        except yaml.YAMLError:
            front_matter = None
        front_matter = _to_json(front_matter) if isinstance(front_matter, dict) else {}
        known = {**{k: front_matter[k] for k in ("kfnb", "kernelspec") if k in front_matter}, **known}
    return known
