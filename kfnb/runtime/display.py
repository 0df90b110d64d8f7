"""What a cell shows: text on standard output, rich forms beside it as nbformat's mime bundles."""

from __future__ import annotations

import os
import sys

from kfnb.runtime.wire import dumps

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

METHODS = (
    ("text/html", "_repr_html_"),
    ("text/markdown", "_repr_markdown_"),
    ("image/svg+xml", "_repr_svg_"),
    ("image/png", "_repr_png_"),
    ("image/jpeg", "_repr_jpeg_"),
    ("text/latex", "_repr_latex_"),
    ("application/json", "_repr_json_"),
    ("application/javascript", "_repr_javascript_"),
)
LARGEST = 20_000_000  #: characters of one display that are kept


def display(value: Any, folder: str, cell: int, options: dict[str, Any] | None = None) -> None:
    """Show one value: its text form on standard output, its rich forms in ``display.jsonl``."""
    if _is_figure(value):
        _figure(value, folder, cell)
        return
    data = value if options and options.get("raw") and isinstance(value, dict) else bundle(value)
    text = data.get("text/plain")
    if text is None or not data.keys() - {"text/plain"}:
        print(text if text is not None else repr(value))
    else:
        print(text)
        keep(folder, cell, data)


def bundle(value: Any) -> dict[str, Any]:
    """The mime bundle of a value, with ``text/plain`` always."""
    data: dict[str, Any] = {}
    own = getattr(type(value), "_repr_mimebundle_", None)
    if own is not None:
        made = _quietly(lambda: value._repr_mimebundle_(include=None, exclude=None))
        if isinstance(made, tuple):
            made = made[0]
        if isinstance(made, dict):
            data.update(made)
    for mime, method in METHODS:
        if mime not in data and getattr(type(value), method, None) is not None:
            made = _quietly(getattr(value, method))
            if isinstance(made, tuple):
                made = made[0]
            if isinstance(made, bytes):
                import base64

                made = base64.b64encode(made).decode("ascii")
            if made is not None:
                data[mime] = made
    data.setdefault("text/plain", pretty(value))
    return data


def pretty(value: Any) -> str:
    """The text that a notebook would show; wide containers are broken over lines."""
    text = repr(value)
    if len(text) > 79 and isinstance(value, (dict, list, tuple, set)) and len(text) < 100_000:
        import pprint

        return pprint.pformat(value, width=79, sort_dicts=False)
    return text


def keep(folder: str, cell: int, data: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
    """Append one display to the step's record."""
    plain = {k: v for k, v in data.items() if not isinstance(v, str) or len(v) <= LARGEST}
    try:
        line = dumps({"cell": cell, "data": plain, "metadata": metadata or {}})
    except TypeError:
        line = dumps({"cell": cell, "data": {k: v for k, v in plain.items() if isinstance(v, str)}, "metadata": {}})
    path = os.path.join(folder, "display.jsonl")
    with open(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a", encoding="utf-8") as file:
        file.write(line + "\n")


def _quietly(method: Any) -> Any:
    """A rich form that fails is left out, as in IPython; the text form remains."""
    try:
        return method()
    except Exception as error:
        sys.stderr.write("%s while making a rich display: %s\n" % (type(error).__name__, error))
        return None


# -------------------------------------------------------------------- figures
def _is_figure(value: Any) -> bool:
    module = sys.modules.get("matplotlib.figure")
    return module is not None and isinstance(value, module.Figure)


def _figure(figure: Any, folder: str, cell: int) -> None:
    import base64
    import io

    file = io.BytesIO()
    figure.savefig(file, format="png", bbox_inches="tight")
    width, height = (int(v * figure.dpi) for v in figure.get_size_inches())
    count = len(figure.axes)
    text = "<Figure size %dx%d with %d Axes>" % (width, height, count)
    print(text)
    keep(folder, cell, {"text/plain": text, "image/png": base64.b64encode(file.getvalue()).decode("ascii")})


def close_figures(folder: str, cell: int) -> None:
    """Show and close what pyplot holds at a cell's end, as a notebook's inline backend does."""
    pyplot = sys.modules["matplotlib.pyplot"]
    for number in pyplot.get_fignums():
        figure = pyplot.figure(number)
        if figure.axes:
            _figure(figure, folder, cell)
    pyplot.close("all")
