"""Ports for the servers that tests start as processes of their own."""

from __future__ import annotations

import os
import random
import socket
from contextlib import suppress


def free_port() -> int:
    """A port that no other worker's server takes while this one is down: each has a range, below those that the system gives."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for port in random.sample(range(20_000 + 500 * worker, 20_500 + 500 * worker), 500):
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")
