"""JupyterLab and Notebook 7 in a real browser: Debian's Chromium, driven by Playwright, on a server made for the tests."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import ConsoleMessage, Error, Page, expect

from tests.notebooks import Json, notebook, write
from tests.ui.helpers import is_uncovered

HERE = Path(__file__).parent
SECONDS = 60  # a machine that is busy with other tests is slow, not wrong

expect.set_options(timeout=SECONDS * 1000)


@dataclass(frozen=True)
class Lab:
    """A running server, its notebooks' folder, and what opens it."""

    url: str
    root: Path
    token: str

    def ask(self, method: str, path: str, body: Json | None = None) -> Any:
        """Ask the server's REST API."""
        request = urllib.request.Request(
            f"{self.url}/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return json.loads(answer.read() or "null")


OpenNotebook = Callable[..., Page]
Settings = Callable[..., None]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """These tests come last: once Playwright has begun, its event loop runs in this thread to the end of the session."""
    items.sort(key=lambda item: HERE in item.path.parents)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium, "these tests need Chromium: run tools/debian-packages"
    return {**browser_type_launch_args, "executable_path": chromium, "args": ["--disable-gpu"]}


@pytest.fixture(scope="session")
def base_url(lab: Lab) -> str:
    return lab.url


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "viewport": {"width": 1280, "height": 800}}


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A server that knows nothing of the user's settings and leaves nothing behind."""
    home = tmp_path_factory.mktemp("lab")
    lab = Lab(f"http://127.0.0.1:{free_port()}", home / "notebooks", "token")
    lab.root.mkdir()
    configure(home, lab)
    names = ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR", "KFNB_HOME", "XDG_CONFIG_HOME")  # fmt: skip
    env = {**os.environ, **{name: str(home / name.lower()) for name in names}}
    env.update(JUPYTER_CONFIG_DIR=str(home / "config"), JUPYTERLAB_SETTINGS_DIR=str(home / "settings"))
    log = home / "server.log"
    with log.open("w") as out:
        server = subprocess.Popen([sys.executable, "-m", "jupyterlab"], env=env, stdout=out, stderr=out)
    try:
        wait_for(lab, server, log)
        yield lab
    finally:
        server.terminate()
        try:
            server.wait(5)
        except subprocess.TimeoutExpired:
            server.kill()  # it does not end when it is told to in the middle of a request
            server.wait()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def configure(home: Path, lab: Lab) -> None:
    server = {
        "ip": "127.0.0.1",
        "port": int(lab.url.rpartition(":")[2]),
        "port_retries": 0,
        "root_dir": str(lab.root),
        "open_browser": False,
        "allow_root": True,
    }
    config = {
        "ServerApp": server,
        "IdentityProvider": {"token": lab.token},
        "LabApp": {"expose_app_in_browser": True},
        "JupyterNotebookApp": {"expose_app_in_browser": True},
    }
    news = {"fetchNews": "false", "checkForUpdates": False}
    for path, content in {
        home / "config" / "jupyter_config.json": config,
        home / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings": news,
    }.items():
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(content))


def wait_for(lab: Lab, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            lab.ask("GET", "api/status")
            return
        except (urllib.error.URLError, ConnectionError):
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"JupyterLab does not start:\n{log.read_text()}")
        time.sleep(0.1)


@pytest.fixture
def page(page: Page) -> Iterator[Page]:
    """A browser's page whose console must have stayed empty when the test ends."""
    said: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        # Jupyter says of a bad schema in a warning that it is dropped; other warnings are its own affair
        if message.type == "error" or (message.type == "warning" and "kfnb" in message.text):
            said.append(f"{message.type}: {message.text} ({message.location['url']})")

    def on_exception(error: Error) -> None:
        # Notebook 7 throws some at the start with no extension at all; in JupyterLab every one counts
        stack = error.stack or ""
        if "/static/notebook/" not in stack or "/extensions/kfnb/" in stack:
            said.append(f"exception: {error.message}\n{stack}")

    page.on("console", on_console)
    page.on("pageerror", on_exception)
    page.set_default_timeout(SECONDS * 1000)
    yield page
    if said:
        pytest.fail("the browser's console says:\n" + "\n".join(said))


@pytest.fixture
def settings(lab: Lab) -> Iterator[Settings]:
    """Give a plugin other settings while the test runs: ``settings("kfnb:badges", showBadges=False)``."""
    changed: set[str] = set()

    def change(plugin: str, **values: Any) -> None:
        changed.add(plugin)
        lab.ask("PUT", f"lab/api/settings/{plugin}", {"raw": json.dumps(values)})

    yield change
    for plugin in changed:
        lab.ask("PUT", f"lab/api/settings/{plugin}", {"raw": "{}"})


@pytest.fixture
def open_notebook(lab: Lab, page: Page, request: pytest.FixtureRequest) -> Iterator[OpenNotebook]:
    """Open a new file with these cells (see ``tests.notebooks``) in JupyterLab, or in Notebook 7 with ``app="notebooks"``."""

    def opened(*cells: Json, app: str = "lab/tree", kernel: str = "python3") -> Page:
        metadata = {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}}
        path = write(lab.root, notebook(*cells, metadata=metadata), f"{time.monotonic_ns()}.ipynb")
        reset = "&reset" if app.startswith("lab") else ""
        page.goto(f"/{app}/{path.name}?token={lab.token}{reset}")
        expect(page.locator(".jp-Notebook .jp-Cell").first).to_be_visible()
        is_uncovered(page)
        return page

    yield opened
    for session in lab.ask("GET", "api/sessions"):
        lab.ask("DELETE", f"api/sessions/{session['id']}")
