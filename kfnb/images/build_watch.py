"""What is told while images are built, and what it is called. It is apart from the builders, which take long to import."""

from __future__ import annotations

from collections.abc import Callable

#: Is told of a layer's title what is done with it (``download``, ``upload``, ``build``), how many bytes are done, and how many there are.
Watch = Callable[[str, str, int, int], None]


def watch_nothing(*_: object) -> None:
    """For those who do not watch."""
