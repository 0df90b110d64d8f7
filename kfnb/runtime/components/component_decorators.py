"""``@component`` and the annotations `InputPath` and `OutputPath`. A component stays a plain callable everywhere."""

from __future__ import annotations

from kfnb.runtime.components.component_signatures import identifier, kind_of

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

SETTINGS = (
    "packages", "index_url", "extra_index_urls", "find_links", "apt", "cpu", "memory", "gpu", "limits", "retry", "timeout", "cache", "on_failure", "pod", "network", "files", "env", "secrets", "volumes", "labels",
    "annotations", "nodes", "tolerations", "config_maps", "affinity", "priority_class", "service_account", "shared_memory",
    "ephemeral_storage", "image_pull_policy", "pull_secrets", "security_context",
)  # fmt: skip
MARK = "__kfnb__"  #: the attribute of a component that holds its metadata


class InputPath:
    """Annotation of a parameter: the caller passes text or bytes, and the function gets the path of a file with them."""

    def __init__(self, type: Any = None) -> None:
        self.type = type

    def __repr__(self) -> str:
        return "%s(%r)" % (type(self).__name__, self.type)


class OutputPath:
    """Annotation of a parameter: the function gets the path of a file to write, and the file is an output of the component."""

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
    apt: Any = (),
    cpu: Any = None,
    memory: Any = None,
    gpu: Any = None,
    limits: Any = (),
    retry: Any = None,
    timeout: Any = None,
    cache: Any = None,
    on_failure: Any = None,
    pod: Any = None,
    network: Any = None,
    files: Any = (),
    env: Any = (),
    secrets: Any = (),
    volumes: Any = (),
    labels: Any = (),
    annotations: Any = (),
    nodes: Any = (),
    tolerations: Any = (),
    config_maps: Any = (),
    affinity: Any = (),
    priority_class: Any = None,
    service_account: Any = None,
    shared_memory: Any = None,
    ephemeral_storage: Any = None,
    image_pull_policy: Any = None,
    pull_secrets: Any = (),
    security_context: Any = (),
) -> Any:
    """Make a function a component that a ``%%pipeline`` cell can place: ``@component``, ``@component(…)`` or ``component(f, …)``.

    Parameters
    ----------
    function
        The function that the component runs. It is returned unchanged.
    name, description
        The name and description of its steps. Default: the name and docstring of the function.
    image, base_image
        The container image its steps run in on a cluster. Both parameters mean the same.
    packages, index_url, extra_index_urls, find_links, apt, cpu, memory, gpu, limits, retry, timeout, cache, on_failure, pod, network, files, env, secrets, volumes, labels, annotations, nodes, tolerations, config_maps, affinity, priority_class, service_account, shared_memory, ephemeral_storage, image_pull_policy, pull_secrets, security_context
        As for the marks of a step.
    """
    options = settings(locals())

    def decorate(function: Any) -> Any:
        return _to_component(function, name, description, options)

    return decorate if function is None else decorate(function)


# -------------------------------------------------------------------- functions
def _to_component(function: Any, name: str | None, description: str | None, settings: dict[str, Any]) -> Any:
    if not callable(function):
        hint = ": write component(name=%r)" % function if isinstance(function, str) else ""
        raise TypeError("component takes a function, and got %s%s" % (kind_of(function), hint))
    attributes = getattr(function, "__dict__", {})
    if "command" in attributes.get(MARK, ()):
        raise TypeError("`%s` is a component already: give its settings to component_from_command" % function.__name__)
    function_name = getattr(function, "__name__", None)
    text = function.__doc__ if description is None and function_name is not None else description
    metadata = {"name": name or function_name or type(function).__name__, "description": paragraph(text), **settings}
    if attributes.get(MARK) == metadata:
        return function
    if is_wrapper(function):
        function = function.__wrapped__
    path_parameters = _path_parameters(function)
    if path_parameters:
        from kfnb.runtime.components.file_components import with_paths

        result = with_paths(function, path_parameters, metadata["name"])
    elif _set_metadata(function, metadata):
        return function
    else:
        result = _wrapped_copy(function)
        result.__name__ = function_name or identifier(metadata["name"])
    setattr(result, MARK, metadata)
    return result


def _set_metadata(function: Any, metadata: dict[str, Any]) -> bool:
    """Write the metadata to the function, and return whether that was possible."""
    if MARK in getattr(function, "__dict__", ()):
        return False
    try:
        setattr(function, MARK, metadata)
    except (AttributeError, TypeError):
        return False  # built in, or a method
    return True


def _wrapped_copy(function: Any) -> Any:
    """A wrapper of the function, for a second component of the same function."""
    from functools import wraps

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        return function(*args, **kwargs)

    return call


def is_wrapper(function: Any) -> bool:
    """Whether ``function`` is a wrapper that kfnb made around the user's function."""
    home = getattr(function, "__globals__", {}).get("__name__", "")
    return home in (__name__, "kfnb.runtime.components.file_components") and hasattr(function, "__wrapped__")


def settings(options: dict[str, Any]) -> dict[str, Any]:
    """The settings among the arguments that the caller passed, unchanged."""
    image, base = options["image"], options["base_image"]
    for word, value in (("image", image), ("base_image", base), ("name", options["name"])):
        if value is not None and not isinstance(value, str):
            raise TypeError("`%s` is a text, not %s" % (word, kind_of(value)))
    if image is not None and base is not None and image != base:
        raise ValueError("image=%r and base_image=%r mean the same: give one" % (image, base))
    found = {"image": base if image is None else image}
    found.update((n, options[n]) for n in SETTINGS if options.get(n) is not None and options[n] != ())
    return found


def paragraph(text: str | None) -> str:
    """The first paragraph, on one line."""
    lines = [line.strip() for line in (text or "").strip().split("\n")]
    return " ".join(lines[: lines.index("")] if "" in lines else lines)


# -------------------------------------------------------------------- annotations
def _path_parameters(function: Any) -> dict[str, tuple[bool, bool]]:
    """The parameters annotated with a path: whether each is an output, and whether it holds bytes."""
    inner = function
    while hasattr(inner, "__wrapped__"):
        inner = inner.__wrapped__
        if is_wrapper(inner):
            return {}  # the wrapper creates the files itself
    found = {}
    if hasattr(inner, "__code__"):
        for name, annotation in (getattr(inner, "__annotations__", None) or {}).items():
            path = _parse_annotation(annotation, inner) if isinstance(annotation, str) else annotation
            path = path() if path is InputPath or path is OutputPath else path
            if isinstance(path, (InputPath, OutputPath)) and name != "return":
                found[name] = (isinstance(path, OutputPath), path.type in (bytes, "bytes"))
    return found


def _parse_annotation(text: str, function: Any) -> Any:
    """The path annotation that a string annotation means, or ``None``. The string is parsed and never evaluated."""
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
        return _parse_annotation(node.value, function)
    if type(node).__name__ in ("Name", "Attribute"):
        return known
    if type(node).__name__ != "Call":
        return None
    of = [*node.args, *(k.value for k in node.keywords)]
    return known(getattr(of[0], "id", getattr(of[0], "value", None)) if of else None)
