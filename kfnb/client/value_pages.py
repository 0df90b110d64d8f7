"""A value in the form in which a browser shows it: a table by pages, a picture, HTML, a tree, a text."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

from kfnb.runtime.values.value_previews import type_name

CELLS = 2_000  #: of one page of a table, about
FEWEST, MOST = 10, 100  #: rows of a page
MOST_COLUMNS = 500
LONGEST_CELL, LONGEST_TEXT = 200, 200_000  #: characters
LARGEST = 4_000_000  #: characters of a picture, of HTML or of a tree
COUNTED_ROWS = 1_000_000  #: in longer tables different values are not counted

Json = dict[str, Any]


def page_of(value: Any, start: int = 0) -> Json:
    """The value as JSON: its ``type``, its ``kind``, and what the kind has.

    ``table``: ``columns`` (name, type, statistics), ``rows`` with the row's name first, ``start``, ``count`` and ``total``;
    ``image``: ``data`` in base64 and its MIME type; ``html``: ``text``; ``json``: ``value``; ``text``: ``text``.
    """
    form = _table(value, start) or _picture(value) or _tree(value) or _html(value) or _text(value)
    return {"type": type_name(value), **form}


# ---------------------------------------------------------------- tables
def _table(value: Any, start: int) -> Json | None:
    frame = _frame(value)
    if frame is None:
        return None
    total, width = frame.shape
    shown = frame.iloc[:, :MOST_COLUMNS]
    count = max(FEWEST, min(MOST, CELLS // max(1, shown.shape[1])))
    start = max(0, min(start, total - 1))
    part = shown.iloc[start : start + count]
    rows = [
        [_cell(name), *map(_cell, row)]
        for name, row in zip(part.index, part.itertuples(index=False, name=None), strict=True)
    ]
    columns = [_column(shown.columns[n], shown.iloc[:, n]) for n in range(shown.shape[1])]
    return {
        "kind": "table", "columns": columns, "rows": rows, "start": start, "count": len(rows), "total": total, "width": width,
    }  # fmt: skip


def _frame(value: Any) -> Any:
    """The value as a table of pandas, where it is one or like one."""
    module, name = type(value).__module__.partition(".")[0], type(value).__name__
    if module == "pandas":
        return value if name == "DataFrame" else value.to_frame() if name == "Series" else None
    if (module, name) in (("polars", "DataFrame"), ("pyarrow", "Table")):
        return value.to_pandas()
    if (module, name) == ("numpy", "ndarray") and value.ndim in (1, 2) and value.size:
        import pandas

        return pandas.DataFrame(value)
    return None


def _column(name: Any, column: Any) -> Json:
    found: Json = {"name": str(name), "type": str(column.dtype), "missing": int(column.isna().sum())}
    try:
        if len(column) <= COUNTED_ROWS:
            found["different"] = int(column.nunique())
        if column.dtype.kind in "iuf":
            found.update({"least": _cell(column.min()), "mean": _cell(column.mean()), "greatest": _cell(column.max())})
    except (TypeError, ValueError):
        pass  # its values cannot be compared
    return found


def _cell(value: Any) -> Any:
    if hasattr(value, "item") and type(value).__module__ == "numpy":
        value = value.item()
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = str(value)
    return text if len(text) <= LONGEST_CELL else text[:LONGEST_CELL] + "…"


# ---------------------------------------------------------------- pictures, trees, texts
def _picture(value: Any) -> Json | None:
    if isinstance(value, type):
        return None
    data = None
    if type(value).__module__.startswith("matplotlib.") and hasattr(value, "savefig"):
        file = io.BytesIO()
        value.savefig(file, format="png", bbox_inches="tight")
        data = file.getvalue()
    elif type(value).__module__.startswith("PIL."):
        data = value._repr_png_()
    if not data or len(data) > LARGEST:
        return None
    return {"kind": "image", "mime": "image/png", "data": base64.b64encode(data).decode("ascii")}


def _tree(value: Any) -> Json | None:
    if type(value) not in (dict, list):
        return None
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return None
    return {"kind": "json", "value": value} if len(text) <= LARGEST else None


def _html(value: Any) -> Json | None:
    method = getattr(type(value), "_repr_html_", None)
    text = None if method is None or isinstance(value, type) else value._repr_html_()
    return {"kind": "html", "text": text} if isinstance(text, str) and len(text) <= LARGEST else None


def _text(value: Any) -> Json:
    if isinstance(value, str):
        text = value
    elif type(value).__module__.partition(".")[0] in ("keras", "tensorflow") and hasattr(value, "summary"):
        lines: list[str] = []
        value.summary(print_fn=lambda line, **_: lines.append(line))
        text = "\n".join(lines)
    else:
        text = repr(value)
    return {"kind": "text", "text": text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…"}
