"""Values that cannot travel: what, where made, who wants it, why, and what to do about it."""

from __future__ import annotations

from kfnb.runtime.failures import Failure
from kfnb.runtime.previews import type_name
from kfnb.runtime.reducers import Refused
from kfnb.runtime.store import dump

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Iterator

#: Beginning of a type's full name; why it cannot travel; what to do.
KINDS: tuple[tuple[tuple[str, ...], str, tuple[str, ...]], ...] = (
    (("sqlite3.", "psycopg2.", "psycopg.", "pymysql.", "MySQLdb.", "sqlalchemy.engine", "pyodbc.", "duckdb.", "pymongo.", "redis."),
     "a connection belongs to its process",
     ("open it where it is used: move {made} into \"{step}\"", "pass the query's result (a DataFrame, a list) instead")),
    (("_io.StringIO", "_io.BytesIO"), "an in-memory file with a position belongs to its process", ("pass its text: {name}.getvalue()",)),
    (("_io.",), "an open file belongs to its process",
     ("pass the path, and open the file in \"{step}\"", "pass what was read from it")),
    (("_thread.", "threading.", "multiprocessing."), "a lock or thread belongs to its process",
     ("make it where it is used, in \"{step}\"", "leave it out of the object: define __getstate__")),
    (("concurrent.futures.", "asyncio."), "a pool, loop or task belongs to its process",
     ("make it where it is used, in \"{step}\"", "pass the results: [f.result() for f in futures]")),
    (("socket.", "ssl.", "requests.sessions", "http.client", "urllib3."), "a network connection belongs to its process",
     ("connect where it is used, in \"{step}\"", "pass the response's content instead")),
    (("builtins.generator", "builtins.async_generator", "builtins.map", "builtins.filter", "builtins.zip", "itertools."),
     "a generator is a computation that has begun, and cannot be written down",
     ("pass its items: {name} = list({name})", "pass the function that makes it, and call it in \"{step}\"")),
    (("builtins.coroutine",), "a coroutine is a computation that has begun", ("await it, and pass the result",)),
    (("weakref.", "builtins.weakref"), "a weak reference points to an object of its own process", ("pass the object itself",)),
    (("tkinter.", "_tkinter."), "a window belongs to its process", ("make it where it is used, in \"{step}\"",)),
    (("builtins.frame", "builtins.traceback"), "a stack frame belongs to its process", ("pass its text: traceback.format_exc()",)),
    (("re.Match", "builtins.re.Match"), "a match object cannot be written down", ("pass {name}.group() or {name}.groupdict()",)),
    (("subprocess.",), "a running process belongs to its process", ("wait for it, and pass its output",)),
    (("ctypes.", "_ctypes.", "_cffi_backend."), "it points into memory of its own process", ("pass the data as bytes or an array",)),
)  # fmt: skip


def refusal(spec: dict[str, Any], values: dict[str, tuple[Any, BaseException]]) -> Failure:
    """One failure for every value that cannot be stored."""
    parts = [_part(spec, name, value, error) for name, (value, error) in values.items()]
    first = next(iter(values))
    made = spec.get("made", {}).get(first, {})
    value, error = values[first]
    message = "; ".join(
        "`%s` (%s) cannot be passed on: %s" % (n, type_name(v), _why(v, e)[2]) for n, (v, e) in values.items()
    )
    return Failure("store", type_name(value), message, made.get("cell"), made.get("line"), "\n\n".join(parts))


def _part(spec: dict[str, Any], name: str, value: Any, error: BaseException) -> str:
    made, needed = spec.get("made", {}).get(name, {}), spec.get("needed", {}).get(name, {})
    step = needed.get("step") or "a later step"
    culprit, path, why = _why(value, error)
    lines = ['step "%s" cannot pass `%s` to step "%s"' % (spec.get("step"), name, step)]
    if made:
        lines.append("  cell %s, line %s:  %s" % (made["cell"], made["line"], _line(spec, made)))
    if needed.get("cell"):
        lines.append("  needed by        cell %s, line %s:  %s" % (needed["cell"], needed["line"], _line(spec, needed)))
    inside = "" if not path else "%s%s, inside it, " % (name, path)
    lines.append(
        "  why              %s is a %s: %s"
        % (inside.rstrip(", ").replace(", inside it", "") or name, full_name(culprit), why)
    )
    place = "cell %s" % made["cell"] if made else "the line that makes it"
    for index, remedy in enumerate(_remedies(culprit)):
        text = remedy.format(name=name, step=step, made=place)
        lines.append("  %s%s" % ("do one of        " if not index else "                 ", text))
    return "\n".join(lines)


def _line(spec: dict[str, Any], place: dict[str, Any]) -> str:
    source = spec.get("sources", {}).get(str(place["cell"]), "").split("\n")
    number = place["line"] - 1
    return source[number].strip() if 0 <= number < len(source) else ""


def _why(value: Any, error: BaseException) -> tuple[Any, str, str]:
    """The object that cannot travel, its path inside the value, and the reason."""
    culprit, path = find(value)
    if isinstance(error, Refused) and culprit is value:
        culprit = error.value if type(error.value) is type(value) else culprit
    for prefixes, why, _ in KINDS:
        if full_name(culprit).startswith(prefixes):
            return culprit, path, why
    return culprit, path, str(error)


def _remedies(culprit: Any) -> tuple[str, ...]:
    for prefixes, _, remedies in KINDS:
        if full_name(culprit).startswith(prefixes):
            return remedies
    return (
        'make it where it is used: move {made} into "{step}"',
        "pass the plain data that it is made from",
        "give its class __getstate__ and __setstate__ (or __reduce__)",
    )


def full_name(value: Any) -> str:
    kind = type(value)
    return "%s.%s" % (kind.__module__, kind.__qualname__)


# -------------------------------------------------------------------- where inside
def find(value: Any, budget: int = 2000) -> tuple[Any, str]:
    """The innermost part of ``value`` that cannot travel, and how to get there: ``.callbacks[2].stream``."""
    path, seen = "", {id(value)}
    while budget > 0 and not _told(value):
        for step, part in _parts(value):
            budget -= 1
            if id(part) in seen or budget <= 0:
                continue
            seen.add(id(part))
            if not _travels(part):
                value, path = part, path + step
                break
        else:
            break
    return value, path


def _told(value: Any) -> bool:
    """Whether `KINDS` has words for the value as a whole."""
    return any(full_name(value).startswith(prefixes) for prefixes, _, _ in KINDS)


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, part in list(value.items())[:500]:
            yield "[%r]" % (key,), part
    elif isinstance(value, (list, tuple)):
        for index, part in enumerate(value[:500]):
            yield "[%d]" % index, part
    elif isinstance(value, (set, frozenset)):
        for part in list(value)[:500]:
            yield "{…}", part
    if callable(value) and getattr(value, "__closure__", None):
        for name, cell in zip(value.__code__.co_freevars, value.__closure__):
            yield ".%s" % name, cell.cell_contents
    if hasattr(value, "__getstate__") and type(value).__module__ not in ("builtins",) and _own_getstate(value):
        return
    for name, part in list(getattr(value, "__dict__", {}).items()) if not isinstance(value, type) else ():
        yield ".%s" % name, part
    for name in _slots(type(value)):
        if hasattr(value, name):
            yield ".%s" % name, getattr(value, name)


def _own_getstate(value: Any) -> bool:
    mine = getattr(type(value), "__getstate__", None)
    return mine is not None and mine is not getattr(object, "__getstate__", None) and not hasattr(value, "__dict__")


def _slots(kind: type) -> list[str]:
    found: list[str] = []
    for base in kind.__mro__:
        names = base.__dict__.get("__slots__", ())
        found += [names] if isinstance(names, str) else list(names)
    return found


def _travels(value: Any) -> bool:
    try:
        dump({"": value})
    except Exception:  # any object may raise anything here: that is the question
        return False
    return True
