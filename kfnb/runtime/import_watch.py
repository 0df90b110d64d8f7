"""Calls a function with a module of a library when the notebook imports it."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Callable


def when_imported(name: str, act: Callable[[Any], None]) -> None:
    """Call ``act`` with the module of this name: now if it is loaded, else right after it has been."""
    module = sys.modules.get(name)
    if module is not None:
        act(module)
    else:
        sys.meta_path.insert(0, _ImportWatch(name, act))


class _ImportWatch:
    """A finder that finds nothing itself, but learns that the module is imported."""

    def __init__(self, name: str, act: Callable[[Any], None]) -> None:
        self._name, self._act = name, act

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != self._name:
            return None
        from importlib.util import find_spec

        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            _after_loading(spec.loader, self._act)
        return spec


def _after_loading(loader: Any, act: Callable[[Any], None]) -> None:
    execute = loader.exec_module

    def exec_module(module: Any) -> None:
        execute(module)
        act(module)

    loader.exec_module = exec_module
