"""Kernels with a record of runs of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.widgets.kernels import Page, opened


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def kernel(home: Path) -> Iterator[Page]:
    """The kernel of a module's tests, with all libraries."""
    with opened({**os.environ, "KFNB_HOME": str(home)}) as page:
        yield page


@pytest.fixture
def front(kernel: Page) -> Page:
    """The kernel, and nothing heard yet."""
    kernel.clear()
    return kernel
