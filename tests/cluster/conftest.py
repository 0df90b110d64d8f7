from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.cluster.argo import Pods, pods
from tests.cluster.outcome import Oracle


@pytest.fixture(scope="session")
def cluster() -> Iterator[Pods]:
    """Where containers' commands run."""
    with pods() as found:
        yield found


@pytest.fixture(scope="session")
def oracle() -> Iterator[Oracle]:
    with closing(Oracle()) as found:
        yield found
