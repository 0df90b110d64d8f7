"""Loads stored values outside a step, for ``kfnb result`` and the live kernel."""

from __future__ import annotations

from kfnb.runtime.values.value_store import Store

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any


def load_value(store: str, bundle: str, name: str) -> Any:
    """The value ``name`` of a stored bundle. Raises `kfnb.runtime.step_failures.Failure` when it cannot be read."""
    return Store(store).load(bundle, name)
