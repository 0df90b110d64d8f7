"""The reader of Databricks source files: ``# COMMAND ----------`` separates cells, ``# MAGIC`` precedes other languages.

Format: https://docs.databricks.com/aws/en/notebooks/notebook-export-import
"""

from __future__ import annotations

import re
from typing import Any

from kfnb.notebook.formats.text_cells import TextCell

HEAD = "# Databricks notebook source"
END = re.compile(r"# COMMAND -{6,}\s*")
MAGIC = re.compile(r"# MAGIC ?")
TITLE = re.compile(r"# DBTITLE \d+,\s*(.*)")
LANGUAGES = {"sql": "sql", "scala": "scala", "r": "R", "sh": "bash"}  #: Databricks' magic, and our cell magic


def read(text: str, path: str) -> tuple[dict[str, Any], list[TextCell]]:
    """The metadata, which is empty, and the cells of a file."""
    cells: list[TextCell] = []
    lines: list[str] = []
    first = 1
    for number, line in enumerate([*text.split("\n"), "# COMMAND ----------"], 1):
        if END.fullmatch(line) or line.strip() == HEAD:
            cells += _cell(lines, first)
            lines, first = [], number + 1
        else:
            lines.append(line)
    return {}, cells


def _cell(lines: list[str], first: int) -> list[TextCell]:
    metadata: dict[str, Any] = {}
    while lines and (not lines[0].strip() or TITLE.match(lines[0])):
        title = TITLE.match(lines[0])
        metadata.update({"title": title[1]} if title else {})
        lines, first = lines[1:], first + 1
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    if not lines:
        return []
    if not all(MAGIC.match(line) for line in lines):
        return [TextCell("code", "\n".join(MAGIC.sub("", line) for line in lines), first, metadata)]
    lines = [MAGIC.sub("", line) for line in lines]
    word, _, rest = lines[0].strip().partition(" ")
    if word in ("%md", "%md-sandbox"):
        return [TextCell("markdown", "\n".join([rest, *lines[1:]]).strip("\n"), first)]
    language = LANGUAGES.get(word.lstrip("%"))
    if language is not None and word.startswith("%"):
        below = [rest, *lines[1:]] if rest else lines[1:]
        return [TextCell("code", "\n".join([f"%%{language}", *below]), first - bool(rest), metadata)]
    if word == "%python":
        return [TextCell("code", "\n".join(lines[1:]), first + 1, metadata)]
    return [TextCell("code", "\n".join(lines), first, metadata)]
