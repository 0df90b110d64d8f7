"""Keeps ``Out``, ``_`` and ``In``: the displayed values and the texts of cells, by the cells' numbers."""

from __future__ import annotations

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any


class History:
    """The output history of a step, for code that reads it.

    Values of earlier steps arrive as ``_1``, ``_2`` and so on, and as ``_``.
    """

    def __init__(self, names: dict[str, Any], sources: dict[int, str]) -> None:
        self._names, self._sources, self._cell = names, sources, 0
        self._last: list[Any] = [names.get("_", ""), "", ""]
        self.out = {int(n[1:]): v for n, v in names.items() if n[:1] == "_" and n[1:].isdecimal()}
        self.texts: list[str] = [""]
        names.update({"Out": self.out, "_oh": self.out, "In": self.texts, "_ih": self.texts})
        for name, value in zip(("_", "__", "___"), self._last):
            names.setdefault(name, value)

    def enter(self, cell: int) -> None:
        """Begin a cell."""
        before = [self._sources.get(n, "").strip("\n") for n in range(cell - 1, max(cell - 4, 0), -1)]
        self._names.update(zip(("_i", "_ii", "_iii"), [*before, "", "", ""]))
        self._cell = cell
        while len(self.texts) <= cell:
            self.texts.append(self._sources.get(len(self.texts), "").strip("\n"))
        self._names["_i%d" % cell] = self.texts[cell]

    def add_output(self, value: Any) -> None:
        """Add a displayed value of the current cell. Names that the notebook binds itself are left alone."""
        if value is self.out:
            return
        names = ("_", "__", "___")
        if all(self._names.get(n, v) is v for n, v in zip(names, self._last)):
            self._last = [value, *self._last[:2]]
            self._names.update(zip(names, self._last))
        self.out[self._cell] = self._names["_%d" % self._cell] = value


class ExecutionResult:
    """The result of `get_ipython().run_cell`."""

    result: Any = None
    error_in_exec: BaseException | None = None
    error_before_exec: BaseException | None = None

    @property
    def success(self) -> bool:
        return self.error_in_exec is None

    def raise_error(self) -> None:
        if self.error_in_exec is not None:
            raise self.error_in_exec
