"""Scripts and Markdown with cells, read by jupytext; each cell is found again in the file, for the sake of its lines.

Formats: https://jupytext.readthedocs.io/en/latest/formats-scripts.html
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kfnb.notebook.formats.text_notebooks import COMMENTED, MARKDOWN
from kfnb.problems import NotebookError, Problem

if TYPE_CHECKING:
    from kfnb.notebook.formats.text_notebooks import TextCell

Json = dict[str, Any]

#: What makes a script one with cells: ``# %%``, ``# In[3]:``, jupytext's header and its other marks, Sphinx-Gallery's rules.
MARKER = re.compile(
    r"^#[ \t]*%%(?:[ \t]|$)|^# In\[[0-9 ]*\]:?|^# <codecell>|^# \+(?: |$)|^#[ \t]*region\b|^#[ \t]*\{\{\{|^# ?#{19,}[ \t]*$"
)
HEADER = re.compile(r"\A(?:#![^\n]*\n|# -\*-[^\n]*\n)*# ---\n(?:#[^\n]*\n)*?# jupyter:")
CELL = re.compile(r"^#[ \t]*%%(?:[ \t]|$)")
KERNEL = re.compile(r"^[# \t]*kernelspec:[ \t]*\n(?=([# \t]*[ \t]+)\w+:)(?:\1\w+:[^\n]*\n)+", re.MULTILINE)
PYTHON = re.compile(r"^(`{3,})(?:py|python3|ipython3?)(?=\s|$)", re.MULTILINE)  #: other words for a fence of Python
SHOWN = re.compile(r"^(`{3,})\{\.\w[^\n]*", re.MULTILINE)  #: a fence that Quarto shows and does not run
PROMPT = re.compile(r"^# (?:In\[[0-9 ]*\]:?|<codecell>)")
OPTION = re.compile(r"^#\|[ \t]?(.*)$")  #: of Quarto
FORMATS = {".qmd": "rmarkdown", ".rmd": "rmarkdown"}
ELSEWHERE = (
    "pandoc",
    "quarto",
    "marimo",
    "bare",
)  #: of jupytext's formats, those that run other programs, or have no marks
NO_KEYS = ("jupytext", "lines_to_next_cell", "lines_to_end_of_cell_marker")


def has_cells(text: str) -> bool:
    """Whether a script has anything that begins a cell."""
    lines = text.split("\n")
    return HEADER.match(text) is not None or any(MARKER.match(line) or COMMENTED.match(line) for line in lines)


def read(text: str, path: str) -> tuple[Json, list[TextCell]]:
    """Metadata and cells. Raises `NotebookError` (KF115) where jupytext is not installed."""
    try:
        import jupytext
        from jupytext.formats import guess_format
    except ImportError:
        hint = "pip install jupytext, for the interpreter that kfnb runs with"
        raise NotebookError(
            [Problem("KF115", f"{path} is read by jupytext, which is not installed here", hint)]
        ) from None
    suffix = Path(path).suffix.lower()
    script = suffix not in MARKDOWN
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if script:
            prepared = _with_markers(text)
            extension, name = ".py", guess_format(prepared, ".py")[0]
            name = "percent" if name in ELSEWHERE else name
        else:
            prepared = SHOWN.sub(r"\1", PYTHON.sub(r"\1python", text))
            extension = {".qmd": ".Rmd", ".rmd": ".Rmd"}.get(suffix, suffix)
            name = FORMATS.get(suffix) or guess_format(text, suffix)[0]
            name = "markdown" if name in ELSEWHERE else name
        found = jupytext.reads(
            KERNEL.sub(_with_display_name, prepared, count=1), {"extension": extension, "format_name": name}
        )
    metadata = _plain(found.metadata)
    cells = _placed([_plain(c) for c in found.cells], text.split("\n"), script)
    return _own_metadata(metadata, cells), cells


def _with_markers(text: str) -> str:
    """The script with what jupytext does not know: marks in comments that begin cells, and nbconvert's prose."""
    found: list[str] = []
    above = ""
    for line in text.split("\n"):
        if COMMENTED.match(line) and not CELL.match(above) and not PROMPT.match(above):
            found.append("# %%")
        elif PROMPT.match(line):
            _mark_prose(found)
        found.append(line)
        above = line if line.strip() else above
    return "\n".join(found)


def _with_display_name(found: re.Match[str]) -> str:
    """The front matter's kernel as nbformat insists that it be."""
    return found[0] if "display_name" in found[0] else f"{found[0]}{found[1]}display_name: kernel\n"


def _mark_prose(lines: list[str]) -> None:
    """Comments that stand alone above ``# In[3]:`` are the Markdown cells that nbconvert wrote."""
    at = len(lines)
    while at and (not lines[at - 1].strip() or lines[at - 1].startswith("# ")):
        at -= 1
    while at < len(lines) and not (lines[at].strip() and (at == 0 or not lines[at - 1].strip())):
        at += 1
    if at < len(lines) and not CELL.match(lines[at]):
        lines.insert(at, "# %% [markdown]")


def _plain(value: Any) -> Any:
    """jupytext's and YAML's values as JSON has them."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


# -------------------------------------------------------------------- lines
def _placed(cells: list[Json], lines: list[str], script: bool) -> list[TextCell]:
    """The cells with the line on which each begins: they stand in the file one after the other."""
    from kfnb.notebook.formats.text_notebooks import TextCell

    found: list[TextCell] = []
    at = 0
    for cell in cells:
        source = str(cell.get("source", ""))
        metadata = {k: v for k, v in dict(cell.get("metadata", {})).items() if k not in NO_KEYS}
        place = _find(source.split("\n"), lines, at, cell["cell_type"] == "code") if source.strip() else None
        if place is not None:
            at = place + source.count("\n") + 1
        first = (place if place is not None else at) + 1
        if cell["cell_type"] == "code":
            source, first, metadata = _without_options(source, first, metadata)
        found.append(TextCell(cell["cell_type"], source, first, metadata))
    return found


def _find(source: list[str], lines: list[str], start: int, code: bool) -> int | None:
    """The index of the line where ``source`` stands in the file, at or after ``start``."""
    wanted = [_bare(line) for line in source]
    for exact in (True, False):
        for at in range(start, len(lines) - len(source) + 1):
            if all(
                _same(s, w, lines[at + n], exact and code) for n, (s, w) in enumerate(zip(source, wanted, strict=True))
            ):
                return at
    return None


def _same(source: str, bare: str, line: str, exact: bool) -> bool:
    """Whether a line of a cell is that line of the file; magics and prose stand there in comments."""
    if source.rstrip() == line.rstrip():
        return True
    commented = source.lstrip().startswith(("%", "!", "#", "?")) or source.rstrip().endswith("?")
    return (not exact or commented) and bare == _bare(line)


def _bare(line: str) -> str:
    """Without what makes it a comment."""
    return line.lstrip().lstrip("#").strip()


# -------------------------------------------------------------------- marks
def _without_options(source: str, first: int, metadata: Json) -> tuple[str, int, Json]:
    """A cell without the lines in which Quarto says something of it."""
    lines = source.split("\n")
    options: list[str] = []
    while len(options) < len(lines) and (option := OPTION.match(lines[len(options)])):
        options.append(option[1])
    if options:
        metadata = {**metadata, **_options("\n".join(options))}
        lines, first = lines[len(options) :], first + len(options)
    return "\n".join(lines), first, metadata


def _options(text: str) -> Json:
    """Quarto's options of a cell: its tags, what kfnb's are, and whether it is run at all."""
    import yaml

    try:
        told = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    told = _plain(told) if isinstance(told, dict) else {}
    tags = told.get("tags")
    tags = [tags] if isinstance(tags, str) else tags if isinstance(tags, list) else []
    tags += ["skip"] if told.get("eval") is False else []
    return {**({"tags": tags} if tags else {}), **({"kfnb": told["kfnb"]} if "kfnb" in told else {})}


def _own_metadata(metadata: Json, cells: list[TextCell]) -> Json:
    """The notebook's metadata; what its front matter says outside of ``jupyter:`` counts too."""
    import yaml

    found = {k: v for k, v in metadata.items() if k != "jupytext"}
    head = cells[0].source.strip() if cells and cells[0].kind == "raw" else ""
    if head.startswith("---") and head.endswith("---"):
        try:
            told = yaml.safe_load(head.strip("-"))
        except yaml.YAMLError:
            told = None
        told = _plain(told) if isinstance(told, dict) else {}
        found = {**{k: told[k] for k in ("kfnb", "kernelspec") if k in told}, **found}
    return found
