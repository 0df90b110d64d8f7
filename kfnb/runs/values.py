"""The values that results name: whether they are all there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kfnb.runtime.store import Store


def addresses_of(result: dict[str, Any]) -> Iterator[str]:
    """The bundles that a step's result names."""
    for kind in ("outputs", "results"):
        for entry in (result.get(kind) or {}).values():
            if isinstance(entry, dict) and isinstance(entry.get("bundle"), str):
                yield entry["bundle"]


class Values:
    """The store of values in ``folder``, as the scheduler asks it."""

    def __init__(self, folder: str) -> None:
        self._store = Store(folder)

    def has_all(self, result: dict[str, Any]) -> bool:
        """Whether everything that a step left can still be read; of large buffers, whether they are there."""
        return all(self._store.has(address) for address in set(addresses_of(result)))
