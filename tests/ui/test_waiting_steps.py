"""A step on a cluster that cannot start says why in its badge and in the side bar, in words."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.cluster.kube_api import Cluster, kubeconfig, served
from tests.cluster.test_waiting import PULL, container, now, pod_node, pod_of_node
from tests.notebooks import cell, notebook, write
from tests.ui.conftest import SECONDS, Console, Lab, OpenFile
from tests.ui.helpers import badge, command, has_state, panel, press_run, screenshot, set_theme

pytestmark = pytest.mark.slow
WORDS = "the image `reg.example.org/a/b:1` does not exist"


def submitted(kube: Cluster) -> str:
    """The name of the Workflow that the page has made."""
    end = time.monotonic() + SECONDS
    while not kube.created:
        assert time.monotonic() < end, "the run has not reached the cluster"
        time.sleep(0.05)
    return kube.created[0]


def waits_for_image(kube: Cluster, name: str) -> dict[str, Any]:
    """Argo and kubelet have begun with the step, and its image is not there."""
    node = pod_node(name, "Pending")
    kube.update(name, {"status": {"phase": "Running", "startedAt": now(), "nodes": {"n": node}}})
    kube.tell("pod", "Failed", "Error: ErrImagePull")
    kube.put_pod(pod_of_node(name, container("ErrImagePull", f"{PULL}not found", "reg.example.org/a/b:1")))
    return node


def test_a_step_that_waits_for_its_image_says_so(lab: Lab, open_file: OpenFile, console: Console) -> None:
    kube = Cluster()
    config = lab.home / "xdg_config_home" / "kfnb" / "kfnb.toml"
    with served(kube) as server, contextlib.ExitStack() as end:
        config.parent.mkdir(parents=True, exist_ok=True)
        path = json.dumps(str(kubeconfig(lab.home, server)))
        config.write_text(f'[targets.away]\nengine = "argo"\nkubeconfig = {path}\npackages = "none"\n')
        end.callback(config.unlink)
        page = open_file(
            write(lab.root, notebook(cell("a = 1", "step:one"), cell("print(a)", "step:two")), "waits.ipynb")
        )
        side_bar = panel(page)
        page.get_by_label("Where to run").select_option("away")
        press_run(page)
        name = submitted(kube)
        node = waits_for_image(kube, name)
        expect(badge(page, "one")).to_contain_text(WORDS)
        expect(side_bar).to_contain_text(WORDS)
        for theme in ("JupyterLab Dark", "JupyterLab Light"):
            set_theme(page, theme)
            screenshot(page, f"waiting-{theme.split()[-1].lower()}")
        # the page of the run has the pod, and what was submitted
        command(page, "kfnb:open-run")
        view = page.locator(".kfnb-RunPage")
        view.locator('.kfnb-Dag-box[data-step="one"]').click()
        expect(view.get_by_role("table", name="Pod pod")).to_contain_text("Error: ErrImagePull")
        with page.expect_download() as manifest:
            view.get_by_role("button", name="Download Manifest").click()
        assert "kind: Workflow" in manifest.value.path().read_text()
        screenshot(page, "run-page-cluster")
        command(page, "application:close")
        failed = {**node, "phase": "Failed", "message": "Pod was deleted", "finishedAt": now()}
        kube.update(name, {"status": {"phase": "Failed", "finishedAt": now(), "nodes": {"n": failed}}})
        has_state(page, "one", "failed")
        console.server_may_go = True  # the browser says of our own answer that it is a failure
        kube.tokens = ()
        press_run(page)
        expect(side_bar.get_by_role("alert")).to_contain_text("The run did not reach the target away: ")
        expect(page.locator('.kfnb-Badge[data-state="pending"]')).to_have_count(0)
        expect(side_bar.locator(".kfnb-Runs tbody tr")).to_have_count(2)
        screenshot(page, "cluster-gone")
        kube.tokens = ("good",)
        side_bar.get_by_role("button", name="Try again").click()
        expect(side_bar.get_by_role("alert")).to_have_count(0)
        has_state(page, "one", "pending")
