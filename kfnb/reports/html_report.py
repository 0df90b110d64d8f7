"""Writes the report as one HTML page through nbconvert. The page loads nothing and runs no code."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kfnb.address_grammar import defer_address_grammar
from kfnb.pipeline.drawing.graph_svg import draw_run
from kfnb.pipeline.model import Pipeline
from kfnb.reports.safe_html import cleaned, needs_more, with_pictures
from kfnb.runs.attempt_displays import PLAIN, RECORD
from kfnb.surrogates import encoded

TEMPLATES = Path(__file__).parent / "template"
FOLD = 40  #: lines of text; a longer output is folded
LINES_SHOWN = 12  #: lines at the end of a folded output that stay visible
ORDER = ("text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", PLAIN)

Json = dict[str, Any]


def page(notebook: Json, pipeline: Pipeline, states: Mapping[str, str]) -> str:
    """The page of an executed notebook (see `kfnb.reports.executed_notebook.executed`)."""
    defer_address_grammar()
    from nbconvert.exporters import HTMLExporter, TemplateExporter
    from nbconvert.filters import Highlight2HTML
    from nbformat import from_dict

    record = notebook["metadata"][RECORD]
    cells = [_ready(c) for c in notebook["cells"] if c["metadata"].get(RECORD, {}).get("kind") is None]
    node = from_dict({**notebook, "cells": cells})
    exporter = HTMLExporter(
        template_name="kfnb", extra_template_basedirs=[str(TEMPLATES)], exclude_input_prompt=True, exclude_output_prompt=True,
        exclude_anchor_links=True,
    )  # fmt: skip
    steps = {s["name"]: {**s, "anchor": f"step-{n}"} for n, s in enumerate(record["steps"], 1)}
    folder = Path(pipeline.notebook).parent if pipeline.notebook else None
    exporter.register_filter("cleaned", lambda html: cleaned(with_pictures(html, folder)))
    exporter.register_filter("folded", folded)
    exporter.register_filter("address", address)
    resources = {
        "metadata": {"name": f"{record['pipeline']}: {record['state']}"}, "kfnb": record, "steps": steps,
        "graph": draw_run(pipeline, states), "style": (TEMPLATES / "kfnb" / "report.css").read_text("utf-8"),
    }  # fmt: skip
    exporter.register_filter("highlight_code", Highlight2HTML(pygments_lexer="ipython3", parent=exporter))
    exporter.register_filter("filter_data_type", lambda data: list(data))
    # HTMLExporter's own would read the whole page once more, only to add what the template has already
    html, _ = TemplateExporter.from_notebook_node(exporter, node, resources)
    return str(html)


# ---------------------------------------------------------------- outputs
def _ready(cell: Json) -> Json:
    """The cell, with each output reduced to the one form that the page shows."""
    if cell["cell_type"] != "code":
        return cell
    return {**cell, "outputs": [_chosen(o) if "data" in o else o for o in cell["outputs"]]}


def _chosen(output: Json) -> Json:
    """The display in its best form that is safe, needs no script and is not too large."""
    data = output["data"]
    if RECORD in output["metadata"]:
        return {**output, "data": {"text/html": data["text/html"]}}
    for kind in ORDER:
        if kind in data and not (kind == "text/html" and needs_more(data[kind])):
            found = {kind: data[kind]}
            break
    else:
        found = {PLAIN: f"a display that a page cannot show: {', '.join(sorted(data))}"}
    is_removed = "text/html" in data and "text/html" not in found and PLAIN in found
    description = str(data.get(PLAIN) or "a picture")[:200]
    return {**output, "data": found, "metadata": {"as_text": is_removed, "told": description}}


def folded(text: str) -> tuple[str, str, int]:
    """The folded beginning of a text, its visible end, and the number of folded lines. A short text is not folded."""
    lines = text.rstrip("\n").split("\n")
    if len(lines) <= FOLD:
        return "", "\n".join(lines), 0
    return "\n".join(lines[:-LINES_SHOWN]), "\n".join(lines[-LINES_SHOWN:]), len(lines) - LINES_SHOWN


def address(svg: str) -> str:
    """A picture as an address that has it whole: inside one, scripts do not run."""
    return f"data:image/svg+xml;base64,{base64.b64encode(encoded(svg)).decode('ascii')}"
