"""Makes IPython use the step's shell when it is loaded in a step: `display`, `get_ipython` and decorators of magics."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Callable

SHELL = "IPython.core.interactiveshell"


def answer_for_ipython(shell: Callable[[], Any]) -> None:
    """Make IPython use the step's shell, now or when it is imported.

    All functions of IPython get the shell from `InteractiveShell`.
    """
    module = sys.modules.get(SHELL)
    if module is not None:
        _patch_shell(module, shell)
    else:
        sys.meta_path.insert(0, _ImportWatch(shell))


def _patch_shell(module: Any, shell: Callable[[], Any]) -> None:
    module.InteractiveShell.initialized = classmethod(lambda cls: True)
    module.InteractiveShell.instance = classmethod(lambda cls, *args, **options: shell())


class _ImportWatch:
    """A finder that patches IPython's shell when it is imported."""

    def __init__(self, shell: Callable[[], Any]) -> None:
        self._shell = shell

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != SHELL:
            return None
        from importlib.util import find_spec

        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            _after_loading(spec.loader, lambda module: _patch_shell(module, self._shell))
        return spec


def _after_loading(loader: Any, callback: Callable[[Any], None]) -> None:
    execute = loader.exec_module

    def exec_module(module: Any) -> None:
        execute(module)
        callback(module)

    loader.exec_module = exec_module
