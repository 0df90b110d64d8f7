"""What happens around the page: the server is started again, the network is gone for a while, the kernel is busy or begins anew."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from tests.notebooks import Json, cell
from tests.ui.conftest import Console, Gates, Lab, OpenNotebook
from tests.ui.helpers import badge, choose, has_state, kernel_is_idle, log_of, panel, press_run, screenshot
from tests.ui.test_runs import PLAIN

pytestmark = pytest.mark.slow

OURS = "/kfnb/api/v1/"
STREAM = f"{OURS}stream"


class Sockets:
    """The websockets that a page opens for us, which the test cuts and lets through."""

    def __init__(self, page: Page) -> None:
        self._page, self._allowed = page, True
        self._open: list[WebSocketRoute] = []
        page.route_web_socket(f"**{STREAM}", self._asked)

    def _asked(self, socket: WebSocketRoute) -> None:
        if self._allowed:
            socket.connect_to_server()
            self._open.append(socket)
        else:
            socket.close()

    def refuse(self) -> None:
        self._allowed = False
        for socket in self._open:
            socket.close()
        self._open.clear()

    def allow(self) -> None:
        """Let them through, and wait until the page has one again."""
        self._allowed = True
        with self._page.expect_websocket(lambda socket: socket.url.endswith(STREAM)):
            pass


@pytest.fixture
def sockets(page: Page) -> Sockets:
    return Sockets(page)


def two_steps(gates: Gates) -> tuple[Json, Json]:
    """The first prints, waits at the gate ``one`` and prints again; then the second waits at ``two``."""
    first = f"{lines(0, 100)}\n{gates.code('one')}\n{lines(100, 200)}\nlast = 199"
    return cell(first, "step:first"), cell(f"{gates.code('two')}\nprint('after', last)", "step:second")


def lines(first: int, last: int) -> str:
    return f"for n in range({first}, {last}):\n    print('line', n)"


#: What each place of the log's list shows when it is scrolled past all of them: only the rows in sight are in the page.
ALL_ROWS = """list => {
    const rows = new Map();
    for (list.scrollTop = 0; ; list.scrollTop += list.clientHeight / 2) {
        list.dispatchEvent(new Event('scroll'));
        for (const row of list.querySelectorAll('.kfnb-Log-line')) {
            rows.set(Math.round(row.getBoundingClientRect().top + list.scrollTop), row.textContent);
        }
        if (list.scrollTop + list.clientHeight >= list.scrollHeight - 1) break;
    }
    return [...rows].sort(([a], [b]) => a - b).map(([, text]) => text);
}"""


def has_all_lines(log: Locator) -> None:
    """Nothing is missing in the log of the first step, nothing came twice."""
    expect(log).to_contain_text("line 199")
    assert log.locator(".kfnb-LogWindow").evaluate(ALL_ROWS) == [f"line {n}" for n in range(200)]


def dismisses_the_dialog(page: Page) -> None:
    """JupyterLab says in a dialog, at a time of its own, that the server is gone: whoever works on closes it."""
    dialog = page.get_by_role("dialog", name="Server Connection Error")
    page.add_locator_handler(dialog, lambda found: found.get_by_role("button").last.click())


def tries_to_connect(page: Page) -> list[float]:
    """When the page tries to open our websocket from now on."""
    found: list[float] = []
    page.on("websocket", lambda socket: found.append(time.monotonic()) if socket.url.endswith(STREAM) else None)
    return found


def run_cell(page: Page, text: str) -> None:
    """Run the cell with this line in the kernel, and do not wait for it."""
    page.locator(".jp-Cell .cm-line", has_text=text).first.click()
    page.keyboard.press("Control+Enter")


# ---------------------------------------------------------------------- the server
def test_a_run_goes_on_while_the_server_is_gone_which_is_asked_ever_more_rarely(
    own_lab: Lab, open_notebook: OpenNotebook, gates: Gates
) -> None:
    page = open_notebook(*two_steps(gates), on=own_lab)
    dismisses_the_dialog(page)
    press_run(page)
    log = log_of(page, "first")
    expect(log).to_contain_text("line 99")
    tries = tries_to_connect(page)
    own_lab.stop()
    gates.open("one")
    gates.reached("two")
    has_state(page, "first", "running")  # nobody has told the page
    expect(badge(page, "first")).to_contain_text("no contact", timeout=5_000)
    expect(panel(page).get_by_role("alert")).to_contain_text("The server does not answer since", timeout=5_000)
    clocks = page.locator(".kfnb-Badge-time, .kfnb-Runs td").all_inner_texts()
    page.evaluate("() => new Promise(done => setTimeout(done, 1200))")  # a clock that goes would show another second
    assert page.locator(".kfnb-Badge-time, .kfnb-Runs td").all_inner_texts() == clocks
    screenshot(page, "server-gone")
    while len(tries) < 5:
        page.wait_for_event("websocket")
    pauses = [after - before for before, after in pairwise(tries[:5])]
    assert pauses[-1] > 2 * pauses[0], pauses
    own_lab.start()
    has_state(page, "first", "succeeded")
    expect(page.get_by_text("no contact")).to_have_count(0)
    has_state(page, "second", "running")
    has_all_lines(log)
    gates.open("two")
    has_state(page, "second", "succeeded")
    expect(log_of(page, "second")).to_contain_text("after 199")


# ---------------------------------------------------------------------- the network
def test_offline_and_back(sockets: Sockets, open_notebook: OpenNotebook, gates: Gates, console: Console) -> None:
    console.server_may_go = True
    page = open_notebook(*two_steps(gates))
    page.evaluate("window.neverReloaded = true")
    press_run(page)
    log = log_of(page, "first")
    expect(log).to_contain_text("line 99")
    with page.expect_event("requestfailed", lambda request: OURS in request.url and "/log" in request.url):
        page.context.set_offline(True)
        sockets.refuse()  # without a network they stand still until somebody gives them up
    gates.open("one")
    gates.reached("two")
    has_state(page, "first", "running")  # nobody has told the page
    page.context.set_offline(False)
    sockets.allow()
    has_state(page, "second", "running")
    has_state(page, "first", "succeeded")
    has_all_lines(log)
    gates.open("two")
    has_state(page, "second", "succeeded")
    assert page.evaluate("window.neverReloaded")


def test_states_come_without_a_socket_and_through_one_that_comes_back(
    sockets: Sockets, open_notebook: OpenNotebook, gates: Gates
) -> None:
    page = open_notebook(*two_steps(gates))
    press_run(page)
    has_state(page, "first", "running")
    with page.expect_request(lambda request: request.method == "GET" and "/runs/" in request.url):
        sockets.refuse()
    gates.open("one")
    has_state(page, "second", "running")
    sockets.allow()
    gates.open("two")
    has_state(page, "second", "succeeded")


# ---------------------------------------------------------------------- the kernel
def test_a_busy_kernel_holds_nothing_up(open_notebook: OpenNotebook, gates: Gates) -> None:
    page = open_notebook(*PLAIN, cell(f"# busy\n{gates.code('busy')}"), cell("print('here', rows, limit)"))
    kernel_is_idle(page)
    run_cell(page, "# busy")
    gates.reached("busy")
    press_run(page)
    has_state(page, "sum", "succeeded")
    expect(page.locator(".jp-InputPrompt", has_text="[*]")).to_have_count(1)  # the cell still runs
    choose(page, "sum", "Load Inputs Here")
    expect(page.get_by_text("The kernel is busy")).to_be_visible()
    screenshot(page, "kernel-busy")
    gates.open("busy")
    expect(page.get_by_text("what step sum of run")).to_be_visible()
    choose(page, "make", "Load Inputs Here")
    expect(page.get_by_text("what step make of run")).to_be_visible()
    run_cell(page, "print('here', rows, limit)")
    expect(page.get_by_text("here [0, 1, 2] 3")).to_be_visible()


def test_a_kernel_that_begins_anew_leaves_the_run_alone(open_notebook: OpenNotebook, gates: Gates) -> None:
    page = open_notebook(*two_steps(gates), cell("mine = 1"), cell("print('mine' in globals())"))
    kernel_is_idle(page)
    run_cell(page, "mine = 1")
    press_run(page)
    has_state(page, "first", "running")
    page.locator('[data-jp-item-name="restart"] jp-button').click()
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    run_when_idle(page, "print('mine' in globals())", "False")  # it did begin anew
    has_state(page, "first", "running")
    gates.open("one")
    has_state(page, "first", "succeeded")
    has_state(page, "second", "running")
    gates.open("two")
    has_state(page, "second", "succeeded")


def run_when_idle(page: Page, text: str, output: str) -> None:
    kernel_is_idle(page)
    run_cell(page, text)
    expect(page.locator(".jp-OutputArea-output").get_by_text(output, exact=True)).to_be_visible()
