"""JupyterLab 4.4, the oldest that kfnb supports, in an environment of its own: marking, running, the log and the pages."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.notebooks import cell
from tests.ui.conftest import Console, Lab, OpenNotebook, lab_in
from tests.ui.helpers import badge, command, has_state, kernel_is_idle, log_of, panel, press_run, screenshot

pytestmark = [pytest.mark.slow, pytest.mark.own_page]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def oldest(tmp_path: Path) -> Iterator[Lab]:
    python = tmp_path / "venv" / "bin" / "python"
    uv = (sys.executable, "-m", "uv", "--quiet")
    subprocess.run([*uv, "venv", "--python", sys.executable, str(python.parents[1])], check=True)
    packages = ("--editable", str(ROOT), "jupyterlab==4.4.*", "notebook==7.4.*")
    env = {**os.environ, "SKIP_JUPYTER_BUILDER": "1"}  # the extension is there
    subprocess.run([*uv, "pip", "install", "--python", str(python), *packages], check=True, env=env)
    with lab_in(tmp_path / "lab", str(python)) as lab:
        yield lab


def test_the_oldest_jupyterlab_marks_runs_and_shows(oldest: Lab, open_notebook: OpenNotebook, console: Console) -> None:
    page = open_notebook(cell("rows = [1, 2, 3]\nprint('made')", "step:make"), cell("total = sum(rows)"), on=oldest)
    assert page.evaluate("window.jupyterapp.version").startswith("4.4.")
    kernel_is_idle(page)
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").last.click()
    command(page, "kfnb:mark-step")
    expect(badge(page, "total")).to_be_visible()
    press_run(page)
    has_state(page, "total", "succeeded")
    expect(log_of(page, "make")).to_contain_text("made")
    expect(panel(page).locator('.kfnb-Dag-box[data-state="succeeded"]')).to_have_count(2)
    screenshot(page, "oldest-jupyterlab")
    command(page, "kfnb:open-run")
    expect(page.locator('.kfnb-RunPage .kfnb-Dag-box[data-state="succeeded"]')).to_have_count(2)
    command(page, "kfnb:all-runs")
    expect(page.locator(".kfnb-AllRuns tbody tr")).to_have_count(1)
    # extensions of others want a newer JupyterLab, and say so aloud
    console.said[:] = [words for words in console.said if "/extensions/jupyterlab-jupytext/" not in words]
