"""Pickles values with protocol 5. Classes and functions of the notebook are pickled by value."""

from __future__ import annotations

import io
import sys
from _pickle import Pickler
from types import FunctionType, ModuleType

from kfnb.runtime.values import (
    array_files,
    class_pickling,
    enum_pickling,
    function_pickling,
    instance_pickling,
    registered_formats,
    table_files,
    tensor_files,
)
from kfnb.runtime.values.library_reducers import BY_NAME, BY_TYPE, Refused, reduce_exception, reduce_module, reduce_type

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Callable

STACK, FRAME = 1 << 30, 2048  #: bytes of address space for a deep value, and of one level of it at most
OUT_OF_BAND = array_files.SMALLEST  #: bytes; smaller buffers stay in the head


class FileBuffer:
    """A large buffer and the bytes that come before it in its file."""

    def __init__(self, view: Any, header: bytes) -> None:
        self.raw, self.header = view.raw, header


class ValuePickler(Pickler):
    """A pickler that gives large buffers to ``keep`` instead of writing them.

    ``owners`` are the ids of arrays that several names are views of, and of classes that are outputs themselves. With ``tables``,
    large tables become files of their own.
    """

    def __init__(
        self, file: Any, store_buffer: Callable[[Any], None], owners: frozenset[int] = frozenset(), tables: bool = False
    ) -> None:
        def buffer(view: Any) -> bool:
            header = self._headers.pop(id(view), b"")
            if view.raw().nbytes < OUT_OF_BAND:
                return True
            store_buffer(FileBuffer(view, header) if header else view)
            return False

        super().__init__(file, protocol=5, buffer_callback=buffer)
        self.owners = owners
        self._headers: dict[int, bytes] = {}
        self._tensors: dict[int, bytes] = {}  #: by the id of a tensor's memory, the header of its file
        self._tables = tables
        self._registered = bool(registered_formats.registered_formats())
        self._delicate: dict[int, bool] = {}
        self.widget = getattr(sys.modules.get("ipywidgets.widgets.widget"), "Widget", None)

    def reducer_override(self, value: Any) -> Any:
        # The user's classes may define odd equality, truth and hashes: this method uses only `is` and types.
        kind = type(value)
        meta: Any = type(kind)
        if kind is FunctionType:
            return function_pickling.reduce_function(value) if function_pickling.by_value(value) else NotImplemented
        if self._registered and (name := registered_formats.format_of(kind)):
            return registered_formats.reduction_of(value, name)
        if issubclass(kind, type):
            is_output = id(value) in self.owners
            return (
                class_pickling.reduce_class(value, is_output) if class_pickling.by_value(value) else reduce_type(value)
            )
        if self.widget is not None and issubclass(kind, self.widget):
            raise Refused(value, "a widget belongs to its kernel, which shows it")
        if enum_pickling.is_member(value) and class_pickling.by_value(kind):
            return enum_pickling.reduce_member(value)
        if issubclass(kind, BaseException) and class_pickling.by_value(kind):
            return reduce_exception(value)
        if self._is_delicate(kind):
            return instance_pickling.reduce_instance(value)
        if meta.__hash__ is not type.__hash__:
            return value.__reduce_ex__(5)  # `pickle` would look its type up by its hash
        if issubclass(kind, ModuleType):
            return reduce_module(value)
        special = BY_TYPE.get(kind)
        if special is not None:
            return special(value)
        by_name = BY_NAME.get(kind.__name__)
        if by_name is not None and by_name[0] == kind.__module__:
            return by_name[1](value)
        if tensor_files.is_part(kind):
            return self._reduce_tensor(kind.__name__, value)
        if kind.__name__ == "ndarray" and self.owners:
            root = root_of(value)
            if id(root) in self.owners and value is not root:
                return _reduce_view(value)
        if self._tables and table_files.is_table(kind):
            return table_files.reduction_of(value)
        if kind.__name__ == "ndarray" and array_files.fits(value):
            header, content = array_files.header_of(value), array_files.content_of(value)
            self._headers[id(content)] = header
            return array_files.reduction_of(value, content, len(header))
        return NotImplemented

    def _reduce_tensor(self, kind: str, value: Any) -> Any:
        """A tensor as PyTorch has it, a typed view of its memory, or the memory itself, which is a file when it is large."""
        try:
            if kind == "Tensor" and value.device.type == "cpu":
                self._tensors.update([tensor_files.described(value)])
            elif kind == "TypedStorage":
                return tensor_files.typed_reduction_of(value)
            elif kind == "UntypedStorage" and value.device.type == "cpu":
                size = value.nbytes()
                header = self._tensors.get(id(value)) or tensor_files.header_of("U8", [size], size)
                content = tensor_files.content_of(value)
                self._headers[id(content)] = header
                return (tensor_files.make_memory, (content, len(header) if size >= OUT_OF_BAND else 0))
        except (
            AttributeError,
            RuntimeError,
            NotImplementedError,
        ):  # an old PyTorch, one without numpy, or a tensor without memory
            return NotImplemented
        return NotImplemented

    def _is_delicate(self, kind: type) -> bool:
        found = self._delicate.get(id(kind))
        if found is None:
            found = self._delicate[id(kind)] = class_pickling.by_value(kind) and instance_pickling.is_delicate(kind)
        return found


def dump(
    values: dict[str, Any], owners: frozenset[int] = frozenset(), tables: bool = False
) -> tuple[bytes, list[Any], Any]:
    """The head and the large buffers of a bundle, and the pickler, whose memo has every object inside."""

    def write() -> tuple[bytes, list[Any], Any]:
        file, buffers = io.BytesIO(), []  # type: tuple[io.BytesIO, list[Any]]
        pickler = ValuePickler(file, buffers.append, owners, tables)
        pickler.dump(values)
        return file.getvalue(), buffers, pickler

    try:
        return write()
    except RecursionError:
        if sys.version_info >= (3, 12):
            raise  # this Python has a fixed limit for recursion in C code
        return _on_a_large_stack(write)  # type: ignore[no-any-return]


def _on_a_large_stack(work: Any) -> Any:
    """Call ``work`` in a thread whose stack has room for a chain of some hundred thousand objects."""
    import _thread
    from contextvars import copy_context

    found: dict[str, Any] = {}
    done = _thread.allocate_lock()
    done.acquire()

    def run() -> None:
        try:
            found["value"] = work()
        except BaseException as error:
            found["error"] = error
        finally:
            done.release()

    limit, size = sys.getrecursionlimit(), _thread.stack_size(STACK)
    try:
        sys.setrecursionlimit(max(limit, STACK // FRAME))
        _thread.start_new_thread(copy_context().run, (run,))
        done.acquire()
    except RuntimeError:
        raise RecursionError from None  # there is not enough memory for such a thread
    finally:
        sys.setrecursionlimit(limit)
        _thread.stack_size(size)
    if "error" in found:
        raise found["error"]
    return found["value"]


# -------------------------------------------------------------------- numpy views
def root_of(array: Any) -> Any:
    """The array that owns the memory of ``array``."""
    while type(array).__name__ == "ndarray" and type(array.base).__name__ == "ndarray":
        array = array.base
    return array


def _reduce_view(array: Any) -> Any:
    root = root_of(array)
    offset = array.__array_interface__["data"][0] - root.__array_interface__["data"][0]
    if array.dtype.hasobject or offset < 0 or not (root.flags.c_contiguous or root.flags.f_contiguous):
        return NotImplemented
    return (make_view, (root, array.shape, array.dtype, offset, array.strides, array.flags.writeable))


def make_view(root: Any, shape: Any, dtype: Any, offset: int, strides: Any, writeable: bool) -> Any:
    import numpy

    view = numpy.ndarray(shape, dtype, root.reshape(-1, order="A"), offset, strides)
    view.flags.writeable = writeable and view.flags.writeable
    return view
