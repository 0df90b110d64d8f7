"""Checks whether all values that results name are there, and words what to do about one that is missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kfnb.runtime.values.value_store import Store, is_address


def addresses_of(result: dict[str, Any]) -> Iterator[str]:
    """The bundles that a step's result names. What a damaged record has in place of an address names none."""
    for kind in ("outputs", "results"):
        for entry in (result.get(kind) or {}).values():
            address = entry.get("bundle") if isinstance(entry, dict) else None
            if isinstance(address, str) and is_address(address):
                yield address


def maker_of(results: dict[str, dict[str, Any]], address: str) -> str | None:
    """The path of the step in ``results`` that stored a bundle."""
    return next((path for path, result in results.items() if address in addresses_of(result)), None)


def again_words(run_id: str, path: str | None) -> str:
    """What to do about a value that is damaged or gone."""
    if path is None:
        return "; run the step again that made it"
    return f"; run its step again: kfnb retry {run_id} --from {path.partition('[')[0]}"


class Values:
    """The store of values in ``folder``, as the scheduler asks it."""

    def __init__(self, folder: str) -> None:
        self._store = Store(folder)

    def has_all(self, result: dict[str, Any]) -> bool:
        """Whether all values of a step can still be read. For large buffers, only their existence is checked."""
        return all(self._store.has(address) for address in set(addresses_of(result)))
