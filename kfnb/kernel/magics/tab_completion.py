"""Completes ``%pipeline`` lines when the user presses Tab."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click
from click.shell_completion import ShellComplete

from kfnb.kernel_notebook.find_notebook import find

LINE = re.compile(r"^(?:\s*\w+\s*=)?\s*%pipeline(\s.*)$")


@dataclass(frozen=True)
class Commands:
    """The commands that may follow ``%pipeline``; ``load`` returns one by its name."""

    names: tuple[str, ...]
    load: Callable[[str], click.Command | None]


def load(shell: Any, commands: Commands) -> None:
    """Complete ``%pipeline`` lines in a shell."""
    try:
        from IPython.core.completer import SimpleCompletion, context_matcher
    except ImportError:  # IPython 7, as on Colab, only knows what a line begins with
        shell.set_hook(
            "complete_command", lambda _, event: completions_for(shell, event.line, commands) or [], str_key="%pipeline"
        )
        return

    @context_matcher()  # type: ignore[untyped-decorator]
    def pipeline_matcher(context: Any) -> Any:
        found = completions_for(shell, context.text_until_cursor, commands)
        completions = [SimpleCompletion(text=w, type="magic") for w in found or ()]
        return {"completions": completions, "suppress": bool(completions)}

    shell.Completer.custom_matchers.append(pipeline_matcher)


def completions_for(shell: Any, line: str, commands: Commands) -> list[str] | None:
    """What may stand at the end of a line: commands, options, runs, steps, targets, parameters. ``None``: it is no such line."""
    found = LINE.match(line)
    if found is None:
        return None
    try:
        arguments = shlex.split(found[1])
    except ValueError:
        return []
    incomplete = arguments.pop() if arguments and not line[-1:].isspace() else ""
    return _completions(shell, arguments, incomplete, commands)


def _completions(shell: Any, arguments: list[str], incomplete: str, commands: Commands) -> list[str]:
    if not arguments:
        return [n for n in commands.names if n.startswith(incomplete)]
    command = commands.load(arguments[0])
    if command is None:
        return []
    items = ShellComplete(command, {"obj": find(shell).source}, "%pipeline", "").get_completions(
        arguments[1:], incomplete
    )
    plain = [item.value for item in items if item.type == "plain"]
    return plain if incomplete or _wants_value(command, arguments[-1]) else plain + _options(command)


def _wants_value(command: click.Command, word: str) -> bool:
    return any(isinstance(p, click.Option) and not p.is_flag and word in p.opts for p in command.params)


def _options(command: click.Command) -> list[str]:
    return [o for p in command.params if isinstance(p, click.Option) for o in p.opts if o.startswith("--")]
