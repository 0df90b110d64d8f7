"""What goes wrong with targets: with what a cluster answers, and with how one is configured."""

from __future__ import annotations

from kfnb.problems import UserError


class ClusterError(UserError, Exception):
    """What a cluster answered.

    ``kind`` is ``unreachable unauthorized forbidden missing gone conflict refused busy``; the text says what happened and what to do.
    ``again``: trying once more may help.
    """

    def __init__(self, kind: str, message: str, again: bool = False) -> None:
        super().__init__(message)
        self.kind, self.again = kind, again


class BadTarget(UserError, Exception):
    """A target is not there or cannot be read; the text says which file and what to write."""
