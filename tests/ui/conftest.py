"""JupyterLab and Notebook 7 in a real browser: Debian's Chromium, driven by Playwright, on a server made for the tests."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, BrowserType, ConsoleMessage, Error, Page, expect

from tests.cluster.kube_api import Cluster, served
from tests.notebooks import Json, notebook, write
from tests.ports import free_port
from tests.ui.desk import WINDOW, Desk, loads_page_itself
from tests.ui.helpers import command, in_notebook, is_uncovered

HERE = Path(__file__).parent
SECONDS = 60  # a machine that is busy with other tests is slow, not wrong
PAGE_CONFIG = Path("config", "labconfig", "page_config.json")
FAILED = pytest.StashKey[bool]()
LOG_LINES = 120  #: of a server's log that are shown where a test fails

expect.set_options(timeout=SECONDS * 1000)


@dataclass
class Lab:
    """A server that knows nothing of the user's settings: its notebooks' folder, and what opens it. Its port stays its own."""

    home: Path
    url: str
    token: str = "token"
    python: str = sys.executable
    _server: subprocess.Popen[bytes] | None = None

    @property
    def root(self) -> Path:
        return self.home / "notebooks"

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

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    def start(self) -> None:
        names = ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR", "KFNB_HOME", "XDG_CONFIG_HOME", "KUBECONFIG")  # fmt: skip
        env = {**os.environ, **{name: str(self.home / name.lower()) for name in names}}
        env.update(
            PYTHONPATH=os.pathsep.join(filter(None, (str(korean_pack(self.home)), os.environ.get("PYTHONPATH"))))
        )
        env.update(JUPYTER_CONFIG_DIR=str(self.home / "config"), JUPYTERLAB_SETTINGS_DIR=str(self.home / "settings"))
        with self.log.open("a") as out:
            self._server = subprocess.Popen([self.python, "-m", "jupyterlab"], env=env, stdout=out, stderr=out)
        wait_for(self, self._server)

    def stop(self) -> None:
        """Runs go on, as they do when a user ends the server."""
        if self._server is not None:
            self._server.terminate()
            try:
                self._server.wait(5)
            except subprocess.TimeoutExpired:
                self._server.kill()  # it does not end when it is told to in the middle of a request
                self._server.wait()


OpenFile = Callable[..., Page]
OpenNotebook = Callable[..., Page]
Settings = Callable[..., None]


@pytest.hookimpl(trylast=True)  # pytest itself puts tests together that share a fixture, such as the browser
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """These tests come last: once Playwright has begun, its event loop runs in this thread to the end of the session."""
    items.sort(key=lambda item: HERE in item.path.parents)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of the servers' logs with a test that fails, or whose page heard of an error."""
    report = yield
    item.stash[FAILED] = report.failed or item.stash.get(FAILED, False)
    used = getattr(item, "funcargs", {}).values() if report.failed else ()
    for lab in (one for one in used if isinstance(one, Lab) and one.log.exists()):
        tail = lab.log.read_text("utf-8", "replace").splitlines()[-LOG_LINES:]
        report.sections.append((f"the server's log, {lab.log}", "\n".join(tail)))
    return report


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium, "these tests need Chromium: run tools/debian-packages"
    # the tree for screen readers takes up to 50 ms of a frame, where a browser has been asked to build it
    args = ["--disable-gpu", "--disable-renderer-accessibility"]
    return {**browser_type_launch_args, "executable_path": chromium, "args": args}


@pytest.fixture(scope="session")
def base_url(lab: Lab) -> str:
    return lab.url


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "viewport": WINDOW}


@pytest.fixture(scope="session")
def profile(
    browser_type: BrowserType,
    browser_type_launch_args: dict[str, Any],
    browser_context_args: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[BrowserContext]:
    """A profile of the browser for all tests: it keeps JupyterLab's compiled code, a quarter of what a page costs."""
    folder = tmp_path_factory.mktemp("profile")
    profile = browser_type.launch_persistent_context(folder, **browser_type_launch_args, **browser_context_args)
    yield profile
    profile.close()


@pytest.fixture
def context(profile: BrowserContext, desk: Desk) -> Iterator[BrowserContext]:
    """The profile, without what a test before has left in it."""
    yield profile
    for page in profile.pages[1:]:  # the browser ends with its last page
        if page is not desk.page:
            page.close()
    profile.set_offline(False)
    profile.clear_permissions()


@pytest.fixture(scope="session")
def desk() -> Desk:
    return Desk()


@contextmanager
def lab_in(home: Path, python: str = sys.executable) -> Iterator[Lab]:
    """A server that leaves nothing behind. ``python``: the interpreter of its environment."""
    lab = Lab(home, f"http://127.0.0.1:{free_port()}", python=python)
    lab.root.mkdir(parents=True)
    configure(lab)
    try:
        lab.start()
        yield lab
    finally:
        lab.stop()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The server of all tests that do no harm to it."""
    with lab_in(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture
def own_lab(tmp_path_factory: pytest.TempPathFactory, console: Console) -> Iterator[Lab]:
    """A server of a test's own, which it may end and start again."""
    console.server_may_go = True
    with lab_in(tmp_path_factory.mktemp("own-lab")) as lab:
        yield lab


@contextmanager
def disabled(lab: Lab, *names: str) -> Iterator[None]:
    """Pages that are opened now do without these extensions or plugins."""
    config = lab.home / PAGE_CONFIG
    before = config.read_text()
    config.write_text(json.dumps({**json.loads(before), "disabledExtensions": dict.fromkeys(names, True)}))
    yield
    config.write_text(before)


def korean_pack(home: Path) -> Path:
    """A folder with a language pack of JupyterLab that has no words: with it, Korean can be chosen, and extensions' own words show."""
    folder, name = home / "packs", "jupyterlab_language_pack_ko_KR"
    for path, text in {
        folder / name / "__init__.py": "",
        folder / f"{name}-0.dist-info" / "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 0\n",
        folder / f"{name}-0.dist-info" / "entry_points.txt": f"[jupyterlab.languagepack]\nko_KR = {name}\n",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def configure(lab: Lab) -> None:
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
        lab.home / "config" / "jupyter_config.json": config,
        lab.home / PAGE_CONFIG: {"buildCheck": False, "buildAvailable": False},  # each page would start Node twice
        lab.home / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings": news,
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))


def wait_for(lab: Lab, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            lab.ask("GET", "api/status")
            return
        except (urllib.error.URLError, ConnectionError):
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"JupyterLab does not start:\n{lab.log.read_text()}")
        time.sleep(0.1)


NETWORK_FAILS = re.compile(r"(Failed to load resource|WebSocket connection to '[^']*' failed): ")
#: Jupyter Server's list of kernels fails while one of them starts, because it has no time of its last activity yet.
STARTING_KERNEL = re.compile(r"/api/kernels\?\d+$")
#: What JupyterLab says of the time that plugins take to begin, on a machine that is busy.
SLOW_START = re.compile(r"Plugin \S+ (.* took [\d.]+ms|is taking too long) to activate\.$")
#: JupyterLab's requests to the kernel when a notebook is opened, when it goes before their answers.
CANCELLED_REQUEST = re.compile(r"(Error: |Could not restore the debugger state: )?Canceled future for \w+ ")
JUPYTER, OURS = "/static/lab/", "/extensions/kfnb/"  # whose code it is, by its address
WIDGETS = "/extensions/@jupyter-widgets/"  # throws where a notebook is closed while its kernel starts
GONE_KERNEL = re.compile(r"(WebSocket connection to '\S+/api/kernels/\S+' failed|Failed to load resource).* 404")


@dataclass
class Console:
    """What the browser's console said that it should not have said.

    While the ``server_may_go``, the browser says of JupyterLab's requests and of ours that they fail, and JupyterLab
    complains that its kernels are dead and parts of itself missing; our own code has nothing to say then either.
    """

    said: list[str] = field(default_factory=list)
    server_may_go: bool = False

    def hear(self, message: ConsoleMessage) -> None:
        # Jupyter says of a bad schema in a warning that it is dropped; other warnings are its own affair
        if message.type == "error" or (message.type == "warning" and "kfnb" in message.text):
            where = message.location["url"]
            if message.text.startswith(
                "Blocked script execution in 'about:srcdoc'"
            ):  # as it should be: the HTML of a value
                return
            if "status of 500" in message.text and STARTING_KERNEL.search(where):
                return
            if GONE_KERNEL.match(message.text) and "/api/kernels/" in message.text + where:
                return  # JupyterLab asks for the kernel of a notebook that the test before has closed
            if (CANCELLED_REQUEST.match(message.text) or SLOW_START.match(message.text)) and JUPYTER in where:
                return
            if message.text.endswith("net::ERR_NETWORK_CHANGED"):  # of this machine, as when a container starts
                return
            if not (self.server_may_go and (NETWORK_FAILS.match(message.text) or JUPYTER in where)):
                self.said.append(f"{message.type}: {message.text} ({where})")

    def catch(self, error: Error) -> None:
        # Notebook 7 throws some at the start with no extension at all; in JupyterLab every one counts
        stack = error.stack or ""
        tolerated = (
            "/static/notebook/" in stack
            or WIDGETS in stack
            or CANCELLED_REQUEST.match(error.message)
            or (JUPYTER in stack and self.server_may_go)
        )
        if not tolerated or OURS in stack:
            self.said.append(f"exception: {error.message}\n{stack}")


@pytest.fixture
def console() -> Console:
    return Console()


@pytest.fixture
def page(context: BrowserContext, console: Console, desk: Desk, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A browser's page whose console must have stayed empty when the test ends."""
    page = context.new_page() if loads_page_itself(request) or desk.page is None else desk.page
    page.on("console", console.hear)
    page.on("pageerror", console.catch)
    page.set_default_timeout(SECONDS * 1000)
    yield page
    page.remove_listener("console", console.hear)
    page.remove_listener("pageerror", console.catch)
    if console.said:
        desk.leave(page)
        pytest.fail("the browser's console says:\n" + "\n".join(console.said))


class Gates:
    """Where cells of a run wait until the test opens: ``cell(gates.code("first"))``; by files, so that no server is needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: set[str] = set()

    def code(self, name: str) -> str:
        """The code that waits; for a minute, so that nothing waits forever."""
        self._names.add(name)
        here, opened = str(self._folder / f"{name}-reached"), str(self._folder / name)
        return f"""import pathlib, time
pathlib.Path({here!r}).touch()
for _ in range({SECONDS * 20}):
    if pathlib.Path({opened!r}).exists():
        break
    time.sleep(0.05)"""

    def open(self, name: str) -> None:
        (self._folder / name).touch()

    def open_all(self) -> None:
        for name in self._names:
            self.open(name)

    def reached(self, name: str) -> None:
        """Wait until something waits at the gate."""
        wait_until((self._folder / f"{name}-reached").exists, f"nothing has reached {name}")


@pytest.fixture
def gates(tmp_path: Path) -> Iterator[Gates]:
    gates = Gates(tmp_path)
    yield gates
    gates.open_all()  # a run that still waited would be among those of the next test


def wait_until(true: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        if time.monotonic() > deadline:
            pytest.fail(otherwise)
        time.sleep(0.05)


def reload(lab: Lab, page: Page) -> None:
    """Load JupyterLab's page with one notebook again, once the server knows of it: before, it opens what was open, too.

    JupyterLab opens what the address names some seconds after what was open, also where the next test has begun by then.
    """
    opened = in_notebook(page, "panel => [`notebook:${panel.context.path}`]")

    def is_known() -> bool:
        dock = lab.ask("GET", "lab/api/workspaces/default")["data"]["layout-restorer:data"]["main"]["dock"] or {}
        return bool(dock.get("widgets") == opened)

    wait_until(is_known, f"the server does not know of {opened}")
    page.reload()
    page.wait_for_function("window.jupyterapp?.commands")
    page.evaluate(
        """() => void window.jupyterapp.commands.commandExecuted.connect((_, { id, result }) => {
            if (id === 'router:tree') void result.then(() => { window.isRouted = true; });
        })"""
    )
    page.wait_for_function("window.isRouted")


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
def kube(lab: Lab) -> Iterator[Cluster]:
    """A cluster that the user's kubeconfig reaches by two contexts: as somebody who may run notebooks, and as somebody who may look."""
    kube = Cluster(accounts={"kfnb-steps": ("create workflowtaskresults", "patch workflowtaskresults")})
    users = {"work": "good", "visit": "viewer"}
    with served(kube) as server:
        config = {
            "current-context": "work",
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "users": [{"name": name, "user": {"token": token}} for name, token in users.items()],
            "contexts": [{"name": n, "context": {"cluster": "c", "user": n, "namespace": "default"}} for n in users],
        }
        path = lab.home / "kubeconfig"
        path.write_text(json.dumps(config))
        yield kube
        path.unlink()


@pytest.fixture
def open_file(lab: Lab, page: Page, desk: Desk, request: pytest.FixtureRequest) -> Iterator[OpenFile]:
    """Open a file of a server's folder in JupyterLab, or in Notebook 7 with ``app="notebooks"``; ``factory``: as what, where it is no ``.ipynb``."""

    def opened(path: Path, app: str = "lab/tree", on: Lab = lab, factory: str = "") -> Page:
        if page is desk.page and desk.is_clear and app == "lab/tree":
            desk.open(path.name)
        else:
            reset = "&reset" if app.startswith("lab") else ""
            page.goto(f"{on.url}/{app}/{path.name}?token={on.token}{reset}")
        if factory:
            page.wait_for_function("window.jupyterapp?.restored.then(() => true)")
            command(page, "docmanager:open", path=path.name, factory=factory)
        expect(page.locator(".jp-Notebook .jp-Cell").first).to_be_visible()
        is_uncovered(page)
        return page

    yield opened
    if loads_page_itself(request) or request.node.stash.get(FAILED, False) or not desk.clear(page, lab.url):
        desk.leave(page)
        page.close()  # a page that is still there tries to reach its kernel, which goes
    for session in lab.ask("GET", "api/sessions"):
        lab.ask("DELETE", f"api/sessions/{session['id']}")


@pytest.fixture
def open_notebook(lab: Lab, open_file: OpenFile) -> OpenNotebook:
    """Open a new file with these cells (see ``tests.notebooks``); the rest is as with ``open_file``."""

    def opened(*cells: Json, on: Lab = lab, kernel: str = "python3", name: str = "", **options: Any) -> Page:
        return open_file(new_file(on, *cells, kernel=kernel, name=name), on=on, **options)

    return opened


def new_file(lab: Lab, *cells: Json, kernel: str = "python3", name: str = "") -> Path:
    """A file with these cells; without a name it is a number that no other file has."""
    metadata = {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}}
    return write(lab.root, notebook(*cells, metadata=metadata), name or f"{time.monotonic_ns()}.ipynb")
