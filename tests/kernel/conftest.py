from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernel.live import Live


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """A kernel with the extension loaded, one for a module's tests."""
    kernel = Live()
    try:
        yield kernel
    finally:
        kernel.close()
