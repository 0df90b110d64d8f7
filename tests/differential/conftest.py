from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.differential.compare import Reference, reference


@pytest.fixture(scope="session")
def kernel() -> Iterator[Reference]:
    """The reference kernel's server."""
    with reference() as server:
        yield server
