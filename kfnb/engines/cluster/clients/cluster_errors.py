"""The errors of clusters and targets."""

from __future__ import annotations

from kfnb.problems import UserError


class ClusterError(UserError, Exception):
    """A cluster answered with an error, or did not answer.

    Parameters
    ----------
    kind
        ``unreachable``, ``unauthorized``, ``forbidden``, ``missing``, ``gone``, ``conflict``, ``refused`` or ``busy``.
    message
        What happened, and what the user can do.
    retryable
        Whether another attempt may succeed.
    """

    def __init__(self, kind: str, message: str, retryable: bool = False) -> None:
        super().__init__(message)
        self.kind, self.retryable = kind, retryable


class BadTarget(UserError, Exception):
    """A target does not exist, or its configuration cannot be read. The message names the file and says what to write there."""
