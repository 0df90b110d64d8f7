"""A pack in a value store at a URL: a small file with the state of a step and its small values, and a file for each large value.

Below the place of the step there is ``PACK``, and ``STEP/NAME.npy``, ``STEP/NAME.parquet`` and so on for what is large: anyone can open
these. The pack says which part of which bundle each of them is, and a part is verified by its address when it is read.
"""

from __future__ import annotations

import os

from kfnb.runtime.pods.handover.handover_pack import Pack, buffers_of, write_pack
from kfnb.runtime.step_failures import Failure
from kfnb.runtime.values.value_store import MAGIC, Damaged, Store, digest, is_whole

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

LARGE = 1 << 20  #: bytes; smaller parts of values are in the pack
#: The ends of file names, by what stands where in the content.
ENDINGS = (
    (0, b"\x93NUMPY", ".npy"),
    (0, b"PAR1", ".parquet"),
    (0, MAGIC, ".bundle"),
    (5, b'\0\0\0{"tensor"', ".safetensors"),
)


class UrlPack(Pack):
    """A pack, on this machine, whose large parts are in a store. They are fetched when a value needs them.

    Parameters
    ----------
    files
        The store: a `UrlClient`, or the files of the store themselves.
    """

    def __init__(self, files: Any, path: str) -> None:
        super().__init__(path)
        self._files = files

    def _extract(self, address: str, store: Store) -> list[str]:
        part = self.head.get("parts", {}).get(address)
        path = store.path(address)
        if part is None or os.path.exists(path):
            return super()._extract(address, store)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        name = "%s/%s" % (self.head["place"], part)
        try:
            self._files.get(name, path + ".new")
        except FileNotFoundError:
            raise Damaged("a part of a value is gone from the value store: there is no %s" % name, address) from None
        os.replace(path + ".new", path)
        if not _is_whole(path, address):
            os.remove(path)
            raise Damaged("a part of a value is damaged in the value store (%s)" % name, address)
        return buffers_of(path)


def fetched_pack(files: Any, place: str, path: str) -> UrlPack:
    """Fetch the pack at a place in the store, such as ``RUN/TASK/POD/pack``, to ``path``, and open it. Raises `Failure`."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        files.get(place, path)
    except FileNotFoundError:
        message = "what an earlier step handed on is gone from the value store: there is no %s" % place
        raise Failure("load", "DamagedValue", message + "; run the step again that made it") from None
    return UrlPack(files, path)


def _is_whole(path: str, address: str) -> bool:
    """Whether a file has the content of its address. It is mapped, so that a large one takes no memory."""
    import mmap

    if not os.path.getsize(path):
        return digest(b"") == address
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        with memoryview(view) as whole:
            # the address of a bundle is that of its bytes, however many they are
            return digest(whole) == address if whole[: len(MAGIC)] == MAGIC else is_whole(path, address, whole)


def send_pack(
    files: Any,
    where: tuple[str, str],
    path: str,
    head: dict[str, Any],
    entries: dict[str, Any],
    store: str,
    runtime: str,
) -> None:
    """Write the pack of a step to the value store, with the bundles of ``entries``. Raises `Failure`.

    Parameters
    ----------
    where
        The place of the step in the store, and the step's name.
    path
        A file on this machine for the pack. Its name is the name of the pack in the store.
    entries
        The values that are stored, by name: what later steps need, and what only the user may want to look at.
    runtime
        The sources of the runtime that go into the pack, if later steps look for them there.
    """
    place, step = where
    parts = _large_parts(step, entries, Store(store))
    bundles = [e["bundle"] for e in entries.values() if "bundle" in e]
    write_pack(path, dict(head, place=place, parts=parts), store, runtime, bundles)
    try:
        for address, name in parts.items():
            files.put(Store(store).path(address), "%s/%s" % (place, name))
        files.put(path, "%s/%s" % (place, os.path.basename(path)))  # the last: who finds it finds all its parts
    finally:
        files.close()


def _large_parts(step: str, entries: dict[str, Any], store: Store) -> dict[str, str]:
    """The names of the files for the large parts of bundles, by the address of the part."""
    from urllib.parse import quote

    found: dict[str, str] = {}
    for name, entry in entries.items():
        if "bundle" not in entry:
            continue
        address = entry["bundle"]
        parts = [*buffers_of(store.path(address)), address]
        large = [a for a in parts if os.path.getsize(store.path(a)) >= LARGE]
        for number, address in enumerate(large, 1):
            text = quote(name, safe="@") + ("-%d" % number if len(large) > 1 else "")
            found.setdefault(address, "%s/%s%s" % (quote(step, safe=""), text, ending_of(store.path(address))))
    return found


def ending_of(path: str) -> str:
    """The end of the name that a stored file has for people, by its content."""
    with open(path, "rb") as file:
        start = file.read(32)
    return next((ending for place, begin, ending in ENDINGS if start.startswith(begin, place)), ".bin")
