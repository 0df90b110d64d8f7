"""Components of a container's command: on this machine a call runs the command, in a pipeline it is a step."""

from __future__ import annotations

from kfnb.runtime.components.component_calls import identifier, kind_of, show_signature, too_many
from kfnb.runtime.components.component_decorators import MARK, paragraph, settings

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
    given = settings(locals())
    words = [*_words("command", command), *_words("args", args)]
    if not command:
        raise ValueError('`command` is empty: give the program to run, such as command=["sh", "-c"]')
    told = name or words[0].rsplit("/", 1)[-1]
    if not given["image"]:
        raise TypeError(
            'component `%s` needs the image that has its command, such as image="library/bash:4.4.23"' % told
        )
    takes, gives = _inputs(told, inputs), _outputs(told, outputs)
    _check_names(told, takes, gives)
    _check_scripts(told, words, takes)
    about = {"name": told, "description": paragraph(description), **given}
    about.update(command=list(command), args=list(args), inputs=takes, outputs=gives)

    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True  # IPython leaves such frames out
        from kfnb.runtime.components.shell_steps import run_component

        return run_component(about, words, _bound(call.__name__, list(takes), args, kwargs))

    call.__name__ = call.__qualname__ = identifier(told)
    call.__doc__ = about["description"] or "Run `%s` of the image %s." % (words[0], about["image"])
    setattr(call, MARK, about)
    show_signature(call, lambda inspect: [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in takes])
    return call


# -------------------------------------------------------------------- commands
def _words(what: str, given: Any) -> list[str]:
    if isinstance(given, (list, tuple)) and all(isinstance(w, str) for w in given):
        return list(given)
    if not isinstance(given, (list, tuple)):
        raise TypeError('`%s` is a list of texts, such as ["sh", "-c"], not %s' % (what, kind_of(given)))
    wrong = next(w for w in given if not isinstance(w, str))
    raise TypeError("`%s` is a list of texts, and %r in it is %s" % (what, wrong, kind_of(wrong)))


def _inputs(who: str, given: Any) -> dict[str, str | None]:
    if not isinstance(given, dict):
        given = dict.fromkeys(_named(who, "inputs", given))
    for name, kind in given.items():
        if kind is not None and not isinstance(kind, (str, type)):
            raise TypeError(
                "component `%s`: input `%s` is declared with a type, not with %s" % (who, name, kind_of(kind))
            )
    return {n: k.__name__ if isinstance(k, type) else k for n, k in given.items()}


def _outputs(who: str, given: Any) -> dict[str, str | None]:
    if not isinstance(given, dict):
        given = dict.fromkeys(_named(who, "outputs", given))
    paths = [p for p in given.values() if p is not None]
    for name, path in given.items():
        if path is not None and not (isinstance(path, str) and path):
            raise TypeError("component `%s`: output `%s` is a path or None, not %s" % (who, name, kind_of(path)))
        if paths.count(path) > 1:
            raise ValueError("component `%s`: two outputs are in one file, %s" % (who, path))
        if str(name).startswith("_"):
            raise ValueError("component `%s`: the output `%s` cannot begin with an underscore" % (who, name))
    return dict(given)


def _named(who: str, what: str, given: Any) -> list[Any]:
    if isinstance(given, str) or not hasattr(given, "__iter__"):
        raise TypeError("component `%s`: `%s` is a list of names or a dict, not %s" % (who, what, kind_of(given)))
    found = list(given)
    for name in found:
        if not isinstance(name, str):
            raise TypeError("component `%s`: a name is a text, not %s" % (who, kind_of(name)))
        if found.count(name) > 1:
            raise ValueError("component `%s`: `%s` stands twice in `%s`" % (who, name, what))
    return found


def _check_names(who: str, takes: dict[str, Any], gives: dict[str, Any]) -> None:
    from keyword import iskeyword

    for name in (*takes, *gives):
        if not isinstance(name, str):
            raise TypeError("component `%s`: a name is a text, not %s" % (who, kind_of(name)))
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
