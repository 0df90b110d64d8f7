"""Reads which runs the user wants to keep: ``[record]`` in ``kfnb.toml`` of the user's own configuration folder.

::

    [record]
    keep = 50          # of every notebook's pipeline the newest runs
    older = "30d"      # and none that ended longer ago
    log = "100MB"      # of what one attempt of a step prints
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kfnb.problems import UserError
from kfnb.toml_text import read_toml

LOG_LIMIT = 100_000_000  #: bytes of a log, where nothing else is said
AGES = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
SIZES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9}


class BadRetention(UserError, Exception):
    """The configuration of the record cannot be read; the text says where and what to write."""


@dataclass(frozen=True)
class Retention:
    """The limits on the runs that the record keeps.

    Parameters
    ----------
    keep
        How many of the newest runs of every pipeline of every notebook; ``None``: all.
    older
        Seconds since its end after which a run goes; ``None``: never.
    log
        Bytes of what one attempt prints.
    """

    keep: int | None = None
    older: float | None = None
    log: int = LOG_LIMIT

    @property
    def limits(self) -> bool:
        """Whether runs are ever removed automatically."""
        return self.keep is not None or self.older is not None


def retention() -> Retention:
    """Read the settings of the user. Raises `BadRetention`."""
    path = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "kfnb" / "kfnb.toml"
    try:
        record = read_toml(path.read_text("utf-8")).get("record", {})
    except FileNotFoundError:
        return Retention()
    except (OSError, ValueError) as error:
        raise BadRetention(f"{path} cannot be read: {error}") from None
    if not isinstance(record, dict):
        raise BadRetention(f"{path}: `record` should be a table: [record]")
    for name in record:
        if name not in ("keep", "older", "log"):
            raise BadRetention(f"{path}: [record] has no `{name}`; there are keep, older and log")
    try:
        return Retention(_count(record.get("keep")), _age(record.get("older")), _size(record.get("log")))
    except ValueError as error:
        raise BadRetention(f"{path}: [record]: {error}") from None


def _count(value: Any) -> int | None:
    if value is None or type(value) is int and value >= 0:
        return value
    raise ValueError(f"`keep` is a number of runs, not {value!r}")


def _age(value: Any) -> float | None:
    return None if value is None else age(str(value))


def _size(value: Any) -> int:
    found = re.fullmatch(r"(\d+)\s*([kmg]?b?)", str(LOG_LIMIT if value is None else value).lower())
    if found is None or found[2] in ("k", "m", "g"):
        raise ValueError(f'`log` is a size such as "100MB", not {value!r}')
    return int(found[1]) * SIZES[found[2]]


def age(text: str) -> float:
    """Seconds of a text such as ``30d``, ``12h`` or ``2w``. Raises `ValueError`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhdw])", text.strip().lower())
    if found is None:
        raise ValueError(f"an age is a number and one of {', '.join(AGES)}, such as 30d; not {text!r}")
    return float(found[1]) * AGES[found[2]]
