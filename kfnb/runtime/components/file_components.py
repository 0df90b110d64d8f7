"""Components with `InputPath` and `OutputPath`: callers pass and get values, the function gets paths of private files."""

from __future__ import annotations

import os

from kfnb.runtime.components.component_signatures import outputs, outputs_name, raise_too_many_arguments, show_signature

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

BODY_RUNS_LATER = 0x20 | 0x80 | 0x200  #: inspect.CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR
TAKES_MORE = 0x04  #: inspect.CO_VARARGS


def with_paths(function: Any, path_parameters: dict[str, tuple[bool, bool]], name: str) -> Any:
    """Wrap ``function`` for callers who pass values instead of paths.

    Parameters
    ----------
    path_parameters
        The parameters that are paths: whether each is an output, and whether it holds bytes.
    name
        The name of the component in messages.
    """
    from functools import wraps

    innermost = function
    while hasattr(innermost, "__wrapped__"):
        innermost = innermost.__wrapped__
    code = innermost.__code__  # not in `call`: code cannot be pickled
    variadic = code.co_flags & TAKES_MORE
    first = 1 if getattr(innermost, "__self__", None) is not None else 0
    positional = code.co_varnames[first : code.co_argcount]
    keyword = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    output_names = {n: output_name(n) for n, (is_output, _) in path_parameters.items() if is_output}
    input_paths = [n for n in path_parameters if n not in output_names]
    visible = [n for n in positional if n not in output_names]
    defaults = dict(
        zip(reversed(positional), reversed(innermost.__defaults__ or ())), **(innermost.__kwdefaults__ or {})
    )
    _check_paths(name, getattr(function, "__code__", code), [*positional, *keyword], path_parameters, output_names)

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True  # IPython leaves such frames out
        from tempfile import TemporaryDirectory

        if len(args) > len(visible) and not variadic:
            raise_too_many_arguments(call.__name__, len(visible), len(args))
        for parameter in output_names:
            if parameter in kwargs:
                raise TypeError("%s() writes `%s` itself: do not pass it" % (call.__name__, parameter))
        with TemporaryDirectory(prefix="kfnb-") as folder:
            files = {n: _new_path(folder, n) for n in path_parameters}
            remaining, arguments = list(args), []  # type: tuple[list[Any], list[Any]]
            for parameter in positional:
                if parameter in output_names:
                    arguments.append(files[parameter])
                elif not remaining:
                    break
                elif parameter in input_paths:
                    arguments.append(_write_input(remaining.pop(0), files[parameter], name, parameter, defaults))
                else:
                    arguments.append(remaining.pop(0))
            for parameter in path_parameters:
                if parameter in positional[: len(arguments)]:
                    continue
                if parameter in output_names:
                    kwargs[parameter] = files[parameter]
                elif parameter in kwargs or parameter in defaults:
                    value = kwargs[parameter] if parameter in kwargs else defaults[parameter]
                    kwargs[parameter] = _write_input(value, files[parameter], name, parameter, defaults)
            value = function(*arguments, *remaining, **kwargs)
            texts = {o: _read_output(files[n], name, n, o, path_parameters[n][1]) for n, o in output_names.items()}
        return _combine_outputs(name, value, texts)

    if not output_names:
        return call
    show_signature(
        call, lambda inspect: [p for n, p in inspect.signature(function).parameters.items() if n not in output_names]
    )
    return call


def output_name(parameter: str) -> str:
    """The name of the output of an `OutputPath` parameter: ``text`` for ``text_path`` and ``text_file``."""
    from keyword import iskeyword

    for ending in ("_path", "_file"):
        if parameter.endswith(ending):
            name = parameter[: -len(ending)]
            return parameter if not name or iskeyword(name) else name
    return parameter


def _check_paths(
    name: str, code: Any, parameters: list[str], path_parameters: dict[str, Any], output_names: dict[str, str]
) -> None:
    if code.co_flags & BODY_RUNS_LATER:
        raise TypeError(
            "component `%s` runs after its call has ended, when its files are gone: make it a plain function" % name
        )
    for parameter in path_parameters:
        if parameter not in parameters:
            raise TypeError("component `%s`: a path is one parameter, and `%s` takes many" % (name, parameter))
    names = list(output_names.values())
    for output in names:
        if names.count(output) > 1:
            raise ValueError("component `%s` has two outputs called `%s`" % (name, output))
        if output.startswith("_"):
            raise ValueError("component `%s`: the output `%s` cannot begin with an underscore" % (name, output))


def _new_path(folder: str, parameter: str) -> str:
    os.mkdir(os.path.join(folder, parameter))
    return os.path.join(folder, parameter, "data")


def _write_input(value: Any, path: str, name: str, parameter: str, defaults: dict[str, Any]) -> str | None:
    """Write ``value`` to a file and return its path. A default of ``None``, which means no file, stays ``None``."""
    if value is None and parameter in defaults and defaults[parameter] is None:
        return None
    if not isinstance(value, (str, bytes, bytearray, memoryview)):
        raise TypeError(
            "component `%s`: `%s` takes text or bytes, which the function gets as a file; this is a %s: turn it into text first"
            % (name, parameter, type(value).__name__)
        )
    with open(path, "wb") as file:
        file.write(value.encode("utf-8", "backslashreplace") if isinstance(value, str) else value)
    return path


def _read_output(path: str, name: str, parameter: str, output: str, binary: bool) -> str | bytes:
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


def _combine_outputs(name: str, value: Any, texts: dict[str, Any]) -> Any:
    """The value that the caller gets: a single output, or all outputs as a named tuple."""
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
