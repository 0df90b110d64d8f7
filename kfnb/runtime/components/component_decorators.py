"""``@component`` and its kin: what a pipeline cell calls, each a plain callable in a live kernel and inside a step."""

from __future__ import annotations

from kfnb.runtime.components.component_calls import identifier, kind_of

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

SETTINGS = (
    "packages", "index_url", "extra_index_urls", "find_links", "cpu", "memory", "gpu", "limits", "retry", "timeout", "cache", "on_failure", "env", "secrets", "volumes", "labels",
    "annotations", "nodes", "tolerations",
)  # fmt: skip
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
    index_url: Any = None,
    extra_index_urls: Any = (),
    find_links: Any = (),
    cpu: Any = None,
    memory: Any = None,
    gpu: Any = None,
    limits: Any = (),
    retry: Any = None,
    timeout: Any = None,
    cache: Any = None,
    on_failure: Any = None,
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
    packages, index_url, extra_index_urls, find_links, cpu, memory, gpu, limits, retry, timeout, cache, on_failure, env, secrets, volumes, labels, annotations, nodes, tolerations
        As the marks of a step.
    """
    given = settings(locals())

    def decorate(function: Any) -> Any:
        return _made(function, name, description, given)

    return decorate if function is None else decorate(function)


# -------------------------------------------------------------------- functions
def _made(function: Any, name: str | None, description: str | None, settings: dict[str, Any]) -> Any:
    if not callable(function):
        hint = ": write component(name=%r)" % function if isinstance(function, str) else ""
        raise TypeError("component takes a function, and got %s%s" % (kind_of(function), hint))
    own = getattr(function, "__dict__", {})
    if "command" in own.get(MARK, ()):
        raise TypeError("`%s` is a component already: give its settings to component_from_command" % function.__name__)
    named = getattr(function, "__name__", None)
    text = function.__doc__ if description is None and named is not None else description
    about = {"name": name or named or type(function).__name__, "description": paragraph(text), **settings}
    if own.get(MARK) == about:
        return function
    if is_wrapper(function):
        function = function.__wrapped__
    declared = _declared(function)
    if declared:
        from kfnb.runtime.components.file_components import with_paths

        made = with_paths(function, declared, about["name"])
    elif _marked(function, about):
        return function
    else:
        made = _apart(function)
        made.__name__ = named or identifier(about["name"])
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
    return home in (__name__, "kfnb.runtime.components.file_components") and hasattr(function, "__wrapped__")


def settings(given: dict[str, Any]) -> dict[str, Any]:
    """The settings that were given, as they were given."""
    image, base = given["image"], given["base_image"]
    for word, value in (("image", image), ("base_image", base), ("name", given["name"])):
        if value is not None and not isinstance(value, str):
            raise TypeError("`%s` is a text, not %s" % (word, kind_of(value)))
    if image is not None and base is not None and image != base:
        raise ValueError("image=%r and base_image=%r mean the same: give one" % (image, base))
    found = {"image": base if image is None else image}
    found.update((n, given[n]) for n in SETTINGS if given.get(n) is not None and given[n] != ())
    return found


def paragraph(text: str | None) -> str:
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
