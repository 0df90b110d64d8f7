"""Notebooks for tests, written as a person would see them: `notebook(markdown("# A"), cell("x = 1", "step:a"))`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def cell(source: str, *tags: str, id: str | None = None, metadata: Json | None = None) -> Json:
    """A code cell with tags."""
    data = {**({"tags": list(tags)} if tags else {}), **(metadata or {})}
    return {"cell_type": "code", "id": id, "metadata": data, "source": source, "outputs": [], "execution_count": None}


def markdown(source: str) -> Json:
    return {"cell_type": "markdown", "id": None, "metadata": {}, "source": source}


def notebook(*cells: Json, metadata: Json | None = None) -> Json:
    """An nbformat 4.5 notebook; cells without an id get one from their place."""
    numbered = [{**c, "id": c["id"] or f"c{n}"} for n, c in enumerate(cells, 1)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {**kernel, **(metadata or {})}, "cells": numbered}


def write(folder: Path, data: Json, name: str = "notebook.ipynb") -> Path:
    path = folder / name
    path.write_text(json.dumps(data), encoding="utf-8")
    return path
