"""The files of the store are in formats that other programs open, and a value that comes from them is what it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest

from kfnb.runtime.values.pickling import dump
from kfnb.runtime.values.value_store import Store

ARRAYS = {
    "numbers": numpy.arange(20_000.0),
    "more than one piece": numpy.arange(3_000_000.0),
    "by columns": numpy.asfortranarray(numpy.arange(90_000).reshape(300, 300)),
    "the other order of bytes": numpy.arange(20_000).astype(">i4"),
    "halves": numpy.ones((3, 4, 5_000), "f2"),
    "texts": numpy.array(["é", "abc"] * 8_000),
    "bytes": numpy.array([b"a", b"abc"] * 20_000),
    "truth values": numpy.ones(70_000, bool),
    "dates": numpy.arange(20_000).astype("M8[s]"),
    "spans by columns": numpy.asfortranarray(numpy.arange(20_000).reshape(2, -1).astype("m8[D]")),
}


def files(folder: Path) -> Iterator[Path]:
    yield from (p for p in folder.glob("??/*") if p.suffix != ".checked")


def stored(folder: Path, **values: Any) -> tuple[Store, str]:
    store = Store(str(folder))
    head, buffers, _ = dump(values)
    return store, store.put(head, [store.put_buffer(b) for b in buffers])


@pytest.mark.parametrize("name", ARRAYS)
def test_a_large_array_is_a_file_of_numpys_own_format(tmp_path: Path, name: str) -> None:
    array = ARRAYS[name]
    store, address = stored(tmp_path, a=array)
    (opened,) = (numpy.load(p) for p in files(tmp_path) if p.read_bytes()[:6] == b"\x93NUMPY")
    found = Store(str(tmp_path)).load(address, "a")
    for one in (opened, found):
        assert numpy.array_equal(one, array) and one.dtype == array.dtype and one.strides == array.strides
    found[:] = found[::-1].copy()  # its own copy
    assert numpy.array_equal(Store(str(tmp_path)).load(address, "a"), array)


def test_what_numpys_format_cannot_say_is_kept(tmp_path: Path) -> None:
    locked, marked = numpy.arange(20_000.0), numpy.ones(20_000, numpy.dtype("f8", metadata={"unit": "m"}))
    locked.flags.writeable = False
    pair = numpy.zeros(20_000, [("i", "i4"), ("when", "M8[s]")])
    _, address = stored(tmp_path, locked=locked, marked=marked, pair=pair, same=[pair, pair])
    store = Store(str(tmp_path))
    assert not store.load(address, "locked").flags.writeable
    assert store.load(address, "marked").dtype.metadata == {"unit": "m"}
    assert store.load(address, "pair").dtype == pair.dtype
    assert store.load(address, "same")[0] is store.load(address, "same")[1] is store.load(address, "pair")
