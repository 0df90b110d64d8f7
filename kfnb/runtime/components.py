"""``@component`` and its kin: what a pipeline cell calls, each a plain callable in a live kernel and inside a step."""

from __future__ import annotations

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Callable, Iterator, NoReturn

SETTINGS = (
    "packages", "cpu", "memory", "gpu", "limits", "retry", "timeout", "cache", "env", "secrets", "volumes", "labels",
    "annotations", "nodes", "tolerations",
)  # fmt: skip
SHELLS = ("sh", "bash", "dash", "zsh", "ash")
MARK = "__kfnb__"  #: the attribute of a component that says what it is


class InputPath:
    """Annotation of a parameter: the caller gives text or bytes, the function gets the path of a file that holds it."""

    def __init__(self, type: Any = None) -> None:
        self.type = type

    def __repr__(self) -> str:
        return "%s(%r)" % (type(self).__name__, self.type)


class OutputPath:
    """Annotation of a parameter: the function gets the path of a file to write; what it wrote is the component's output."""

    def __init__(self, type: Any = None) -> None:
        self.type = type

    __repr__ = InputPath.__repr__


def component(
    function: Any = None,
    *,
    name: str | None = None,
    description: str | None = None,
    image: str | None = None,
    base_image: str | None = None,
    packages: Any = (),
    cpu: Any = None,
    memory: Any = None,
    gpu: Any = None,
    limits: Any = (),
    retry: Any = None,
    timeout: Any = None,
    cache: Any = None,
    env: Any = (),
    secrets: Any = (),
    volumes: Any = (),
    labels: Any = (),
    annotations: Any = (),
    nodes: Any = (),
    tolerations: Any = (),
) -> Any:
    """Make a function a component that a ``%%pipeline`` cell can place: ``@component``, ``@component(…)`` or ``component(f, …)``.

    Parameters
    ----------
    function
        What the component does. It stays what it is, and is given back.
    name, description
        What its steps are called and what they are for; otherwise the function's own name and docstring.
    image, base_image
        The container image its steps run in on a cluster. Both words mean the same.
    packages, cpu, memory, gpu, limits, retry, timeout, cache, env, secrets, volumes, labels, annotations, nodes, tolerations
        As the marks of a step.
    """
    settings = _settings(locals())

    def decorate(function: Any) -> Any:
        return _made(function, name, description, settings)

    return decorate if function is None else decorate(function)


def component_from_command(
    *,
    command: Any,
    image: str | None = None,
    base_image: str | None = None,
    args: Any = (),
    inputs: Any = (),
    outputs: Any = (),
    name: str | None = None,
    description: str | None = None,
    packages: Any = (),
    cpu: Any = None,
    memory: Any = None,
    gpu: Any = None,
    limits: Any = (),
    retry: Any = None,
    timeout: Any = None,
    cache: Any = None,
    env: Any = (),
    secrets: Any = (),
    volumes: Any = (),
    labels: Any = (),
    annotations: Any = (),
    nodes: Any = (),
    tolerations: Any = (),
) -> Any:
    """Make a component of a container's command.

    Parameters
    ----------
    command, args
        As in a pod. ``{NAME}`` of an input becomes its text, ``{NAME}`` of an output the path of the file to write.
    inputs
        Names, or a dict of names and types. They are environment variables too.
    outputs
        Names, or a dict of names and the paths the command writes to by itself (``None``: it asks ``$NAME`` or ``{NAME}``).
    name, description, image, base_image, packages, …
        As for `component`.
    """
    settings = _settings(locals())
    words = [*_words("command", command), *_words("args", args)]
    if not command:
        raise ValueError('`command` is empty: give the program to run, such as command=["sh", "-c"]')
    told = name or words[0].rsplit("/", 1)[-1]
    if not settings["image"]:
        raise TypeError(
            'component `%s` needs the image that has its command, such as image="library/bash:4.4.23"' % told
        )
    takes, gives = _inputs(told, inputs), _outputs(told, outputs)
    _check_names(told, takes, gives)
    _check_scripts(told, words, takes)
    about = {"name": told, "description": _paragraph(description), **settings}
    about.update(command=list(command), args=list(args), inputs=takes, outputs=gives)

    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True  # IPython leaves such frames out
        from kfnb.runtime.shellstep import run_component

        return run_component(about, words, _bound(call.__name__, list(takes), args, kwargs))

    call.__name__ = call.__qualname__ = _identifier(told)
    call.__doc__ = about["description"] or "Run `%s` of the image %s." % (words[0], about["image"])
    setattr(call, MARK, about)
    show_signature(call, lambda inspect: [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in takes])
    return call


# -------------------------------------------------------------------- functions
def _made(function: Any, name: str | None, description: str | None, settings: dict[str, Any]) -> Any:
    if not callable(function):
        hint = ": write component(name=%r)" % function if isinstance(function, str) else ""
        raise TypeError("component takes a function, and got %s%s" % (_kind(function), hint))
    own = getattr(function, "__dict__", {})
    if "command" in own.get(MARK, ()):
        raise TypeError("`%s` is a component already: give its settings to component_from_command" % function.__name__)
    named = getattr(function, "__name__", None)
    text = function.__doc__ if description is None and named is not None else description
    about = {"name": name or named or type(function).__name__, "description": _paragraph(text), **settings}
    if own.get(MARK) == about:
        return function
    if is_wrapper(function):
        function = function.__wrapped__
    declared = _declared(function)
    if declared:
        from kfnb.runtime.paths import with_paths

        made = with_paths(function, declared, about["name"])
    elif _marked(function, about):
        return function
    else:
        made = _apart(function)
        made.__name__ = named or _identifier(about["name"])
    setattr(made, MARK, about)
    return made


def _marked(function: Any, about: dict[str, Any]) -> bool:
    """Write it on the function itself, unless something else stands there or nothing can."""
    if MARK in getattr(function, "__dict__", ()):
        return False
    try:
        setattr(function, MARK, about)
    except (AttributeError, TypeError):
        return False  # built in, or a method
    return True


def _apart(function: Any) -> Any:
    """The function as another component than the one it already is."""
    from functools import wraps

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        return function(*args, **kwargs)

    return call


def is_wrapper(function: Any) -> bool:
    """Whether ``function`` is a wrapper made here, not what the user wrote."""
    home = getattr(function, "__globals__", {}).get("__name__", "")
    return home in (__name__, "kfnb.runtime.paths") and hasattr(function, "__wrapped__")


def _settings(given: dict[str, Any]) -> dict[str, Any]:
    """The settings that were given, as they were given."""
    image, base = given["image"], given["base_image"]
    for word, value in (("image", image), ("base_image", base), ("name", given["name"])):
        if value is not None and not isinstance(value, str):
            raise TypeError("`%s` is a text, not %s" % (word, _kind(value)))
    if image is not None and base is not None and image != base:
        raise ValueError("image=%r and base_image=%r mean the same: give one" % (image, base))
    found = {"image": base if image is None else image}
    found.update((n, given[n]) for n in SETTINGS if given[n] is not None and given[n] != ())
    return found


def _paragraph(text: str | None) -> str:
    """The first paragraph, on one line."""
    lines = [line.strip() for line in (text or "").strip().split("\n")]
    return " ".join(lines[: lines.index("")] if "" in lines else lines)


# -------------------------------------------------------------------- annotations
def _declared(function: Any) -> dict[str, tuple[bool, bool]]:
    """The parameters annotated with a path: whether it is an output, and whether of bytes."""
    inner = function
    while hasattr(inner, "__wrapped__"):
        inner = inner.__wrapped__
        if is_wrapper(inner):
            return {}  # it makes the files itself
    found = {}
    if hasattr(inner, "__code__"):
        for name, annotation in (getattr(inner, "__annotations__", None) or {}).items():
            path = _parsed(annotation, inner) if isinstance(annotation, str) else annotation
            path = path() if path is InputPath or path is OutputPath else path
            if isinstance(path, (InputPath, OutputPath)) and name != "return":
                found[name] = (isinstance(path, OutputPath), path.type in (bytes, "bytes"))
    return found


def _parsed(text: str, function: Any) -> Any:
    """What a string annotation says, when it says a path. It is read, never evaluated."""
    text, names = text.strip(), function.__globals__
    module, _, word = text.strip("'\"").split("(")[0].strip().rpartition(".")
    known = globals().get(word)
    if (module or word) in names:
        known = getattr(names[module], word, None) if module else names[word]
    if known is not InputPath and known is not OutputPath:
        return None
    try:
        node: Any = compile(text, "<annotation>", "eval", 0x400).body  # type: ignore[attr-defined]  # ast.PyCF_ONLY_AST
    except (SyntaxError, ValueError):
        return None
    if type(node).__name__ == "Constant":
        return _parsed(node.value, function)
    if type(node).__name__ in ("Name", "Attribute"):
        return known
    if type(node).__name__ != "Call":
        return None
    of = [*node.args, *(k.value for k in node.keywords)]
    return known(getattr(of[0], "id", getattr(of[0], "value", None)) if of else None)


# -------------------------------------------------------------------- commands
def _words(what: str, given: Any) -> list[str]:
    if isinstance(given, (list, tuple)) and all(isinstance(w, str) for w in given):
        return list(given)
    if not isinstance(given, (list, tuple)):
        raise TypeError('`%s` is a list of texts, such as ["sh", "-c"], not %s' % (what, _kind(given)))
    wrong = next(w for w in given if not isinstance(w, str))
    raise TypeError("`%s` is a list of texts, and %r in it is %s" % (what, wrong, _kind(wrong)))


def _inputs(who: str, given: Any) -> dict[str, str | None]:
    if not isinstance(given, dict):
        given = dict.fromkeys(_named(who, "inputs", given))
    for name, kind in given.items():
        if kind is not None and not isinstance(kind, (str, type)):
            raise TypeError(
                "component `%s`: input `%s` is declared with a type, not with %s" % (who, name, _kind(kind))
            )
    return {n: k.__name__ if isinstance(k, type) else k for n, k in given.items()}


def _outputs(who: str, given: Any) -> dict[str, str | None]:
    if not isinstance(given, dict):
        given = dict.fromkeys(_named(who, "outputs", given))
    paths = [p for p in given.values() if p is not None]
    for name, path in given.items():
        if path is not None and not (isinstance(path, str) and path):
            raise TypeError("component `%s`: output `%s` is a path or None, not %s" % (who, name, _kind(path)))
        if paths.count(path) > 1:
            raise ValueError("component `%s`: two outputs are in one file, %s" % (who, path))
        if str(name).startswith("_"):
            raise ValueError("component `%s`: the output `%s` cannot begin with an underscore" % (who, name))
    return dict(given)


def _named(who: str, what: str, given: Any) -> list[Any]:
    if isinstance(given, str) or not hasattr(given, "__iter__"):
        raise TypeError("component `%s`: `%s` is a list of names or a dict, not %s" % (who, what, _kind(given)))
    found = list(given)
    for name in found:
        if not isinstance(name, str):
            raise TypeError("component `%s`: a name is a text, not %s" % (who, _kind(name)))
        if found.count(name) > 1:
            raise ValueError("component `%s`: `%s` stands twice in `%s`" % (who, name, what))
    return found


def _check_names(who: str, takes: dict[str, Any], gives: dict[str, Any]) -> None:
    from keyword import iskeyword

    for name in (*takes, *gives):
        if not isinstance(name, str):
            raise TypeError("component `%s`: a name is a text, not %s" % (who, _kind(name)))
        if not name.isidentifier() or iskeyword(name):
            raise ValueError("component `%s`: `%s` is no name of a variable" % (who, name))
    for name in takes:
        if name in gives:
            raise ValueError("component `%s`: `%s` is both an input and an output" % (who, name))


def _check_scripts(who: str, words: list[str], takes: dict[str, Any]) -> None:
    for at in _scripts(words):
        for name in takes:
            before = words[at].split("{%s}" % name)[:-1]
            if not all(part.endswith("$") for part in before):
                raise ValueError(
                    "component `%s`: `{%s}` in a shell's script would run what is in the value. Pass it as an argument "
                    'after the script and read "$0" (the next ones "$1", "$2"), or read the variable "$%s"'
                    % (who, name, name)
                )


def _scripts(words: list[str]) -> Iterator[int]:
    """Where the scripts of ``sh -c`` stand, options before them or not (``bash -euo pipefail -c``)."""
    for start, word in enumerate(words):
        if word.rsplit("/", 1)[-1] not in SHELLS:
            continue
        at, script = start + 1, False
        while at < len(words) and words[at][:1] in ("-", "+") and words[at] not in ("-", "--"):
            option = words[at]
            short = not option.startswith("--")
            script = script or short and option.startswith("-") and "c" in option
            at += 1 + (option in ("--rcfile", "--init-file") or short and "o" in option.lower())
        at += at < len(words) and words[at] in ("-", "--")
        if script and at < len(words):
            yield at


def _bound(who: str, names: list[str], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments by name, with Python's own words for what is wrong with them."""
    if len(args) > len(names):
        too_many(who, len(names), len(args))
    found = dict(zip(names, args))
    for name, value in kwargs.items():
        if name not in names:
            raise TypeError("%s() got an unexpected keyword argument '%s'" % (who, name))
        if name in found:
            raise TypeError("%s() got multiple values for argument '%s'" % (who, name))
        found[name] = value
    missing = ["'%s'" % n for n in names if n not in found]
    if missing:
        told = " and ".join(missing) if len(missing) < 3 else "%s, and %s" % (", ".join(missing[:-1]), missing[-1])
        plural = "s" if len(missing) > 1 else ""
        raise TypeError("%s() missing %d required positional argument%s: %s" % (who, len(missing), plural, told))
    return found


def too_many(who: str, takes: int, given: int) -> NoReturn:
    """Raise Python's own words for it."""
    words = (who, takes, "" if takes == 1 else "s", given, "was" if given == 1 else "were")
    raise TypeError("%s() takes %d positional argument%s but %d %s given" % words)


# -------------------------------------------------------------------- several outputs
_kinds: dict[tuple[str, tuple[str, ...]], Any] = {}


def outputs(name: str, fields: tuple[str, ...], values: tuple[Any, ...]) -> Any:
    """A namedtuple of the class ``name``. It is pickled as a call of this function, for no import would find its class."""
    kind = _kinds.get((name, fields))
    if kind is None:
        from collections import namedtuple

        make: Any = namedtuple
        kind = _kinds[name, fields] = make(name, fields, module=__name__)
        kind.__reduce__ = _reduce
    return kind(*values)


def _reduce(value: Any) -> tuple[Any, ...]:
    return (outputs, (type(value).__name__, value._fields, tuple(value)))


def outputs_name(component: str) -> str:
    """``split_data`` gives ``SplitDataOutputs``."""
    words = _identifier(component).split("_")
    return "".join(w[:1].upper() + w[1:] for w in words) + "Outputs"


def _identifier(text: str) -> str:
    words = "".join(c if c.isalnum() else " " for c in text).split()
    name = "_".join(words) or "component"
    return name if name.isidentifier() else "component_" + name


def show_signature(call: Any, parameters: Callable[[Any], Any]) -> None:
    """What a kernel's help shows; a step, where nobody asks, does not pay for importing `inspect`."""
    import sys

    inspect = sys.modules.get("inspect")
    if inspect is not None:
        call.__signature__ = inspect.Signature(parameters(inspect))


def _kind(value: Any) -> str:
    kind = type(value).__name__
    return "%s %s" % ("an" if kind[0] in "aeiou" else "a", kind)
