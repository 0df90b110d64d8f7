"""The browser of `tests/ui`, for figures of what a user sees."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import CDPSession, Page

from tests.ui.conftest import *  # noqa: F403


@pytest.fixture
def traced(page: Page) -> Iterator[CDPSession]:
    session = page.context.new_cdp_session(page)
    session.send("Performance.setTimeDomain", {"timeDomain": "threadTicks"})  # other processes have their own time
    session.send("Performance.enable")
    yield session
    session.detach()
