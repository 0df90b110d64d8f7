"""How long to wait before a request is sent again, and after which answers."""

from __future__ import annotations

import random
import time
from email.utils import parsedate_to_datetime

LONGEST_WAIT = 120.0  #: seconds that kfnb waits because a server asks for it
BUSY = frozenset({408, 429, 500, 502, 503, 504})  #: the statuses of a server that may answer later


def wait_before_next(attempt: int, asked: str | None) -> float:
    """Seconds until the next attempt: what the server asks for, else twice as long each time, and never all at once.

    Parameters
    ----------
    attempt
        How many attempts came before the one that failed.
    asked
        The header `Retry-After` of its answer.
    """
    if asked:
        try:
            return max(0.0, float(asked))
        except ValueError:
            pass
        try:
            return max(0.0, parsedate_to_datetime(asked).timestamp() - time.time())
        except (ValueError, TypeError):
            pass
    return float(min(30.0, 0.5 * 2**attempt) * random.uniform(0.7, 1.3))
