"""Writes what a step displayed as one HTML page."""

from __future__ import annotations

import os

from kfnb.runtime.light_json import loads

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

HEAD = (
    '<!doctype html><meta charset="utf-8"><style>body{font:14px system-ui,sans-serif;margin:1em;color-scheme:light dark}'
    "img,svg{max-width:100%}table{border-collapse:collapse}td,th{padding:.2em .6em;border-bottom:1px solid #8884}</style>"
)


def write_page(folder: str, step: str, path: str) -> None:
    """Write the page of the displays in the step's ``display.jsonl``."""
    displays = []
    source = os.path.join(folder, "display.jsonl")
    if os.path.exists(source):
        with open(source, encoding="utf-8") as file:
            displays = [_html(data) for data in (loads(line)["data"] for line in file) if data]
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as page:
        page.write("%s<title>%s</title>" % (HEAD, _escaped(step)))
        page.write("".join("<div>%s</div>" % s for s in displays) or "<p>This step displayed nothing.</p>")


def _html(data: dict[str, Any]) -> str:
    """The richest form that a browser shows. Scripts are left out, since they do not run in the page's frame."""
    if "text/html" in data:
        return str(data["text/html"])
    for mime in ("image/png", "image/jpeg"):
        if mime in data:
            return '<img src="data:%s;base64,%s" alt="">' % (mime, data[mime])
    if "image/svg+xml" in data:
        return str(data["image/svg+xml"])
    return "<pre>%s</pre>" % _escaped(str(data.get("text/plain", "")))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
