"""Components that run a command of a container: a call runs the command on this machine, in a pipeline it is a step."""

from __future__ import annotations

from kfnb.runtime.components.component_decorators import MARK, paragraph, settings
from kfnb.runtime.components.component_signatures import identifier, kind_of, raise_too_many_arguments, show_signature

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Iterator

SHELLS = ("sh", "bash", "dash", "zsh", "ash")


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
    """Make a component that runs a command of a container.

    Parameters
    ----------
    command, args
        As in a pod. ``{NAME}`` is replaced by the text of an input, or by the path of the file of an output.
    inputs
        Names, or a dict of names and types. The command also gets them as environment variables. On Kubeflow Pipelines a shell sets these, so
        there the command must name its inputs unless it is known that its image has one.
    outputs
        Names, or a dict of names and the fixed paths that the command writes to. With ``None`` the command uses
        ``$NAME`` or ``{NAME}``.
    name, description, image, base_image, packages, …
        As for `component`.
    """
    declared = settings(locals())
    words = [*_words("command", command), *_words("args", args)]
    if not command:
        raise ValueError('`command` is empty: give the program to run, such as command=["sh", "-c"]')
    component_name = name or words[0].rsplit("/", 1)[-1]
    if not declared["image"]:
        raise TypeError(
            'component `%s` needs the image that has its command, such as image="library/bash:4.4.23"' % component_name
        )
    input_types, output_paths = _inputs(component_name, inputs), _outputs(component_name, outputs)
    _check_names(component_name, input_types, output_paths)
    _check_scripts(component_name, words, input_types)
    metadata = {"name": component_name, "description": paragraph(description), **declared}
    metadata.update(command=list(command), args=list(args), inputs=input_types, outputs=output_paths)

    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True  # IPython leaves such frames out
        from kfnb.runtime.components.shell_steps import run_component

        return run_component(metadata, words, _bind_arguments(call.__name__, list(input_types), args, kwargs))

    call.__name__ = call.__qualname__ = identifier(component_name)
    call.__doc__ = metadata["description"] or "Run `%s` of the image %s." % (words[0], metadata["image"])
    setattr(call, MARK, metadata)
    show_signature(
        call, lambda inspect: [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in input_types]
    )
    return call


# -------------------------------------------------------------------- commands
def _words(parameter: str, declared: Any) -> list[str]:
    if isinstance(declared, (list, tuple)) and all(isinstance(w, str) for w in declared):
        return list(declared)
    if not isinstance(declared, (list, tuple)):
        raise TypeError('`%s` is a list of texts, such as ["sh", "-c"], not %s' % (parameter, kind_of(declared)))
    wrong = next(w for w in declared if not isinstance(w, str))
    raise TypeError("`%s` is a list of texts, and %r in it is %s" % (parameter, wrong, kind_of(wrong)))


def _inputs(component_name: str, declared: Any) -> dict[str, str | None]:
    if not isinstance(declared, dict):
        declared = dict.fromkeys(_checked_names(component_name, "inputs", declared))
    for name, kind in declared.items():
        if kind is not None and not isinstance(kind, (str, type)):
            raise TypeError(
                "component `%s`: input `%s` is declared with a type, not with %s"
                % (component_name, name, kind_of(kind))
            )
    return {n: k.__name__ if isinstance(k, type) else k for n, k in declared.items()}


def _outputs(component_name: str, declared: Any) -> dict[str, str | None]:
    if not isinstance(declared, dict):
        declared = dict.fromkeys(_checked_names(component_name, "outputs", declared))
    paths = [p for p in declared.values() if p is not None]
    for name, path in declared.items():
        if path is not None and not (isinstance(path, str) and path):
            raise TypeError(
                "component `%s`: output `%s` is a path or None, not %s" % (component_name, name, kind_of(path))
            )
        if paths.count(path) > 1:
            raise ValueError("component `%s`: two outputs are in one file, %s" % (component_name, path))
        if str(name).startswith("_"):
            raise ValueError("component `%s`: the output `%s` cannot begin with an underscore" % (component_name, name))
    return dict(declared)


def _checked_names(component_name: str, parameter: str, declared: Any) -> list[Any]:
    if isinstance(declared, str) or not hasattr(declared, "__iter__"):
        raise TypeError(
            "component `%s`: `%s` is a list of names or a dict, not %s" % (component_name, parameter, kind_of(declared))
        )
    found = list(declared)
    for name in found:
        if not isinstance(name, str):
            raise TypeError("component `%s`: a name is a text, not %s" % (component_name, kind_of(name)))
        if found.count(name) > 1:
            raise ValueError("component `%s`: `%s` stands twice in `%s`" % (component_name, name, parameter))
    return found


def _check_names(component_name: str, input_types: dict[str, Any], output_paths: dict[str, Any]) -> None:
    from keyword import iskeyword

    for name in (*input_types, *output_paths):
        if not isinstance(name, str):
            raise TypeError("component `%s`: a name is a text, not %s" % (component_name, kind_of(name)))
        if not name.isidentifier() or iskeyword(name):
            raise ValueError("component `%s`: `%s` is no name of a variable" % (component_name, name))
    for name in input_types:
        if name in output_paths:
            raise ValueError("component `%s`: `%s` is both an input and an output" % (component_name, name))


def _check_scripts(component_name: str, words: list[str], input_types: dict[str, Any]) -> None:
    for position in _scripts(words):
        for name in input_types:
            before = words[position].split("{%s}" % name)[:-1]
            if not all(part.endswith("$") for part in before):
                raise ValueError(
                    "component `%s`: `{%s}` in a shell's script would run what is in the value. Pass it as an argument "
                    'after the script and read "$0" (the next ones "$1", "$2"), or read the variable "$%s"'
                    % (component_name, name, name)
                )


def _scripts(words: list[str]) -> Iterator[int]:
    """The positions of the scripts of ``sh -c``, also after options (``bash -euo pipefail -c``)."""
    for start, word in enumerate(words):
        if word.rsplit("/", 1)[-1] not in SHELLS:
            continue
        position, script = start + 1, False
        while position < len(words) and words[position][:1] in ("-", "+") and words[position] not in ("-", "--"):
            option = words[position]
            short = not option.startswith("--")
            script = script or short and option.startswith("-") and "c" in option
            position += 1 + (option in ("--rcfile", "--init-file") or short and "o" in option.lower())
        position += position < len(words) and words[position] in ("-", "--")
        if script and position < len(words):
            yield position


def _bind_arguments(
    component_name: str, names: list[str], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """The arguments by name. Wrong arguments raise the same errors as in Python."""
    if len(args) > len(names):
        raise_too_many_arguments(component_name, len(names), len(args))
    found = dict(zip(names, args))
    for name, value in kwargs.items():
        if name not in names:
            raise TypeError("%s() got an unexpected keyword argument '%s'" % (component_name, name))
        if name in found:
            raise TypeError("%s() got multiple values for argument '%s'" % (component_name, name))
        found[name] = value
    missing = ["'%s'" % n for n in names if n not in found]
    if missing:
        listed = " and ".join(missing) if len(missing) < 3 else "%s, and %s" % (", ".join(missing[:-1]), missing[-1])
        plural = "s" if len(missing) > 1 else ""
        raise TypeError(
            "%s() missing %d required positional argument%s: %s" % (component_name, len(missing), plural, listed)
        )
    return found
