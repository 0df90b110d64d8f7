"""Displays the values of cells: text on standard output, rich forms in a file as nbformat's mime bundles."""

from __future__ import annotations

import os
import sys

from kfnb.runtime.light_json import dumps, loads

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Callable

    from kfnb.runtime.cells.mime_formatters import DisplayFormatter
    from kfnb.runtime.step_failures import Failure

PLAIN = "text/plain"
ERROR = "application/vnd.jupyter.error"
LARGEST = 40_000_000  #: characters of one display that are kept


class Displays:
    """Shows values for the cell that runs.

    Parameters
    ----------
    folder
        Where the step keeps its rich displays.
    cell
        The number of the cell that runs.
    report
        Prints an error that does not end the step, such as that of a value that cannot be displayed.
    """

    def __init__(
        self, folder: str, cell: Callable[[], int], report: Callable[[BaseException], None], mask: Any = None
    ) -> None:
        self._folder, self._cell, self._report, self._mask = folder, cell, report, mask
        self._formatter: DisplayFormatter | None = None
        self._clears = False  #: the next display removes those that the cell has displayed before
        self._captured: list[list[dict[str, Any]]] = []  #: the displays of each `%%capture` around the current code

    @property
    def formatter(self) -> DisplayFormatter:
        if self._formatter is None:
            from kfnb.runtime.cells.mime_formatters import DisplayFormatter

            self._formatter = DisplayFormatter(self._report)
        return self._formatter

    def display(
        self,
        *values: Any,
        include: Any = None,
        exclude: Any = None,
        metadata: Any = None,
        transient: Any = None,
        display_id: Any = None,
        raw: bool = False,
        clear: bool = False,
        **more: Any,
    ) -> Any:
        """IPython's ``display``: display values. With a ``display_id`` it returns a handle that can update the display."""
        if clear:
            self.clear(wait=True)
        name = os.urandom(8).hex() if display_id is True else display_id
        for value in values:
            data, value_metadata = (value, {}) if raw else self.formatter.format(value, include, exclude)
            if data:
                value_metadata = {**value_metadata, **(metadata or {})}
                self.publish(data, value_metadata, display_id=name, update=bool(more.get("update")))
        return DisplayHandle(name, self) if name is not None else None

    def publish(
        self, data: dict[str, Any], metadata: dict[str, Any] | None = None, display_id: Any = None, update: bool = False
    ) -> None:
        """Display the given forms of a value, or let them replace those that were displayed under the same id."""
        data = {mime: _as_text(form) for mime, form in data.items()}
        if self._captured:
            self._captured[-1].append({"data": data, "metadata": metadata or {}})
            return
        if update:  # it stands where its display stands: nothing comes into the log a second time
            self._record(data, metadata, display_id, update)
            return
        if self._clears:
            self.clear()
        text = data.get(PLAIN)
        if text is not None:
            # not to a replaced `sys.stdout`: displays of a kernel do not go there either
            print(text, file=sys.__stdout__ or sys.stdout)
        if display_id is not None or data.keys() - {PLAIN}:
            self._record(data, metadata, display_id, update)

    def clear(self, wait: bool = False) -> None:
        """Remove what the current cell has displayed, at once or before its next display. Its text in the log is noted."""
        self._clears = wait
        if not wait:
            cell = self._cell()
            self._change(lambda r: _cleared(r) if r["cell"] == cell else r)

    def keep_error(self, failure: Failure) -> None:
        """Keep the error of a cell that may raise. Its text was printed already."""
        error = {"ename": failure.type, "evalue": failure.message, "traceback": failure.text.split("\n")}
        self._record({ERROR: error, PLAIN: failure.text}, None, None, False)

    # ---------------------------------------------------------------- capturing
    def begin_capture(self) -> list[dict[str, Any]]:
        """Return a list that receives everything displayed from here on."""
        self._captured.append([])
        return self._captured[-1]

    def end_capture(self) -> None:
        self._captured.pop()

    # ---------------------------------------------------------------- the record
    def _record(self, data: dict[str, Any], metadata: Any, display_id: Any, update: bool) -> None:
        """Append one display to the step's file, or replace those with the same id."""
        plain = {k: v for k, v in data.items() if not isinstance(v, str) or len(v) <= LARGEST}
        if self._mask is not None:
            plain, metadata = self._mask.parts(plain), self._mask.parts(metadata)
        row: dict[str, Any] = {"cell": self._cell(), "data": plain, "metadata": metadata or {}}
        if display_id is not None:
            row["id"] = str(display_id)
        try:
            line = dumps(row)
        except TypeError:
            texts = {k: v for k, v in plain.items() if isinstance(v, str)}
            row = {**row, "data": texts, "metadata": {}}
            line = dumps(row)
        if update:
            self._change(lambda r: {**row, "cell": r["cell"], "text": _printed(r)} if r.get("id") == row["id"] else r)
            return
        with open(_private(self._path, os.O_APPEND), "a", encoding="utf-8") as file:
            file.write(line + "\n")

    @property
    def _path(self) -> str:
        return os.path.join(self._folder, "display.jsonl")

    def _change(self, changed: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Change rows of the step's file."""
        path = self._path
        if not os.path.exists(path):
            return
        with open(path, encoding="utf-8") as file:
            rows = [loads(line) for line in file]
        new = [changed(r) for r in rows]
        if all(a is b for a, b in zip(new, rows)):
            return
        with open(_private(path + ".new", os.O_TRUNC), "w", encoding="utf-8") as file:
            file.write("".join(dumps(r) + "\n" for r in new))
        os.replace(path + ".new", path)

    # ---------------------------------------------------------------- figures
    def close_figures(self) -> None:
        """Show and close what pyplot holds, as a notebook's inline backend does: at ``plt.show()`` and a cell's end."""
        managers = sys.modules["matplotlib._pylab_helpers"].Gcf.get_all_fig_managers()
        try:
            for manager in managers:
                self.display(manager.canvas.figure)
        finally:
            if managers:
                sys.modules["matplotlib.pyplot"].close("all")


class DisplayHandle:
    """What ``display(…, display_id=…)`` gives."""

    def __init__(self, display_id: Any, displays: Displays) -> None:
        self.display_id, self._displays = display_id, displays

    def display(self, obj: Any, **options: Any) -> None:
        self._displays.display(obj, display_id=self.display_id, **options)

    def update(self, obj: Any, **options: Any) -> None:
        self._displays.display(obj, display_id=self.display_id, update=True, **options)

    def __repr__(self) -> str:
        return "<DisplayHandle display_id=%s>" % self.display_id

    def __reduce__(self) -> Any:
        return (str, (repr(self),))


def _printed(row: dict[str, Any]) -> str:
    """What the log has of a display."""
    return str(row.get("text", row["data"].get(PLAIN, "")))


def _cleared(row: dict[str, Any]) -> dict[str, Any]:
    return {"cell": row["cell"], "data": {}, "metadata": {}, "text": _printed(row)}


def _as_text(form: Any) -> Any:
    if not isinstance(form, bytes):
        return form
    import base64

    return base64.b64encode(form).decode("ascii")


def _private(path: str, flag: int) -> int:
    """Open a file that only its owner may read."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | flag, 0o600)
