"""Makes IPython use the step's shell when it is loaded in a step: `display`, `get_ipython` and decorators of magics."""

from __future__ import annotations

from kfnb.runtime.import_watch import when_imported

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Callable


def answer_for_ipython(shell: Callable[[], Any]) -> None:
    """Make IPython use the step's shell, now or when it is imported.

    All functions of IPython get the shell from `InteractiveShell`.
    """
    when_imported("IPython.core.interactiveshell", lambda module: _patch_shell(module, shell))


def _patch_shell(module: Any, shell: Callable[[], Any]) -> None:
    module.InteractiveShell.initialized = classmethod(lambda cls: True)
    module.InteractiveShell.instance = classmethod(lambda cls, *args, **options: shell())
