"""Values that cannot travel: what, where made, who wants it, why, and what to do about it."""

from __future__ import annotations

from contextlib import suppress
from types import FunctionType, MethodType

from kfnb.runtime.step_failures import Failure
from kfnb.runtime.values import class_pickling
from kfnb.runtime.values.library_reducers import Refused
from kfnb.runtime.values.pickling import dump
from kfnb.runtime.values.value_previews import short, type_name

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Iterator

#: Beginning of a type's full name; why it cannot travel; what to do.
KINDS: tuple[tuple[tuple[str, ...], str, tuple[str, ...]], ...] = (
    (("sqlite3.", "psycopg2.", "psycopg.", "pymysql.", "MySQLdb.", "sqlalchemy.engine", "pyodbc.", "duckdb.", "pymongo.", "redis."),
     "a connection belongs to its process",
     ("open it where it is used: move {made} into \"{step}\"", "pass the query's result (a DataFrame, a list) instead")),
    (("ipywidgets.",), "a widget belongs to its kernel, which shows it",
     ("pass its value: {name}.value", "make the value a parameter: `-p` and JupyterLab's form set it")),
    (("tqdm.",), "a progress bar belongs to its process", ("make it where it is used, in \"{step}\"", "pass what it counts: {name}.n")),
    (("tempfile.",), "it is removed when the step that made it ends",
     ("make one that stays: tempfile.mkdtemp() or tempfile.mkstemp()", "pass its content instead")),
    (("distributed.", "pyspark.", "py4j.", "ray.", "boto3.", "botocore.", "googleapiclient.", "paramiko.", "selenium.", "sqlalchemy.orm.session"),
     "it holds a connection, which belongs to its process",
     ("open it where it is used: move {made} into \"{step}\"", "pass the results instead, such as a DataFrame")),
    (("h5py.", "netCDF4.", "tables.", "zipfile.", "tarfile.", "_csv.", "mmap.", "shelve.", "dbm.", "gzip.", "bz2.", "lzma."),
     "an open file belongs to its process",
     ("pass the path, and open the file in \"{step}\"", "pass what was read from it")),
    (("_io.StringIO", "_io.BytesIO"), "an in-memory file with a position belongs to its process", ("pass its text: {name}.getvalue()",)),
    (("_io.",), "an open file belongs to its process",
     ("pass the path, and open the file in \"{step}\"", "pass what was read from it")),
    (("queue.", "_queue."), "a queue belongs to its process", ("pass what it holds: a list",)),
    (("_hashlib.", "hashlib.", "_md5.", "_sha1.", "_sha2.", "_sha256.", "_sha512.", "_sha3.", "_blake2.", "hmac."),
     "a digest that has begun cannot be written down", ("pass {name}.hexdigest()", "pass the data, and hash it in \"{step}\"")),
    (("_thread.", "threading.", "multiprocessing."), "a lock or thread belongs to its process",
     ("make it where it is used, in \"{step}\"", "leave it out of the object: define __getstate__")),
    (("concurrent.futures.", "asyncio."), "a pool, loop or task belongs to its process",
     ("make it where it is used, in \"{step}\"", "pass the results: [f.result() for f in futures]")),
    (("socket.", "ssl.", "requests.sessions", "http.client", "urllib3."), "a network connection belongs to its process",
     ("connect where it is used, in \"{step}\"", "pass the response's content instead")),
    (("builtins.generator", "builtins.async_generator", "builtins.map", "builtins.filter", "builtins.zip", "itertools."),
     "a generator is a computation that has begun, and cannot be written down",
     ("pass its items: list({name})", "pass the function that makes it, and call it in \"{step}\"")),
    (("builtins.memoryview",), "it points into memory of another object", ("pass the data: bytes({name})",)),
    (("builtins.coroutine",), "a coroutine is a computation that has begun", ("await it, and pass the result",)),
    (("weakref.", "builtins.weakref"), "a weak reference points to an object of its own process", ("pass the object itself",)),
    (("tkinter.", "_tkinter."), "a window belongs to its process", ("make it where it is used, in \"{step}\"",)),
    (("builtins.frame", "builtins.traceback"), "a stack frame belongs to its process", ("pass its text: traceback.format_exc()",)),
    (("re.Match", "builtins.re.Match"), "a match object cannot be written down", ("pass {name}.group() or {name}.groupdict()",)),
    (("subprocess.",), "a running process belongs to its process", ("wait for it, and pass its output",)),
    (("ctypes.", "_ctypes.", "_cffi_backend."), "it points into memory of its own process", ("pass the data as bytes or an array",)),
)  # fmt: skip


def refusal(spec: dict[str, Any], values: dict[str, tuple[Any, BaseException]]) -> Failure:
    """One failure that names every value that cannot be stored."""
    parts = [_report_on(spec, name, value, error) for name, (value, error) in values.items()]
    first = next(iter(values))
    definition = spec.get("made", {}).get(first, {})
    value, error = values[first]
    message = "; ".join(
        "`%s` (%s) cannot be passed on: %s" % (n, type_name(v), _explain(v, e)[2]) for n, (v, e) in values.items()
    )
    return Failure(
        "store", type_name(value), message, definition.get("cell"), definition.get("line"), "\n\n".join(parts)
    )


def _report_on(spec: dict[str, Any], name: str, value: Any, error: BaseException) -> str:
    definition, use = spec.get("made", {}).get(name, {}), spec.get("needed", {}).get(name, {})
    step = use.get("step") or "a later step"
    culprit, path, reason = _explain(value, error)
    lines = ['step "%s" cannot pass `%s` to step "%s"' % (spec.get("step"), name, step)]
    if definition:
        lines.append("  cell %s, line %s:  %s" % (definition["cell"], definition["line"], _line(spec, definition)))
    if use.get("cell"):
        lines.append("  needed by        cell %s, line %s:  %s" % (use["cell"], use["line"], _line(spec, use)))
    inside = "" if not path else "%s%s, inside it, " % (name, path)
    lines.append(
        "  why              %s is a %s: %s"
        % (inside.rstrip(", ").replace(", inside it", "") or name, full_name(culprit), reason)
    )
    place = "cell %s" % definition["cell"] if definition else "the line that makes it"
    for index, remedy in enumerate(_remedies(culprit)):
        text = remedy.format(name=name + path, step=step, made=place)
        lines.append("  %s%s" % ("do one of        " if not index else "                 ", text))
    return "\n".join(lines)


def _line(spec: dict[str, Any], place: dict[str, Any]) -> str:
    source = spec.get("sources", {}).get(str(place["cell"]), "").split("\n")
    number = place["line"] - 1
    return source[number].strip() if 0 <= number < len(source) else ""


def _explain(value: Any, error: BaseException) -> tuple[Any, str, str]:
    """The object that cannot be pickled, its path inside the value, and the reason."""
    culprit, path = find_culprit(value)
    if isinstance(error, Refused) and culprit is value:
        culprit = error.value if type(error.value) is type(value) else culprit
    kind = _kind(culprit)
    return culprit, path, str(error) if kind is None else kind[1]


def _kind(value: Any) -> tuple[tuple[str, ...], str, tuple[str, ...]] | None:
    """The row of `KINDS` for the value's class or one of its base classes."""
    for cls in type(value).__mro__:
        name = "%s.%s" % (cls.__module__, cls.__qualname__)
        for row in KINDS:
            if name.startswith(row[0]):
                return row
    return None


def _remedies(culprit: Any) -> tuple[str, ...]:
    kind = _kind(culprit)
    if kind is not None:
        return kind[2]
    return (
        'make it where it is used: move {made} into "{step}"',
        "pass the plain data that it is made from",
        "give its class __getstate__ and __setstate__ (or __reduce__)",
    )


def full_name(value: Any) -> str:
    kind = type(value)
    return "%s.%s" % (kind.__module__, kind.__qualname__)


# -------------------------------------------------------------------- where inside
def find_culprit(value: Any, budget: int = 2000) -> tuple[Any, str]:
    """The innermost part of ``value`` that cannot be pickled, and its path: ``.callbacks[2].stream``."""
    path, visited = "", {id(value)}
    while budget > 0 and _kind(value) is None:
        for step, part in _parts(value):
            budget -= 1
            if id(part) in visited or budget <= 0:
                continue
            visited.add(id(part))
            if not _can_pickle(part):
                value, path = part, path + step
                break
        else:
            break
    return value, path


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """The parts of an object with their paths, read without calling the object's own code."""
    kind = type(value)
    if issubclass(kind, dict):
        for key, part in list(dict.items(value))[:500]:
            yield "[%s]" % short(key), part
    elif issubclass(kind, (list, tuple)):
        for index, part in enumerate(tuple(value)[:500]):
            yield "[%d]" % index, part
    elif issubclass(kind, (set, frozenset)):
        for part in list(value)[:500]:
            yield "{…}", part
    elif kind is FunctionType:
        yield from _parts_of_function(value)
    elif kind is MethodType:
        yield ".__self__", value.__self__
        yield ".__func__", value.__func__
    if issubclass(kind, type):
        parts: dict[str, Any] = dict(vars(value)) if class_pickling.by_value(value) else {}
    else:
        parts = dict(_dictionary(value))
        for name in _slots(kind):
            with suppress(Exception):
                parts[name] = object.__getattribute__(value, name)
        if class_pickling.by_value(kind):
            parts[""] = kind
    for name, part in parts.items():
        yield (".%s" % name if name else ""), part


def _parts_of_function(function: FunctionType) -> Iterator[tuple[str, Any]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        with suppress(ValueError):  # not bound yet
            yield ".%s" % name, cell.cell_contents
    code = function.__code__
    defaults = function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount][-len(defaults) :] if defaults else ()
    for name, part in (*zip(names, defaults), *(function.__kwdefaults__ or {}).items()):
        yield "'s default %s" % name, part


def _dictionary(value: Any) -> dict[str, Any]:
    try:
        found = object.__getattribute__(value, "__dict__")
    except Exception:  # it has none
        return {}
    return found if type(found) is dict else {}


def _slots(kind: type) -> list[str]:
    found: list[str] = []
    for base in kind.__mro__:
        names = base.__dict__.get("__slots__", ())
        found += [names] if isinstance(names, str) else list(names)
    return found


def _can_pickle(value: Any) -> bool:
    try:
        dump({"": value})
    except Exception:  # any object may raise anything here: that is the question
        return False
    return True
