"""Large tables of pandas as files of the format Parquet, where what comes back is proved to be the same table.

A table that Parquet does not keep as it is (objects among its values, attributes, another layout in memory, which numbers may depend on
in their last digits) is pickled instead.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

SMALLEST = 64 * 1024  #: bytes; smaller tables are in the head of their bundle
INSTALLED = "kfnb-packages-"  #: in the path of a package that a step has installed for itself


def are_shared(readers: str) -> bool:
    """Whether all steps can read Parquet, and this one can write it.

    Parameters
    ----------
    readers
        ``all`` where each step has or installs `pyarrow`, ``image`` where all have one image; else empty.
    """
    library: Any = sys.modules.get("pyarrow")
    if library is None or not readers:
        return False
    return readers == "all" or INSTALLED not in (library.__file__ or INSTALLED)


def is_table(kind: type) -> bool:
    """Whether a type is the `DataFrame` of pandas, and no subclass of it."""
    return kind.__name__ == "DataFrame" and kind.__module__ in ("pandas", "pandas.core.frame")


def reduction_of(value: Any) -> Any:
    """How `pickle` makes a table again from its file. ``NotImplemented`` for a table that Parquet would change."""
    try:
        if value.attrs or not value.flags.allows_duplicate_labels or value.memory_usage(deep=False).sum() < SMALLEST:
            return NotImplemented
        if not all(_is_kept(value.iloc[:, n]) for n in range(value.shape[1])):
            return NotImplemented
        file = _written(value)
        if not _are_same(value, read_table(file)):
            return NotImplemented
    except Exception:  # whatever a library refuses: the table is pickled, and that says what is wrong with it
        return NotImplemented
    from _pickle import PickleBuffer

    return (read_table, (PickleBuffer(file),))


def read_table(file: Any) -> Any:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(pyarrow.py_buffer(file)).to_pandas()
    for number, kind in enumerate(table.dtypes):
        if hasattr(kind, "categories"):  # `pyarrow` lends their codes, which could not be changed
            table.isetitem(number, table.iloc[:, number].array.copy())
    return table


def _is_kept(column: Any) -> bool:
    """Whether a column has no objects but texts: Parquet has no other objects, and one kind of missing value."""
    if column.dtype != object:
        return True
    from pandas.api.types import infer_dtype

    return bool(infer_dtype(column, skipna=False) == "string")


def _written(value: Any) -> Any:
    """The file, mapped, so that a large one takes no memory. It has no name, and ends with what maps it."""
    import mmap
    from tempfile import TemporaryFile

    import pyarrow
    import pyarrow.parquet

    table = pyarrow.Table.from_pandas(value)
    texts = [f.name for f in table.schema if not pyarrow.types.is_primitive(f.type)]
    with TemporaryFile() as file:
        pyarrow.parquet.write_table(table, file, compression="snappy", use_dictionary=texts)
        file.flush()
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _are_same(one: Any, other: Any) -> bool:
    if not (_is_same_index(one.index, other.index) and _is_same_index(one.columns, other.columns)):
        return False
    pairs = list(zip(one.dtypes, other.dtypes))
    if any(a != b or type(a) is not type(b) or not _are_same_categories(a, b) for a, b in pairs):
        return False
    return bool(one.equals(other)) and _layout(one) == _layout(other) and _has_plain_layout(one)


def _is_same_index(one: Any, other: Any) -> bool:
    same = type(one) is type(other) and one.identical(other) and one.dtype == other.dtype
    return bool(same and getattr(one, "freq", None) == getattr(other, "freq", None))


def _are_same_categories(one: Any, other: Any) -> bool:
    categories = getattr(one, "categories", None)
    return categories is None or bool(_is_same_index(categories, other.categories) and one.ordered == other.ordered)


def _blocks(table: Any) -> list[Any]:
    return [b.values for b in table._mgr.blocks if type(b.values).__name__ == "ndarray"]


def _has_plain_layout(table: Any) -> bool:
    return all(values.flags.c_contiguous for values in _blocks(table))


def _layout(table: Any) -> list[Any]:
    """What numbers that are computed from a table may depend on, besides its values."""
    return sorted({(str(v.dtype), v.flags.c_contiguous, v.flags.writeable) for v in _blocks(table)})
