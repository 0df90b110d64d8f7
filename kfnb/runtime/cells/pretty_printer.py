"""Prints a value as a notebook shows it, with wide containers over several lines, as IPython's printer breaks them.

`_repr_pretty_` and the functions of ``for_type`` call the printer's methods.
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from types import BuiltinFunctionType, FunctionType, MappingProxyType, SimpleNamespace

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Iterable, Iterator

WIDTH = 79
LONGEST = 1000  #: items of a container that are shown


class _Group:
    """Text on one line, or broken at each of its places."""

    __slots__ = ("depth", "places", "broken")

    def __init__(self, depth: int) -> None:
        self.depth, self.broken = depth, False
        self.places: deque[_Place] = deque()


class _Place:
    """A place where a line may be broken."""

    __slots__ = ("text", "indentation", "group")

    def __init__(self, text: str, indentation: int, group: _Group) -> None:
        self.text, self.indentation, self.group = text, indentation, group


class Printer:
    """Writes values. Groups that are too wide are broken, the outermost first."""

    verbose = False

    def __init__(self, printers: dict[Any, Any], max_width: int = WIDTH, max_seq_length: int = LONGEST) -> None:
        self.printers, self.max_width, self.max_seq_length = printers, max_width, max_seq_length
        self.indentation = 0
        self.stack: list[int] = []
        self._out: list[str] = []
        self._waiting: deque[str | _Place] = deque()
        self._column = self._pending = 0
        self._open = [_Group(0)]
        self._unbroken: list[list[_Group]] = [[self._open[0]]]

    # ---------------------------------------------------------------- what printers of types call
    def text(self, text: str) -> None:
        if not self._waiting:
            self._out.append(text)
            self._column += len(text)
            return
        self._waiting.append(text)
        self._pending += len(text)
        self._break_where_too_wide()

    def breakable(self, sep: str = " ") -> None:
        """A space that may become the end of a line."""
        group = self._open[-1]
        if group.broken:
            self.flush()
            self._new_line(self.indentation)
            return
        place = _Place(sep, self.indentation, group)
        group.places.append(place)
        self._waiting.append(place)
        self._pending += len(sep)
        self._break_where_too_wide()

    def break_(self) -> None:
        """The end of a line."""
        group = self._outermost()
        if group is not None:
            self._break(group)
        self.flush()
        self._new_line(self.indentation)

    def begin_group(self, indent: int = 0, open: str = "") -> None:
        if open:
            self.text(open)
        group = _Group(self._open[-1].depth + 1)
        self._open.append(group)
        while len(self._unbroken) <= group.depth:
            self._unbroken.append([])
        self._unbroken[group.depth].append(group)
        self.indentation += indent

    def end_group(self, dedent: int = 0, close: str = "") -> None:
        self.indentation -= dedent
        group = self._open.pop()
        if not group.places:
            self._forget(group)
        if close:
            self.text(close)

    @contextmanager
    def group(self, indent: int = 0, open: str = "", close: str = "") -> Iterator[None]:
        self.begin_group(indent, open)
        try:
            yield
        finally:
            self.end_group(indent, close)

    @contextmanager
    def indent(self, indent: int) -> Iterator[None]:
        self.indentation += indent
        try:
            yield
        finally:
            self.indentation -= indent

    def pretty(self, value: Any) -> None:
        """Write a value by the printer of its class, its `_repr_pretty_` or its `repr`."""
        cycle = id(value) in self.stack
        self.stack.append(id(value))
        self.begin_group()
        try:
            self._printer_of(value)(value, self, cycle)
        finally:
            self.end_group()
            self.stack.pop()

    def flush(self) -> None:
        for item in self._waiting:
            self._write(item)
        self._waiting.clear()
        self._pending = 0

    def result(self) -> str:
        self.flush()
        return "".join(self._out)

    # ---------------------------------------------------------------- how
    def _printer_of(self, value: Any) -> Any:
        if value is None or value is True or value is False or value is Ellipsis or value is NotImplemented:
            return print_repr
        for cls in _classes(getattr(value, "__class__", None) or type(value)):
            found = self.printers.get(cls) or self.printers.get((cls.__module__, cls.__name__))
            if found is not None:
                return found
            if callable(cls.__dict__.get("_repr_pretty_")):
                return cls._repr_pretty_
            if cls is not object and "__repr__" in cls.__dict__ and callable(getattr(cls, "__repr__", None)):
                return print_repr
        own: Any = type(value).__repr__
        return _print_address if own is object.__repr__ else print_repr

    def _new_line(self, indentation: int) -> None:
        self._out.append("\n" + " " * indentation)
        self._column = indentation

    def _write(self, item: str | _Place) -> None:
        if isinstance(item, str):
            self._out.append(item)
            self._column += len(item)
            return
        item.group.places.popleft()
        if item.group.broken:
            self._new_line(item.indentation)
            return
        if not item.group.places:
            self._forget(item.group)
        self._out.append(item.text)
        self._column += len(item.text)

    def _break_where_too_wide(self) -> None:
        while self.max_width < self._column + self._pending:
            group = self._outermost()
            if group is None:
                return
            self._break(group)

    def _break(self, group: _Group) -> None:
        def take() -> None:
            item = self._waiting.popleft()
            self._pending -= len(item if isinstance(item, str) else item.text)
            self._write(item)

        while group.places:
            take()
        while self._waiting and isinstance(self._waiting[0], str):
            take()

    def _outermost(self) -> _Group | None:
        """Mark the outermost group that can still be broken as broken, and return it."""
        for level in self._unbroken:
            for group in reversed(level):
                if group.places:
                    level.remove(group)
                    group.broken = True
                    return group
            for group in level:
                group.broken = True
            level.clear()
        return None

    def _forget(self, group: _Group) -> None:
        if group in self._unbroken[group.depth]:
            self._unbroken[group.depth].remove(group)


def _classes(cls: Any) -> Iterable[Any]:
    try:
        return cls.__mro__  # type: ignore[no-any-return]
    except AttributeError:
        return (cls, object)


# -------------------------------------------------------------------- printers of types
def print_repr(value: Any, printer: Printer, cycle: bool) -> None:
    with printer.group():
        for number, line in enumerate(repr(value).splitlines()):
            if number:
                printer.break_()
            printer.text(line)


def _print_address(value: Any, printer: Printer, cycle: bool) -> None:
    with printer.group(1, "<", ">"):
        printer.pretty(type(value))
        printer.text(" at 0x%x%s" % (id(value), " ..." if cycle else ""))


def _items(values: Iterable[Any], printer: Printer) -> Iterator[Any]:
    """The values with commas between them. Of many values only the first ones are given."""
    for number, value in enumerate(values):
        if number:
            printer.text(",")
            printer.breakable()
        if printer.max_seq_length and number >= printer.max_seq_length:
            printer.text("...")
            return
        yield value


def _sequence(start: str, end: str) -> Any:
    def print_sequence(value: Any, printer: Printer, cycle: bool) -> None:
        if cycle:
            printer.text(start + "..." + end)
            return
        with printer.group(len(start), start, end):
            for item in _items(value, printer):
                printer.pretty(item)
            if len(value) == 1 and isinstance(value, tuple):
                printer.text(",")

    return print_sequence


def _set(start: str, end: str) -> Any:
    def print_set(value: Any, printer: Printer, cycle: bool) -> None:
        if cycle or not value:
            printer.text(start + "..." + end if cycle else type(value).__name__ + "()")
            return
        with printer.group(len(start), start, end):
            for item in _items(_in_order(value) if len(value) < LONGEST else value, printer):
                printer.pretty(item)

    return print_set


def _in_order(values: Iterable[Any]) -> list[Any]:
    for key in (None, str):
        try:
            return sorted(values, key=key)
        except Exception:  # whatever the user's own comparison raises
            continue
    return list(values)


def _mapping(start: str, end: str) -> Any:
    def print_mapping(value: Any, printer: Printer, cycle: bool) -> None:
        if cycle:
            printer.text("{...}")
            return
        with printer.group(len(start), start, end):
            for key in _items(value.keys(), printer):
                printer.pretty(key)
                printer.text(": ")
                printer.pretty(value[key])

    return print_mapping


def _call(printer: Printer, name: str, args: Iterable[Any], keywords: dict[str, Any]) -> None:
    """``name(arg, key=value)``."""
    with printer.group(len(name) + 1, name + "(", ")"):
        for number, (key, value) in enumerate([*(("", a) for a in args), *keywords.items()]):
            if number:
                printer.text(",")
                printer.breakable()
            prefix = key + "=" if key else ""
            with printer.group(len(prefix), prefix):
                printer.pretty(value)


def _constructed(args_of: Any, keywords_of: Any = lambda value: {}) -> Any:
    def print_constructed(value: Any, printer: Printer, cycle: bool) -> None:
        name = type(value).__name__
        _call(printer, name, [_Raw("...")] if cycle else args_of(value), {} if cycle else keywords_of(value))

    return print_constructed


class _Raw:
    """Text that is printed as it is."""

    def __init__(self, text: str) -> None:
        self._text = text

    def _repr_pretty_(self, printer: Printer, cycle: bool) -> None:
        printer.text(self._text)


def _print_type(value: Any, printer: Printer, cycle: bool) -> None:
    if next((m for m in type(value).__mro__ if "__repr__" in vars(m)), type) is not type:
        print_repr(value, printer, cycle)
        return
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", value.__name__)
    printer.text(name if module in (None, "builtins") else "%s.%s" % (module, name))


def _print_function(value: Any, printer: Printer, cycle: bool) -> None:
    from inspect import signature

    name = getattr(value, "__qualname__", value.__name__)
    if value.__module__ not in (None, "builtins"):
        name = "%s.%s" % (value.__module__, name)
    try:
        name += str(signature(value))
    except (TypeError, ValueError):
        name += ""
    printer.text("<function %s>" % name)


def _print_exception(value: Any, printer: Printer, cycle: bool) -> None:
    cls = type(value)
    _call(printer, ("" if cls.__module__ == "builtins" else cls.__module__ + ".") + cls.__qualname__, value.args, {})


def _print_pattern(value: Any, printer: Printer, cycle: bool) -> None:
    import re

    names = ("IGNORECASE", "LOCALE", "MULTILINE", "DOTALL", "UNICODE", "VERBOSE", "DEBUG")
    flags = "|".join("re." + name for name in names if value.flags & getattr(re, name))
    raw = repr(value.pattern).replace("\\\\", "\\")
    prefix = "r" if isinstance(value.pattern, str) else "rb"
    text = raw if isinstance(value.pattern, str) else raw[1:]
    _call(printer, "re.compile", [_Raw(prefix + text), *([_Raw(flags)] if flags else [])], {})


def default_printers() -> dict[Any, Any]:
    """Printers by class, or by module and name for classes that may not be imported yet."""
    return {
        int: print_repr, float: print_repr, str: print_repr, bytes: print_repr, range: print_repr, slice: print_repr,
        tuple: _sequence("(", ")"), list: _sequence("[", "]"), dict: _mapping("{", "}"), set: _set("{", "}"),
        frozenset: _set("frozenset({", "})"), MappingProxyType: _mapping("mappingproxy({", "})"),
        type: _print_type, FunctionType: _print_function, BuiltinFunctionType: _print_function,
        BaseException: _print_exception, ("os", "_Environ"): _mapping("environ{", "}"), ("re", "Pattern"): _print_pattern,
        SimpleNamespace: lambda value, printer, cycle: _call(
            printer, "namespace", [_Raw("...")] if cycle else [], {} if cycle else dict(vars(value))
        ),
        ("collections", "defaultdict"): _constructed(lambda v: [v.default_factory, dict(v)]),
        ("collections", "OrderedDict"): _constructed(lambda v: [list(v.items())] if v else []),
        ("collections", "deque"): _constructed(list_of, lambda v: {} if v.maxlen is None else {"maxlen": v.maxlen}),
        ("collections", "Counter"): _constructed(lambda v: [dict(v.most_common())] if v else []),
        ("collections", "UserList"): _constructed(lambda v: [v.data]),
    }  # fmt: skip


def list_of(value: Any) -> list[Any]:
    return [list(value)]
