"""Protocols of the shell and of the session: what the magics ask of a step's shell, and what the shell asks of the cells' session.

The modules would import each other without them. Only a type checker reads this module.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Protocol

    class SessionProtocol(Protocol):
        """The cells of a step, as its shell uses them."""

        namespace: dict[str, Any]
        cell: int

        @property
        def displays(self) -> Any: ...

        def run_text(self, text: str) -> Any: ...

        def report(self, error: BaseException) -> None: ...

        def show_figures(self) -> None: ...

    class ShellProtocol(Protocol):
        """The shell of a step, as its magics use it."""

        _session: Any
        user_ns: dict[str, Any]
        user_module: Any
        configurables: list[Any]
        aliases: dict[str, str]
        folders: list[str]
        magics_manager: Any
        extension_manager: Any

        @property
        def display_formatter(self) -> Any: ...
