"""Large arrays as files of numpy's own format: anyone can open them, and a step maps them without a copy.

The head of a bundle has the type and the shape of an array as well, so that what numpy's format cannot say is not lost.
"""

from __future__ import annotations

from _pickle import PickleBuffer

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

SMALLEST = 64 * 1024  #: bytes; smaller arrays are in the head of their bundle
KINDS = "biufcSUmM"  #: kinds of numpy's types: all that have one size and hold no objects, but structures
ALIGNED = 64  #: bytes; the data begin at a multiple of it (`numpy.lib.format`, `ARRAY_ALIGN`)


def fits(value: Any) -> bool:
    """Whether an array of numpy becomes a file."""
    kind = type(value)
    if kind.__module__ != "numpy" or value.nbytes < SMALLEST:
        return False
    type_of_items = value.dtype
    flags = value.flags
    whole = flags.c_contiguous or flags.f_contiguous
    return bool(whole and type_of_items.kind in KINDS and type_of_items.metadata is None)


def header_of(value: Any) -> bytes:
    """What stands before the data in a file of version 1.0 of the format `NPY`."""
    text = "{'descr': %r, 'fortran_order': %r, 'shape': %r, }" % (value.dtype.str, _is_fortran(value), value.shape)
    text += " " * (-(10 + len(text) + 1) % ALIGNED) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode("latin-1")


def content_of(value: Any) -> PickleBuffer:
    """The data of an array. Python's protocol for buffers has no dates, so they pass as numbers."""
    return PickleBuffer(value.view("i8") if value.dtype.kind in "mM" else value)


def reduction_of(value: Any, content: PickleBuffer, offset: int) -> Any:
    """How `pickle` makes the array again from its file, in which the data begin at ``offset``."""
    return (make_array, (content, offset, value.shape, value.dtype, "F" if _is_fortran(value) else "C"))


def make_array(file: Any, offset: int, shape: Any, dtype: Any, order: Any) -> Any:
    import numpy

    return numpy.ndarray(shape, dtype, file, offset, None, order)


def _is_fortran(value: Any) -> bool:
    return bool(value.flags.f_contiguous and not value.flags.c_contiguous)
