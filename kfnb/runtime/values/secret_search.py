"""Finds the values of secrets in what a step is about to store. Of a large buffer, a piece at a time is looked at."""

from __future__ import annotations

import re

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Iterator

    from kfnb.runtime.secret_mask import SecretMask

PIECE = 4 * 1024 * 1024  #: bytes
ROWS = 16 * 1024  #: of a table that are decoded together
PARQUET = b"PAR1"  #: the first bytes of such a file
NUMBERS = re.compile(rb"'descr': '.(?:[bfcmM]|[iu][248])")  #: in the header of an array that holds no text


def holds_secret(mask: SecretMask, head: bytes, buffers: list[Any]) -> bool:
    """Whether a secret is in a value: in any form in its small part, and as it is in its large buffers."""
    return mask.holds(head) or any(
        mask.stands_in(p) for b in buffers for part in _texts(b) for p in _pieces(part, mask)
    )


def _texts(buffer: Any) -> Iterator[Any]:
    """What may be text in a large buffer: nothing of an array of numbers, and of a table its compressed texts too."""
    if NUMBERS.search(getattr(buffer, "header", b"")):
        return
    raw = buffer.raw()
    yield raw
    if raw[:4] == PARQUET:
        yield from _columns(raw)


def _columns(file: Any) -> Iterator[Any]:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.parquet.ParquetFile(pyarrow.py_buffer(file))
    names = [f.name for f in table.schema_arrow if not pyarrow.types.is_primitive(f.type)]
    for batch in table.iter_batches(ROWS, columns=names) if names else ():
        for column in batch.columns:
            for array in (column, getattr(column, "dictionary", column)):
                yield from (memoryview(b) for b in array.buffers() if b is not None)


def _pieces(data: Any, mask: SecretMask) -> Iterator[bytes]:
    """The data in pieces that overlap, so that a value on a border is in one of them."""
    view = memoryview(data).cast("B")
    for start in range(0, view.nbytes, PIECE):
        yield bytes(view[start : start + PIECE + mask.longest_plain])
