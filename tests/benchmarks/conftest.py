"""The browser of `tests/ui`, for figures of what a user sees."""

from tests.ui.conftest import *  # noqa: F403
