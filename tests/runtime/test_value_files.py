"""The files of the store are in formats that other programs open, and a value that comes from them is what it was."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pandas
import pyarrow  # noqa: F401  (pandas reads and writes Parquet by it)
import pytest
from safetensors.numpy import load_file

from kfnb.runtime.pods.handover.url_pack import ending_of
from kfnb.runtime.values import tensor_files
from kfnb.runtime.values.pickling import dump
from kfnb.runtime.values.value_store import Store
from tests.runtime.chain import Chain

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


def test_what_stands_before_the_memory_of_a_tensor_is_that_of_safetensors(tmp_path: Path) -> None:
    array = numpy.arange(30_000, dtype="f4").reshape(100, 300)
    header = tensor_files.header_of("F32", [100, 300], array.nbytes)
    (tmp_path / "a").write_bytes(header + array.tobytes())
    assert numpy.array_equal(load_file(tmp_path / "a")["tensor"], array)
    assert len(header) % 64 == 0 and ending_of(str(tmp_path / "a")) == ".safetensors"


def test_tensors_are_files_that_share_memory_as_before(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    whole = torch.arange(120_000.0).reshape(300, 400)
    values = {"whole": whole, "row": whole[3], "turned": whole.t(), "weight": torch.nn.Parameter(whole)}
    store, address = stored(tmp_path, values=values)
    found = store.load(address, "values")
    for name, value in values.items():
        one = found[name]
        assert torch.equal(one, value) and one.stride() == value.stride() and type(one) is type(value)
        assert one.requires_grad == value.requires_grad
    found["row"].zero_()
    assert not found["whole"][3].any() and not found["turned"][:, 3].any() and not found["weight"][3].any()
    found["whole"].resize_(1000, 1000)  # its memory is its own
    (path,) = (p for p in files(tmp_path) if ending_of(str(p)) == ".safetensors")
    assert numpy.array_equal(load_file(path)["tensor"], whole.numpy())


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


# -------------------------------------------------------------------- formats of other packages
GRIDS = """\
import threading


class Grid:
    def __init__(self, rows):
        self.rows, self.lock = rows, threading.Lock()  # pickle cannot have the lock


class GridFormat:
    suffix = ".grid"

    def write(self, grid, file):
        file.write("\\n".join(",".join(map(str, row)) for row in grid.rows).encode())

    def read(self, file):
        return Grid([[int(cell) for cell in line.split(b",")] for line in file])
"""


@pytest.fixture
def grids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an installed package that registers a format for its type."""
    folder = tmp_path / "site"
    about = folder / "grids-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / "grids.py").write_text(GRIDS)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: grids\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[kfnb.formats]\ngrids.Grid = grids:GridFormat\n")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


def test_a_package_registers_the_format_of_its_type(
    tmp_path: Path, grids: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = Chain(tmp_path)
    made = chain.step(
        "from grids import Grid\ng = Grid([[1, 2], [3, 4]])\nmany = [g, g, Grid([[7] * 50_000])]", outputs="g many"
    )
    assert made.status == 0, made.log
    read = chain.step(
        "print(g.rows, many[0] is many[1] is g, sum(many[2].rows[0]), type(g.lock).__name__)", reads="g many"
    )
    assert read.log.strip() == "[[1, 2], [3, 4]] True 350000 lock"
    assert any(p.read_bytes().startswith(b"7,7,7") for p in files(tmp_path / "store"))
    command = "from kfnb.client.export_value import write_value as w; from pathlib import Path; from grids import Grid; w(Grid([[5]]), Path('a.grid'))"
    subprocess.run([sys.executable, "-c", command], check=True, cwd=tmp_path)
    assert (tmp_path / "a.grid").read_text() == "5"
    monkeypatch.setenv("PYTHONPATH", "")
    assert "no installed package registers the format of `grids.Grid`" in chain.step("g", reads="g").error["message"]


def test_a_format_that_is_installed_after_a_look_ahead_is_found(grids: Path) -> None:
    """As by a step, after the process that forks steps has looked."""
    (grids / "grids-1.0.dist-info").rename(grids.parent / "grids-1.0.dist-info")
    source = (
        "import os, sys\nfrom kfnb.runtime.values.registered_formats import look_ahead, registered_formats\nlook_ahead()\n"
        "os.rename(sys.argv[1], sys.argv[2])\nprint(*registered_formats())"
    )
    places = (str(folder / "grids-1.0.dist-info") for folder in (grids.parent, grids))
    done = subprocess.run([sys.executable, "-c", source, *places], check=True, capture_output=True, text=True)
    assert done.stdout == "grids.Grid\n"


def test_packages_in_a_folder_without_a_time_are_looked_into(grids: Path) -> None:
    """As the folder of packages in an image, whose files have the time zero so that two builds are equal."""
    os.utime(grids, (0, 0))
    source = "from kfnb.runtime.values.registered_formats import registered_formats\nprint(*registered_formats())"
    done = subprocess.run([sys.executable, "-c", source], check=True, capture_output=True, text=True)
    assert done.stdout == "grids.Grid\n"


# -------------------------------------------------------------------- tables
N = 20_000
NOISE = numpy.random.default_rng(0)
AS_PARQUET = {
    "numbers": lambda: pandas.DataFrame({"a": numpy.arange(N), "b": numpy.arange(N) / 3, "c": numpy.arange(N) % 2 == 0}),
    "missing numbers": lambda: pandas.DataFrame({"a": numpy.where(NOISE.random(N) > 0.5, NOISE.random(N), numpy.nan)}),
    "texts": lambda: pandas.DataFrame({"a": ["é", "b"] * N, "n": numpy.arange(2 * N)}),
    "times, with a zone and without": lambda: pandas.DataFrame({"a": pandas.date_range("2020", periods=N, freq="s"), "b": pandas.date_range("2020", periods=N, freq="s", tz="Europe/Rome")}),
    "categories": lambda: pandas.DataFrame({"k": pandas.Categorical(["x", "y"] * N, ["y", "x", "unused"], ordered=True), "n": NOISE.random(2 * N)}),
    "numbers that may be missing": lambda: pandas.DataFrame({"i": pandas.array([1, None] * N, "Int64"), "b": pandas.array([True, None] * N, "boolean"), "n": NOISE.random(2 * N)}),
    "an index": lambda: pandas.DataFrame({"v": numpy.arange(N)}, index=pandas.Index(numpy.arange(N) * 3, name="key")),
    "two indexes": lambda: pandas.DataFrame({"k": [1, 2] * N, "j": range(2 * N), "v": 1.0}).set_index(["k", "j"]),
    "a column that was added": lambda: pandas.DataFrame({"a": numpy.arange(N) / 7}).assign(b=2.0),
    "rows that were chosen": lambda: pandas.DataFrame({"a": numpy.arange(N) / 7, "b": 1})[lambda t: t.a > 3],
}  # fmt: skip
AS_PICKLE = {
    "objects": lambda: pandas.DataFrame({"a": numpy.array([[1], {2}, None, "x"] * N, dtype=object)}),
    "texts and nothing": lambda: pandas.DataFrame({"a": numpy.array(["x", None] * N, dtype=object)}),
    "attributes": lambda: _with_attributes(pandas.DataFrame({"a": numpy.arange(N)})),
    "columns that are no texts": lambda: pandas.DataFrame({0: numpy.arange(N), 1: 1}),
    "columns in two levels": lambda: pandas.DataFrame(numpy.ones((N, 2)), columns=pandas.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
    "an index with a frequency": lambda: pandas.DataFrame({"v": numpy.arange(N)}, index=pandas.date_range("2020", periods=N, freq="D")),
    "one name twice": lambda: pandas.DataFrame(numpy.ones((N, 2)), columns=["a", "a"]),
    "rows beside each other in memory": lambda: pandas.DataFrame(numpy.ones((N, 3)), columns=list("abc")),
    "complex numbers": lambda: pandas.DataFrame({"a": numpy.ones(N, "c16")}),
}  # fmt: skip


def _with_attributes(table: pandas.DataFrame) -> pandas.DataFrame:
    table.attrs["source"] = "x"
    return table


def parquet_files(folder: Path) -> list[Path]:
    return [p for p in files(folder) if p.read_bytes()[:4] == b"PAR1"]


@pytest.mark.parametrize("name", AS_PARQUET)
def test_a_large_table_is_a_parquet_file_that_gives_the_same_table(tmp_path: Path, name: str) -> None:
    table = AS_PARQUET[name]()
    store = Store(str(tmp_path))
    head, buffers, _ = dump({"t": table, "same": [table]}, tables=True)
    address = store.put(head, [store.put_buffer(b) for b in buffers])
    (file,) = parquet_files(tmp_path)
    pandas.testing.assert_frame_equal(pandas.read_parquet(file), table)
    found = Store(str(tmp_path))
    back = found.load(address, "t")
    pandas.testing.assert_frame_equal(back, table, check_freq=True)
    assert found.load(address, "same")[0] is back
    column = back.columns[0]
    back.iloc[0, 0] = back[column].iloc[1]  # its own copy, which may be changed


@pytest.mark.parametrize("name", AS_PICKLE)
def test_a_table_that_parquet_would_change_is_pickled(tmp_path: Path, name: str) -> None:
    table = AS_PICKLE[name]()
    store = Store(str(tmp_path))
    head, buffers, _ = dump({"t": table}, tables=True)
    address = store.put(head, [store.put_buffer(b) for b in buffers])
    assert parquet_files(tmp_path) == []
    back = Store(str(tmp_path)).load(address, "t")
    pandas.testing.assert_frame_equal(back, table, check_freq=True)
    assert back.attrs == table.attrs and back.to_numpy().flags.c_contiguous == table.to_numpy().flags.c_contiguous
