"""The pictures of the documentation, light and dark: `make docs-screenshots` copies them from `build/screenshots/docs`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.cluster.kube_api import Cluster
from tests.notebooks import cell
from tests.ui.conftest import Gates, Lab, OpenNotebook
from tests.ui.desk import Desk
from tests.ui.helpers import badge, command, has_state, kernel_is_idle, panel, press_run, screenshot, set_theme
from tests.ui.test_world import run_cell

pytestmark = pytest.mark.slow

HOUSES = (
    cell("count: int = 8\nlimit: float = 250.0", "parameters"),
    cell(
        "kinds = [n % 5 for n in range(count)]\nhouses = [{'rooms': k + 1, 'price': 100 + 60 * k} for k in kinds]",
        "step:load",
    ),
    cell("average = sum(house['price'] for house in houses) / len(houses)", "step:average"),
    cell("largest = max(houses, key=lambda house: house['rooms'])", "step:largest"),
    cell(
        "score = largest['price'] - average\nratio = score / (limit - 250)\nprint(f'the largest costs {ratio:.1f} times the limit')",
        "step:report",
    ),
)


def documentation_pictures(page: Page, part: Page | Locator, name: str) -> None:
    """Save a picture for each theme that the site has."""
    for theme in ("Light", "Dark"):
        set_theme(page, f"JupyterLab {theme}")
        screenshot(part, f"docs/{name}-{theme.lower()}")
    set_theme(page, "JupyterLab Light")


@pytest.fixture(autouse=True)
def only_one_file(lab: Lab, desk: Desk) -> None:
    """The file browser is in the pictures: it has only the notebook that they are about.

    Another notebook with the code of one that is gone would have its runs, as one that was renamed: so they go, too. And a page that is
    loaded again looks for the files that were open in it.
    """
    for file in lab.root.glob("*.ipynb"):
        file.unlink()
    if desk.page is not None:
        desk.page.close()
        desk.leave(desk.page)
    for run in lab.ask("GET", "kfnb/api/v1/runs?count=100")["runs"]:
        lab.ask("DELETE", f"kfnb/api/v1/runs/{run['run']}")


def test_a_failed_run_in_jupyterlab(open_notebook: OpenNotebook) -> None:
    page = open_notebook(*HOUSES, name="houses.ipynb")
    side = panel(page)
    press_run(page)
    has_state(page, "report", "failed")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("region", name="Log of step report")).to_contain_text("ZeroDivisionError")
    expect(side.locator('.kfnb-Dag-box[data-state="failed"]')).to_have_count(1)
    expect(page.locator(".Toastify__toast")).to_have_count(0)  # JupyterLab's notice of the failure lasts some seconds
    documentation_pictures(page, page, "jupyterlab")


def test_the_menu_of_marks(open_notebook: OpenNotebook) -> None:
    page = open_notebook(*HOUSES, name="prices.ipynb")
    kernel_is_idle(page)
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible()
    has_state(page, "average", "")
    for theme in ("Light", "Dark"):
        set_theme(page, f"JupyterLab {theme}")
        badge(page, "average").click()
        page.locator('[data-jp-item-name="kfnb-mark"] jp-button').click()
        expect(page.get_by_role("menuitem", name=re.compile("^Once for Each"))).to_be_visible()
        screenshot(page, f"docs/marks-{theme.lower()}")
        page.keyboard.press("Escape")
    set_theme(page, "JupyterLab Light")


def test_the_form_of_a_target(open_notebook: OpenNotebook, kube: Cluster) -> None:
    def of_a_user(route: Route) -> None:
        """The answer of the server, with the addresses and folders of a user in place of those of a test."""
        answer = route.fetch().json()
        answer["file"] = "~/.config/kfnb/kfnb.toml"
        answer["found"][0] = "https://cluster.example.org, Kubernetes v1.36.2, as ada@example.org"
        route.fulfill(json=answer)

    page = open_notebook(*HOUSES, name="homes.ipynb")
    page.route("**/targets/proposal?*", of_a_user)
    panel(page).get_by_role("button", name="Add a target…").click()
    dialog = page.get_by_role("dialog", name="Add a target")
    dialog.get_by_role("button", name="Look at the Cluster").click()
    expect(dialog.get_by_role("region", name="The target")).to_contain_text('context = "work"')
    documentation_pictures(page, dialog.locator(".jp-Dialog-content"), "target-form")


def test_the_view_of_a_run_below_its_cell(open_notebook: OpenNotebook, gates: Gates, tmp_path: Path) -> None:
    train = (
        "for epoch in range(1, epochs):\n    print(f'rate {rate}  epoch {epoch}/{epochs}  loss {0.25 + 0.1 / epoch:.4f}')\n"
        f"if rate == 0.1:\n    {gates.code('trained').replace(chr(10), chr(10) + '    ')}\nloss = 0.25 + 0.1 * rate"
    )
    page = open_notebook(
        cell("epochs: int = 3\nrates = [0.1, 0.01]", "parameters"),
        cell("rows = list(range(100))", "step:load"),
        cell("size = len(rows)", "step:profile"),
        cell(train, "step:train", "foreach:rate in rates", "after:load"),
        cell("best = min(loss)", "step:choose"),
        cell("print('keeping', best)", "step:keep", "when:best < 1"),
        cell("print(kfnb_status['state'])", "step:tidy", "exit"),
        cell("%load_ext kfnb\n%pipeline run -p epochs=8"),
        name="train.ipynb",
    )
    kernel_is_idle(page)
    command(page, "application:toggle-left-area")
    run_cell(page, "%pipeline run")
    view = page.locator(".kfnb-Run")
    expect(view.locator('.kfnb-Dag-box[data-step="train"]')).to_contain_text("1/2")
    expect(view.locator('.kfnb-Dag-box[data-step="profile"]')).to_have_attribute("data-state", "succeeded")
    view.locator('.kfnb-Dag-box[data-step="train"]').click()
    expect(page.get_by_role("region", name="Log of step train")).to_contain_text("epoch 7/8")
    documentation_pictures(page, page.locator(".jp-Cell").last, "view")
    gates.open("trained")
    expect(view.locator('.kfnb-Dag-box[data-step="keep"]')).to_have_attribute("data-state", "succeeded")
