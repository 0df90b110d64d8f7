"""Reads rows of the record: their JSON and their types. A row that nobody could have written so is damage."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from types import NoneType
from typing import Any

from kfnb.runs.record.private_record_files import DamagedRecord
from kfnb.states import SYMBOLS


class RowReader:
    """Reads rows of one database. Every method raises `DamagedRecord`; ``where`` names the entry in its message."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def value(self, text: str, where: str) -> Any:
        """The value of a JSON text."""
        try:
            return json.loads(text)
        except (TypeError, ValueError) as error:
            raise DamagedRecord(self._path, f"the entry `{where}` is not JSON ({error})") from None

    def object(self, text: str, where: str) -> dict[str, Any]:
        """The JSON object of a text."""
        found = self.value(text, where)
        if not isinstance(found, dict):
            raise DamagedRecord(self._path, f"the entry `{where}` is no JSON object")
        return found

    def error(self, text: str | None, where: str) -> dict[str, Any] | None:
        """The error of a run or a step; ``None`` when there is none."""
        return self.object(text, where) if text else None

    def check(self, row: sqlite3.Row, where: str, numbers: tuple[str, ...]) -> None:
        """Check that the columns ``numbers`` hold numbers or nothing, and that the state is a state."""
        for name in numbers:
            if not isinstance(row[name], (int, float, NoneType)):
                raise DamagedRecord(self._path, f"in the entry `{where}`, `{name}` is {row[name]!r}, not a number")
        if row["state"] not in SYMBOLS:
            raise DamagedRecord(self._path, f"in the entry `{where}`, the state is {row['state']!r}")
