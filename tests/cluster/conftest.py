from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.argo import Pods, pods
from tests.cluster.outcome import Oracle

KFP = Path(__file__).parents[2] / ".venv-kfp" / "bin" / "python"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Pods]:
    """Where containers' commands run."""
    with pods() as found:
        yield found


@pytest.fixture(scope="session")
def oracle() -> Iterator[Oracle]:
    """`kfp.local`; `make` gives it its environment."""
    assert KFP.exists(), "make .venv-kfp/made"
    found = Oracle(str(KFP))
    yield found
    found.close()
