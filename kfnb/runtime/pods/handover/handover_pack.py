"""The pack: one file with a step's state, exports and bundles, for later steps that do not share its store."""

from __future__ import annotations

import os

from kfnb.runtime.light_json import dumps, loads
from kfnb.runtime.pods.handover.light_zip import LightZip, write_zip
from kfnb.runtime.values.value_store import MAGIC, Store

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

HEAD, RUNTIME = "step.json", "runtime.json"


class Pack:
    """A pack that an earlier step wrote."""

    def __init__(self, path: str) -> None:
        self._zip = LightZip(path)
        self.head: dict[str, Any] = loads(self._zip.read(HEAD).decode("utf-8"))
        self._names = set(self._zip.names())

    def fetch(self, address: str, folder: str) -> None:
        """Put a bundle and its buffers into the store in ``folder``."""
        store = Store(folder)
        for part in (address, *self._extract(address, store)):
            self._extract(part, store)

    def _extract(self, address: str, store: Store) -> list[str]:
        """Write one value to the store, and return the buffers that it refers to when it is a bundle."""
        path = store.path(address)
        if address not in self._names:
            return []
        if not os.path.exists(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self._zip.copy(address, path + ".new")
            os.replace(path + ".new", path)
        return buffers_of(path)


def buffers_of(path: str) -> list[str]:
    """The addresses of the buffers of the bundle in ``path``; empty when the file is a buffer itself."""
    with open(path, "rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            return []
        return file.readline().decode().split()


def write_pack(path: str, head: dict[str, Any], folder: str, runtime: str = "", bundles: Any = None) -> None:
    """Write a pack with ``head`` and the bundles of its ``outputs``, from the store in ``folder``.

    Parameters
    ----------
    runtime
        The sources of the runtime, for later steps that have no other copy.
    bundles
        The addresses of the bundles, when others than those of the outputs are in the pack. The ``parts`` of the head are not in it.
    """
    store, entries = Store(folder), {}  # type: tuple[Store, dict[str, Any]]
    if runtime:
        entries[RUNTIME] = runtime.encode()  # the first: a step that has no runtime yet looks for it there
    entries[HEAD] = dumps(head).encode()
    elsewhere = head.get("parts", {})
    for address in [e["bundle"] for e in head.get("outputs", {}).values()] if bundles is None else bundles:
        parts = (address, *buffers_of(store.path(address)))
        entries.update((part, store.path(part)) for part in parts if part not in elsewhere)
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    write_zip(path, list(entries.items()))
