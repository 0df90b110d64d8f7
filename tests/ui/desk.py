"""The page of the browser that the tests share: JupyterLab, which takes longer to load than most tests do."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import pytest
from playwright.sync_api import Error, Page, ViewportSize

WINDOW: ViewportSize = {"width": 1280, "height": 800}
#: Fixtures that change what a page loads, or must be there before it; the mark `own_page` is for a test that does so itself.
OWN_PAGE = {"settings", "own_lab", "sockets"}
PATIENCE = 5_000  #: milliseconds
START_PATIENCE = 30_000  #: milliseconds, for a kernel that starts on a machine that is busy
SESSIONS = "[...window.jupyterapp.shell.widgets('main')].map(one => one.context?.sessionContext)"
#: JupyterLab fails aloud where a notebook goes in the middle of its kernel's start.
KERNELS_HAVE_STARTED = f"""() => {SESSIONS}.every(
    session => !['initializing', 'starting', 'connecting', 'restarting'].includes(session?.kernelDisplayStatus)
)"""
KERNELS_ARE_IDLE = f"() => {SESSIONS}.every(session => !session || session.session?.kernel?.status === 'idle')"


def loads_page_itself(request: pytest.FixtureRequest) -> bool:
    fixtures = set(request.fixturenames)
    return bool(request.node.get_closest_marker("own_page") or OWN_PAGE & fixtures or "open_file" not in fixtures)


@dataclass
class Desk:
    """JupyterLab's page, which goes from one test to the next when it can be cleared: to load it takes longer than most tests do."""

    page: Page | None = None
    is_clear: bool = False

    def open(self, name: str) -> None:
        assert self.page is not None
        self.is_clear = False
        self.page.evaluate(
            """async name => {
                const { commands, shell } = window.jupyterapp;
                const opened = await commands.execute('docmanager:open', { path: name });
                for (const other of [...shell.widgets('main')]) { // the launcher, where nothing was open
                    if (other !== opened) other.dispose();
                }
            }""",
            name,
        )

    def leave(self, page: Page) -> None:
        """This page is not for the tests that follow."""
        if page is self.page:
            self.page, self.is_clear = None, False

    def clear(self, page: Page, url: str) -> bool:
        """Bring a page back to what it was when it had loaded. ``False`` where that cannot be done."""
        if page.is_closed() or not page.url.startswith(f"{url}/lab"):
            return False
        page.unroute_all()
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(WINDOW)
        self.page = page
        page.wait_for_function("window.jupyterapp.restored.then(() => true)")
        with suppress(Error):  # a kernel may be busy for as long as it likes
            page.wait_for_function(KERNELS_HAVE_STARTED, timeout=START_PATIENCE)
            page.wait_for_function(KERNELS_ARE_IDLE, timeout=PATIENCE)
        self.is_clear = page.evaluate(
            """async () => {
                const { commands, shell } = window.jupyterapp;
                if (document.querySelector('.jp-Dialog, .lm-Menu')) return false;
                for (const one of [...shell.widgets('main'), ...shell.widgets('down')]) one.dispose();
                await commands.execute('application:reset-layout');
                shell.collapseRight();
                document.querySelectorAll('.Toastify__toast [title="Hide notification"]').forEach(one => one.click());
                if (document.body.dataset.jpThemeName !== 'JupyterLab Light') {
                    await commands.execute('apputils:change-theme', { theme: 'JupyterLab Light' });
                }
                return true;
            }"""
        )
        return self.is_clear
