"""Formatters that turn a value into text, HTML or pictures. Libraries register functions for their classes, as in IPython."""

from __future__ import annotations

import sys

from kfnb.runtime.cells.pretty_printer import LONGEST, WIDTH, Printer, default_printers

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Callable

METHODS = (
    ("text/plain", "_repr_pretty_"),
    ("text/html", "_repr_html_"),
    ("text/markdown", "_repr_markdown_"),
    ("image/svg+xml", "_repr_svg_"),
    ("image/png", "_repr_png_"),
    ("application/pdf", "_repr_pdf_"),
    ("image/jpeg", "_repr_jpeg_"),
    ("text/latex", "_repr_latex_"),
    ("application/json", "_repr_json_"),
    ("application/javascript", "_repr_javascript_"),
)
NOTHING: Any = object()


class Formatter:
    """Makes one form of a value: with the function registered for its class, else with the class's own method."""

    enabled = True

    def __init__(self, format_type: str, method: str, report: Callable[[BaseException], None]) -> None:
        self.format_type, self.print_method, self._report = format_type, method, report
        self.type_printers: dict[type, Any] = {}
        self.deferred_printers: dict[tuple[str, ...], Any] = {}

    def __call__(self, value: Any) -> Any:
        return self.attempt(self._form, value) if self.enabled else None

    def attempt(self, make: Callable[..., Any], *args: Any) -> Any:
        """The result of ``make``. A form that fails is left out and its error is printed, as in IPython."""
        try:
            return make(*args)
        except NotImplementedError:
            return None
        except Exception as error:  # whatever the user's own method raises
            self._report(error)
            return None

    def _form(self, value: Any) -> Any:
        function = self._find(type(value))
        if function is not NOTHING:
            return function(value)
        method = method_of(value, self.print_method)
        return method() if method is not None else None

    # ---------------------------------------------------------------- registering
    def for_type(self, typ: Any, func: Any = None) -> Any:
        """Register ``func`` for a class or its full name, and return the function that was registered before."""
        if isinstance(typ, str):
            module, _, name = typ.rpartition(".")
            return self.for_type_by_name(module, name, func)
        before = self._find(typ)
        if func is not None:
            self.type_printers[typ] = func
        return None if before is NOTHING else before

    def for_type_by_name(self, type_module: str, type_name: str, func: Any = None) -> Any:
        key = (type_module, type_name)
        before = self.deferred_printers.get(key)
        if func is not None:
            self.deferred_printers[key] = func
        return before

    def lookup(self, obj: Any) -> Any:
        return self.lookup_by_type(type(obj))

    def lookup_by_type(self, typ: Any) -> Any:
        found = (
            self.deferred_printers.get(tuple(typ.rsplit(".", 1)), NOTHING) if isinstance(typ, str) else self._find(typ)
        )
        if found is NOTHING:
            raise KeyError("No registered printer for %r" % (typ,))
        return found

    def pop(self, typ: Any, default: Any = NOTHING) -> Any:
        key = tuple(typ.rsplit(".", 1)) if isinstance(typ, str) else (typ.__module__, typ.__name__)
        found = self.type_printers.pop(typ, NOTHING)
        found = self.deferred_printers.pop(key, default) if found is NOTHING else found
        if found is NOTHING:
            raise KeyError("No registered value for %r" % (typ,))
        return found

    def __contains__(self, typ: Any) -> bool:
        return self._find(typ) is not NOTHING

    def _find(self, typ: Any) -> Any:
        for cls in getattr(typ, "__mro__", (typ,)):
            if cls in self.type_printers:
                return self.type_printers[cls]
            key = (cls.__module__, cls.__name__)
            if key in self.deferred_printers:
                return self.deferred_printers[key]
        return NOTHING


class PlainTextFormatter(Formatter):
    """Makes the text of a value. Registered functions get the value, a printer, and whether the value contains itself."""

    pprint = True
    verbose = False
    max_width, max_seq_length = WIDTH, LONGEST
    float_format = "%r"
    _precision = ""

    @property
    def float_precision(self) -> str:
        return self._precision

    @float_precision.setter
    def float_precision(self, precision: Any) -> None:
        """Set the digits after the point, a format, or nothing for Python's own. Sets numpy's precision as well."""
        text = str(precision)
        digits = int(text) if text.isdigit() else None
        if text and digits is None:
            if "%" not in text:
                raise ValueError("Precision must be int or format string, not %r" % text)
            text % 3.14159  # raises an error when the format is invalid
        self._precision, self.float_format = text, "%r" if not text else text if digits is None else "%%.%df" % digits
        if "numpy" in sys.modules and (digits is not None or not text):
            sys.modules["numpy"].set_printoptions(precision=8 if digits is None else digits)

    def __call__(self, value: Any) -> Any:
        return self.attempt(self._text if self.pprint else repr, value)

    def _text(self, value: Any) -> str:
        printers: dict[Any, Any] = default_printers()
        if self._precision:
            printers[float] = printers[("numpy", "float64")] = self._float
        printers.update(self.deferred_printers)
        printers.update(self.type_printers)
        printer = Printer(printers, self.max_width, self.max_seq_length)
        printer.pretty(value)
        return printer.result()

    def _float(self, value: float, printer: Printer, cycle: bool) -> None:
        printer.text(self.float_format % value)


class DisplayFormatter:
    """Makes all forms of a value. The names are IPython's."""

    def __init__(self, report: Callable[[BaseException], None]) -> None:
        kinds = {"text/plain": PlainTextFormatter}
        self.formatters = {mime: kinds.get(mime, Formatter)(mime, method, report) for mime, method in METHODS}
        self.mimebundle_formatter = Formatter("", "_repr_mimebundle_", report)
        self.ipython_display_formatter = Formatter("", "_ipython_display_", report)
        self.active_types = [mime for mime, _ in METHODS]

    @property
    def format_types(self) -> list[str]:
        return list(self.formatters)

    def format(self, obj: Any, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """The forms of a value by their MIME type, and the metadata of each."""
        if self._shows_itself(obj):
            return {}, {}
        if _is_figure(obj):
            return _figure_forms(obj), {}
        data, metadata = self._bundle(obj, include, exclude)
        for mime, formatter in self.formatters.items():
            if (mime in data and type(obj) not in formatter) or not is_wanted(mime, include, exclude):
                continue
            form = formatter(obj)
            form, form_metadata = form if isinstance(form, tuple) and len(form) == 2 else (form, None)
            if form is not None:
                data[mime] = form
            if form_metadata is not None:
                metadata[mime] = form_metadata
        return data, metadata

    def _shows_itself(self, value: Any) -> bool:
        method = method_of(value, "_ipython_display_")
        if method is None:
            return False
        return bool(self.ipython_display_formatter.attempt(lambda: (method(), True)[1]))

    def _bundle(self, value: Any, include: Any, exclude: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        method = method_of(value, "_repr_mimebundle_")
        if method is None:
            return {}, {}
        made = self.mimebundle_formatter.attempt(lambda: method(include=include, exclude=exclude))
        data, metadata = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
        if not isinstance(data, dict):
            return {}, {}
        return {k: v for k, v in data.items() if is_wanted(k, include, exclude)}, dict(metadata or {})


def is_wanted(mime: str, include: Any, exclude: Any) -> bool:
    return (not include or mime in include) and (not exclude or mime not in exclude)


def method_of(value: Any, name: str) -> Any:
    """A display method of an instance, unless its class makes up attributes."""
    if isinstance(value, type) or getattr(type(value), name, None) is None:
        return None
    method = getattr(value, name, None)
    return method if callable(method) else None


def _is_figure(value: Any) -> bool:
    module = sys.modules.get("matplotlib.figure")
    return module is not None and isinstance(value, module.Figure)


def _figure_forms(figure: Any) -> dict[str, Any]:
    """A figure's text and picture, as a notebook's inline backend makes them: an empty figure has no picture."""
    if not figure.axes and not figure.lines:
        return {"text/plain": repr(figure)}
    import io

    file = io.BytesIO()
    figure.savefig(file, format="png", bbox_inches="tight")
    return {"text/plain": repr(figure), "image/png": file.getvalue()}
