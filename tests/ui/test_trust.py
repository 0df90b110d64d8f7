"""A target that came with a notebook: nobody hears of it before the user has seen what it wants."""

from __future__ import annotations

import contextlib
import re

import pytest
from playwright.sync_api import Page, expect

from kfnb.engines.local.containers.container_tool import installed_tool
from tests.cluster.hearing import listening
from tests.notebooks import cell, notebook, write
from tests.ui.conftest import Lab, OpenFile
from tests.ui.helpers import has_state, panel, press_run, screenshot, set_theme

pytestmark = pytest.mark.slow
HERE = ["local", "containers"] if installed_tool() else ["local"]


def chosen(page: Page) -> str:
    return page.get_by_label("Where to run").input_value()


def test_a_target_that_came_with_the_notebook_is_used_when_it_was_trusted(lab: Lab, open_file: OpenFile) -> None:
    data = notebook(cell("a = open('rows-of-trust.csv').read()", "step:make"))
    data["metadata"]["kfnb"] = {"target": "prod"}
    path, file = write(lab.root, data, "downloaded.ipynb"), lab.root / "kfnb.toml"
    with listening() as ear, contextlib.ExitStack() as end:
        end.callback(file.unlink)
        (lab.root / "rows-of-trust.csv").write_text("1,2,3\n")
        text = f'[targets.prod]\nengine = "kfp"\nhost = "{ear.url}"\ntoken_file = "/home/me/.secret"\ncookies_env = "SESSION"\n'
        file.write_text(text)
        page = open_file(path)
        panel(page)
        where = page.get_by_label("Where to run")
        expect(where.locator("option")).to_have_text([*HERE, "prod (kfp) – not trusted"])
        assert chosen(page) == "local", "what the notebook names is not chosen for the user"
        press_run(page)
        has_state(page, "make", "succeeded")
        page.locator("#kfnb-panel summary", has_text="On a cluster").click()
        page.get_by_role("button", name="Argo Workflows").click()
        expect(page.locator(".kfnb-Manifest")).to_contain_text(
            re.compile(r"1 file travels with it:\s*rows-of-trust.csv \(6 B\)")
        )
        screenshot(page, "travelling")
        where.select_option("prod")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text(f"talks to {ear.url}")
        expect(dialog).to_contain_text(f"sends the content of the file /home/me/.secret to {ear.url}")
        expect(dialog).to_contain_text(f"sends the variable $SESSION as cookies to {ear.url}")
        for theme in ("JupyterLab Light", "JupyterLab Dark"):
            set_theme(page, theme)
            screenshot(page, f"trust-{theme.split()[-1].lower()}")
        dialog.get_by_role("button", name="Do not trust").click()
        expect(dialog).to_have_count(0)
        assert chosen(page) == "local" and ear.connections == 0
        where.select_option("prod")
        dialog.get_by_role("button", name="Trust", exact=True).click()
        expect(where).to_have_value("prod")
        assert ear.connections == 0
        file.write_text(text + "# changed\n")
        press_run(page)
        expect(dialog).to_contain_text("talks to")
        dialog.get_by_role("button", name="Do not trust").click()
        expect(dialog).to_have_count(0)
        assert ear.connections == 0 and len(lab.ask("GET", "kfnb/api/v1/runs?notebook=downloaded.ipynb")["runs"]) == 1
