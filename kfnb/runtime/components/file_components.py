"""Components that read and write files: callers pass and get values, the function sees paths of private files."""

from __future__ import annotations

import os

from kfnb.runtime.components.component_calls import outputs, outputs_name, show_signature, too_many

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

BODY_RUNS_LATER = 0x20 | 0x80 | 0x200  #: inspect.CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR
TAKES_MORE = 0x04  #: inspect.CO_VARARGS


def with_paths(function: Any, declared: dict[str, tuple[bool, bool]], name: str) -> Any:
    """``function`` for callers who pass values instead of paths.

    Parameters
    ----------
    declared
        The parameters that are paths: whether it is an output, and whether of bytes.
    name
        What messages call the component.
    """
    from functools import wraps

    inner = function
    while hasattr(inner, "__wrapped__"):
        inner = inner.__wrapped__
    code = inner.__code__  # not in `call`: code cannot be pickled
    more = code.co_flags & TAKES_MORE
    first = 1 if getattr(inner, "__self__", None) is not None else 0
    positional = code.co_varnames[first : code.co_argcount]
    keyword = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    written = {n: output_name(n) for n, (is_output, _) in declared.items() if is_output}
    read = [n for n in declared if n not in written]
    visible = [n for n in positional if n not in written]
    defaults = dict(zip(reversed(positional), reversed(inner.__defaults__ or ())), **(inner.__kwdefaults__ or {}))
    _check(name, getattr(function, "__code__", code), [*positional, *keyword], declared, written)

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True  # IPython leaves such frames out
        from tempfile import TemporaryDirectory

        if len(args) > len(visible) and not more:
            too_many(call.__name__, len(visible), len(args))
        for parameter in written:
            if parameter in kwargs:
                raise TypeError("%s() writes `%s` itself: do not pass it" % (call.__name__, parameter))
        with TemporaryDirectory(prefix="kfnb-") as folder:
            files = {n: _file(folder, n) for n in declared}
            given, placed = list(args), []  # type: tuple[list[Any], list[Any]]
            for parameter in positional:
                if parameter in written:
                    placed.append(files[parameter])
                elif not given:
                    break
                elif parameter in read:
                    placed.append(_stored(given.pop(0), files[parameter], name, parameter, defaults))
                else:
                    placed.append(given.pop(0))
            for parameter in declared:
                if parameter in positional[: len(placed)]:
                    continue
                if parameter in written:
                    kwargs[parameter] = files[parameter]
                elif parameter in kwargs or parameter in defaults:
                    value = kwargs[parameter] if parameter in kwargs else defaults[parameter]
                    kwargs[parameter] = _stored(value, files[parameter], name, parameter, defaults)
            value = function(*placed, *given, **kwargs)
            texts = {o: _written(files[n], name, n, o, declared[n][1]) for n, o in written.items()}
        return _given(name, value, texts)

    if not written:
        return call
    show_signature(
        call, lambda inspect: [p for n, p in inspect.signature(function).parameters.items() if n not in written]
    )
    return call


def output_name(parameter: str) -> str:
    """What the output of an `OutputPath` parameter is called: ``text_path`` and ``text_file`` give ``text``."""
    from keyword import iskeyword

    for ending in ("_path", "_file"):
        if parameter.endswith(ending):
            name = parameter[: -len(ending)]
            return parameter if not name or iskeyword(name) else name
    return parameter


def _check(name: str, code: Any, parameters: list[str], declared: dict[str, Any], written: dict[str, str]) -> None:
    if code.co_flags & BODY_RUNS_LATER:
        raise TypeError(
            "component `%s` runs after its call has ended, when its files are gone: make it a plain function" % name
        )
    for parameter in declared:
        if parameter not in parameters:
            raise TypeError("component `%s`: a path is one parameter, and `%s` takes many" % (name, parameter))
    names = list(written.values())
    for output in names:
        if names.count(output) > 1:
            raise ValueError("component `%s` has two outputs called `%s`" % (name, output))
        if output.startswith("_"):
            raise ValueError("component `%s`: the output `%s` cannot begin with an underscore" % (name, output))


def _file(folder: str, parameter: str) -> str:
    os.mkdir(os.path.join(folder, parameter))
    return os.path.join(folder, parameter, "data")


def _stored(value: Any, path: str, name: str, parameter: str, defaults: dict[str, Any]) -> str | None:
    """The path of a file that holds ``value``; the ``None`` that says that there is no file stays."""
    if value is None and parameter in defaults and defaults[parameter] is None:
        return None
    if not isinstance(value, (str, bytes, bytearray, memoryview)):
        raise TypeError(
            "component `%s`: `%s` is given its text or bytes, which the function then finds in a file; this is a %s"
            % (name, parameter, type(value).__name__)
        )
    with open(path, "wb") as file:
        file.write(value.encode("utf-8", "backslashreplace") if isinstance(value, str) else value)
    return path


def _written(path: str, name: str, parameter: str, output: str, binary: bool) -> str | bytes:
    if not os.path.isfile(path):
        beside = sorted(os.listdir(os.path.dirname(path)))
        raise FileNotFoundError(
            "component `%s` wrote no output `%s`: it must write the file whose path is in `%s`%s"
            % (name, output, parameter, " (it wrote `%s` there)" % "`, `".join(beside) if beside else "")
        )
    with open(path, "rb") as file:
        data = file.read()
    if binary:
        return data
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError(
            "the output `%s` of component `%s` is not text in UTF-8: declare it `%s: OutputPath(bytes)`"
            % (output, name, parameter)
        ) from None


def _given(name: str, value: Any, texts: dict[str, Any]) -> Any:
    """What the caller gets: one value, or all of them by name."""
    if not texts:
        return value
    if value is None and len(texts) == 1:
        return next(iter(texts.values()))
    fields: tuple[str, ...] = ()
    values: tuple[Any, ...] = ()
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        fields, values = value._fields, tuple(value)
    elif value is not None:
        fields, values = ("output",), (value,)
    for field in fields:
        if field in texts:
            raise ValueError(
                "component `%s` has two outputs called `%s`: one that it returns and one that it writes" % (name, field)
            )
    return outputs(outputs_name(name), (*fields, *texts), (*values, *texts.values()))
