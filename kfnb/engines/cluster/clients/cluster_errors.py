"""Errors of clusters and targets: what a cluster answered, and what is wrong with a target's configuration."""

from __future__ import annotations

from kfnb.problems import UserError


class ClusterError(UserError, Exception):
    """A cluster answered with an error, or did not answer.

    ``kind`` is ``unreachable unauthorized forbidden missing gone conflict refused busy``; the text says what happened and what to do.
    ``retryable`` says that another try may succeed.
    """

    def __init__(self, kind: str, message: str, retryable: bool = False) -> None:
        super().__init__(message)
        self.kind, self.retryable = kind, retryable


class BadTarget(UserError, Exception):
    """A target does not exist or cannot be read. The text says which file it is and what to write there."""
