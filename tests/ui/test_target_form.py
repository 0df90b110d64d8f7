"""The form that makes a target of a cluster: from the side bar and the menu, by keyboard, and narrow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Locator, Page, expect

from kfnb.engines.cluster.targets import rights
from kfnb.engines.local.containers.container_tool import installed_tool
from tests.cluster.argo import pods
from tests.cluster.controller import Controller
from tests.cluster.kube_api import Cluster
from tests.notebooks import cell
from tests.ui.conftest import Console, Lab, OpenNotebook
from tests.ui.helpers import has_state, panel, press_run, screenshot
from tests.ui.test_hard import violations

pytestmark = pytest.mark.slow
IN_POD = {"contexts": {}, "current": "", "namespace": "team"}
STEPS = (cell("rows = [1, 2]", "step:load"), cell("total = sum(rows)", "step:total"))


@pytest.fixture
def file(lab: Lab) -> Iterator[Path]:
    """The user's own file of targets."""
    path = lab.home / "xdg_config_home" / "kfnb" / "kfnb.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    yield path
    path.unlink(missing_ok=True)


def form(page: Page) -> Locator:
    """The form, when it knows the contexts."""
    found = page.get_by_role("dialog", name="Add a target")
    expect(found.get_by_label("Namespace")).to_have_value("default")
    return found


@pytest.mark.skipif(installed_tool() is None, reason="this machine has neither podman nor docker")
def test_the_steps_of_a_run_on_this_machine_can_be_put_into_containers(open_notebook: OpenNotebook) -> None:
    """The image does not exist, so the run shows that a container was asked for."""
    page = open_notebook(cell("rows = [1, 2]", "step:load", "image:registry.invalid/team/app:1"))
    panel(page)
    page.get_by_label("Where to run").select_option("containers")
    press_run(page)
    has_state(page, "load", "failed")
    expect(page.locator("#kfnb-panel")).to_contain_text("the image registry.invalid/team/app:1 is not on this machine")
    screenshot(page, "in-containers")


def test_a_cluster_becomes_a_target_by_keyboard_alone(open_notebook: OpenNotebook, kube: Cluster, file: Path) -> None:
    page = open_notebook(*STEPS)
    side = panel(page)
    side.get_by_role("button", name="Add a target…").focus()
    page.keyboard.press("Enter")
    dialog = form(page)
    expect(dialog.get_by_label("Context")).to_be_focused()
    page.keyboard.press("Tab")
    expect(dialog.get_by_label("Namespace")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("status")).to_have_text("✓ Pipelines can run there")
    expect(dialog.get_by_role("region", name="The target")).to_contain_text('service_account = "kfnb-steps"')
    screenshot(page, "target-form-ready")  # the stories have it in every theme
    assert violations(page, ".kfnb-Target") == []
    dialog.get_by_role("button", name="Try It With a Few Steps").focus()
    with pods() as cluster, Controller(kube, cluster).at_work():
        page.keyboard.press("Enter")
        expect(dialog.get_by_role("log")).to_contain_text("✓ the cluster accepts the run")
        expect(dialog.get_by_role("log")).to_contain_text("✓ what the probe made is removed again")
    screenshot(page, "target-form-tried")
    dialog.get_by_label("Name of the target").focus()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("mine")
    for _ in range(2):  # the target, the trial run
        page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(dialog.get_by_role("button", name="Add the Target")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(page.get_by_label("Where to run")).to_have_value("mine")
    written = (
        '[targets.mine]\nengine = "argo"\ncontext = "work"\nnamespace = "default"\nservice_account = "kfnb-steps"\n'
    )
    assert file.read_text() == written


def test_who_lacks_rights_gets_what_an_administrator_can_apply(
    open_notebook: OpenNotebook, kube: Cluster, file: Path, console: Console
) -> None:
    file.write_text("[targets.cluster]\nengine = 'kfp'\n\n# mine\n[targets.other]\nengine = 'kfp'\n")
    page = open_notebook(*STEPS)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Add a Target…").click()
    dialog = form(page)
    dialog.get_by_label("Context").select_option("visit")
    dialog.get_by_role("button", name="Look at the Cluster").click()
    expect(dialog.get_by_role("status")).to_have_text("✗ Pipelines cannot run there yet")
    expect(dialog).to_contain_text("you may not create, patch workflows")
    roles = dialog.get_by_role("region", name="kfnb-roles.yaml")
    assert roles.text_content() == rights.manifests("default", user="viewer")
    with page.expect_download() as download:
        dialog.get_by_role("link", name="Download kfnb-roles.yaml").click()
    assert len(list(yaml.safe_load_all(download.value.path().read_text()))) == 5
    screenshot(page, "target-form-forbidden")
    page.set_viewport_size({"width": 420, "height": 640})
    screenshot(page, "target-form-narrow")
    assert violations(page, ".kfnb-Target") == []
    inside = dialog.locator(".jp-Dialog-content").evaluate(
        "node => [node.scrollWidth - node.clientWidth, node.getBoundingClientRect().right]"
    )
    assert inside[0] <= 0 and inside[1] <= 420, "nothing is wider than the window"
    dialog.get_by_role("button", name="Add the Target").click()
    expect(dialog.get_by_role("alert")).to_contain_text("there is a target `cluster` already")
    assert "engine = 'kfp'\n\n# mine" in file.read_text(), "nothing is overwritten without asking"
    assert len(console.said) == 1 and "status of 409" in console.said.pop()
    dialog.get_by_role("button", name="Replace cluster").click()
    expect(dialog).to_have_count(0)
    assert re.match(
        r'\[targets.cluster\]\nengine = "argo"\ncontext = "visit"\n(.*\n)+\n# mine\n\[targets.other\]\nengine = \'kfp\'\n$',
        file.read_text(),
    )


def test_without_a_kubeconfig_the_form_says_so_and_escape_closes_it(
    open_notebook: OpenNotebook, file: Path, console: Console
) -> None:
    page = open_notebook(*STEPS)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Add a Target…").click()
    dialog = page.get_by_role("dialog", name="Add a target")
    expect(dialog.get_by_role("alert")).to_contain_text("no configuration of a cluster was found")
    assert len(console.said) == 1 and "status of 502" in console.said.pop()
    screenshot(page, "target-form-no-kubeconfig")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert not file.exists()
    # in a pod the field for the context, which has the focus at first, goes
    page.route("**/kfnb/api/v1/clusters*", lambda route: route.fulfill(json=IN_POD))
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Add a Target…").click()
    expect(dialog.get_by_text("in which this server runs")).to_be_visible()
    expect(dialog.get_by_label("Namespace")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
