"""Each view by itself, as `labextension/stories` draws it: in every theme, narrow, wide and between. Pictures are in `build/screenshots/stories`."""

from __future__ import annotations

import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserType, CDPSession, Page, Route, expect

from tests.ui.conftest import Console
from tests.ui.helpers import SCREENSHOTS
from tests.ui.test_hard import violations

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
EXTENSION, BUILT = ROOT / "labextension", ROOT / "build" / "stories"
ADDRESS = "http://stories.test"  # the browser asks nobody: the files are handed to it
PICTURES = SCREENSHOTS / "stories"
HEIGHT = 1000  # of the window, where the view is not higher
THEMES = ("light", "dark", "high-contrast")
IS_TOO_WIDE = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture
def stories(browser_type: BrowserType, browser_type_launch_args: dict[str, Any], console: Console) -> Iterator[Page]:
    """The page of the stories, in a browser of its own: that of the other tests comes with a server."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    build = ["node", "node_modules/vite/bin/vite.js", "build", "stories", "--logLevel", "warn"]
    subprocess.run(build, cwd=EXTENSION, env={**os.environ, "PATH": path}, check=True)

    def answer(route: Route) -> None:
        route.fulfill(path=BUILT / route.request.url.removeprefix(f"{ADDRESS}/").partition("?")[0])

    with browser_type.launch(**browser_type_launch_args) as browser:
        page = browser.new_page()
        page.on("console", console.hear)
        page.on("pageerror", console.catch)
        page.route(f"{ADDRESS}/**", answer)
        page.goto(f"{ADDRESS}/index.html?story=log&theme=dark")
        yield page


def take_picture(camera: CDPSession, name: str) -> None:
    """What `Page.screenshot` does, in half the time: the file is written fast and not small."""
    shot = camera.send("Page.captureScreenshot", {"optimizeForSpeed": True})
    (PICTURES / f"{name}.png").write_bytes(b64decode(shot["data"]))


def test_every_view_in_every_theme_and_width(stories: Page, console: Console) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    expect(stories.locator("#story .kfnb-mod-current")).to_be_visible()  # the story that the address names
    red = stories.locator("#story .ansi-red-fg").first
    assert red.evaluate("node => getComputedStyle(node).color !== getComputedStyle(node.parentElement).color")
    camera, wrong = stories.context.new_cdp_session(stories), []
    for look in stories.evaluate("window.stories.looks"):
        name = look["name"]
        stories.evaluate("name => window.stories.show(name)", name)
        for width in look["widths"]:
            stories.set_viewport_size({"width": width, "height": HEIGHT})
            expect(stories.locator(look["key"]).first).to_be_visible()
            stories.set_viewport_size({"width": width, "height": HEIGHT + stories.evaluate("window.stories.hidden()")})
            is_first = width == look["widths"][0]
            for theme in THEMES if is_first else THEMES[:1]:  # a theme changes colours only
                stories.evaluate("theme => window.stories.setTheme(theme)", theme)
                take_picture(camera, f"{name}-{theme}-{width}")
                if is_first:
                    rules = () if theme == THEMES[0] else ("color-contrast",)
                    wrong += [f"{name}, {theme}: {found}" for found in violations(stories, "body", rules=rules)]
            if stories.evaluate(IS_TOO_WIDE):
                wrong.append(f"{name} is wider than {width} pixels")
    assert wrong + console.said == [], "\n".join(wrong + console.said)
