from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.argo import Pods, pods
from tests.cluster.outcome import Oracle, kfp_local


@pytest.fixture(scope="session")
def cluster() -> Iterator[Pods]:
    """Where containers' commands run."""
    with pods() as found:
        yield found


@pytest.fixture(scope="session")
def oracle() -> Iterator[Oracle]:
    with kfp_local() as found:
        yield found
