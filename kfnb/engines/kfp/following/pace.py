"""How often something is asked for."""

from __future__ import annotations

GROWTH = 1.5
MOST = 3  #: how many times as long as the shortest wait the longest is


class Pace:
    """The wait until something is asked for again. It grows while nothing changes.

    Parameters
    ----------
    shortest
        The seconds between two requests while something changes.
    """

    def __init__(self, shortest: float) -> None:
        self._shortest = shortest
        self.wait = shortest

    def note(self, changed: bool, most: float = MOST) -> None:
        """Take into account whether the last answer differed from the one before. The wait grows to ``most`` times the shortest."""
        self.wait = self._shortest if changed else min(self.wait * GROWTH, self._shortest * most)
