"""The record of runs. Called, it is a table of them: ``kfnb.runs()``."""

from __future__ import annotations

import sys
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Runs(ModuleType):
    """Python binds the name of a subpackage to its parent: ``kfnb.runs`` is this module, and users call it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """See `kfnb.client.runs_table.runs`."""
        from importlib import import_module

        return import_module("kfnb.client.runs_table").runs(*args, **kwargs)


sys.modules[__name__].__class__ = _Runs
