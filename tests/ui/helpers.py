"""What tests do in the browser: badges and the side bar, commands, the model, themes, pictures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, TimeoutError, expect

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
MANY_TABS = 40  #: that one presses on the way to a control
HAS_RING = "node => getComputedStyle(node).outlineStyle !== 'none' && getComputedStyle(node).outlineWidth !== '0px'"

Part = Page | Locator  # a page with one notebook, or one of its notebooks


def page_of(part: Part) -> Page:
    return part.page if isinstance(part, Locator) else part


def badge(part: Part, step: str) -> Locator:
    name = page_of(part).locator(".kfnb-Badge-name", has_text=re.compile(f"^{re.escape(step)}$"))
    return part.locator(".kfnb-Badge:visible").filter(has=name)


def has_state(part: Part, step: str, state: str) -> None:
    expect(badge(part, step)).to_have_attribute("data-state", state)


def press_run(part: Part) -> None:
    """The button of the notebook's toolbar; while a run goes on, it stops it."""
    part.locator('[data-jp-item-name="kfnb-run"] jp-button').click()


def choose(part: Part, step: str, item: str) -> None:
    """An item of a badge's menu."""
    badge(part, step).get_by_role("button", name="More for this step").click()
    page_of(part).get_by_role("menuitem", name=item).click()


def log_of(part: Part, step: str) -> Locator:
    """The log of a step, unfolded under its cell."""
    badge(part, step).get_by_role("button", name="Show the log of this step").click()
    return part.get_by_role("region", name=f"Log of step {step}")


def panel(page: Page) -> Locator:
    """The side bar, opened."""
    command(page, "kfnb:open-panel")
    found = page.locator("#kfnb-panel")
    expect(found).to_be_visible()
    return found


def command(page: Page, name: str, **arguments: Any) -> None:
    """Run one of JupyterLab's commands. Some wait for an answer to a dialog that nobody gives: that fails, and does not hang."""
    page.evaluate(
        """([name, given]) => Promise.race([
            window.jupyterapp.commands.execute(name, given).then(() => undefined),
            new Promise((_, refuse) => setTimeout(() => refuse(new Error(`${name} does not end`)), 60_000)),
        ])""",
        [name, arguments],
    )


def in_notebook(page: Page, code: str, *given: Any) -> Any:
    """What a JavaScript function of the notebook's panel gives: ``in_notebook(page, "panel => panel.content.id")``."""
    return page.evaluate(
        f"given => (({code}))(window.jupyterapp.shell.currentWidget, ...given)",
        list(given),
    )


def kernel_is_idle(page: Page) -> None:
    """Wait until the notebook's kernel can run a cell: one that is run before is dropped without a word.

    JupyterLab may miss what a kernel says while it begins anew: asked again, or by a new connection, the kernel says it again.
    """
    session = "window.jupyterapp.shell.currentWidget?.sessionContext"
    for ask in ("requestKernelInfo", "reconnect"):
        try:
            page.wait_for_function(f"{session}?.session?.kernel?.status === 'idle'", timeout=15_000)
            return
        except TimeoutError:
            page.evaluate(f"() => void {session}?.session?.kernel?.{ask}().catch(() => undefined)")
    try:
        page.wait_for_function(f"{session}?.session?.kernel?.status === 'idle'")
    except TimeoutError:
        state = page.evaluate(f"[document.title, {session}?.kernelDisplayStatus, {session}?.connectionStatus]")
        raise AssertionError(f"the kernel is not idle: {state}") from None


def scroll_to_cell(page: Page, number: int) -> None:
    """Scroll until the cell is in sight; JupyterLab scrolls too while it works out how high the cells are."""
    page.wait_for_function(
        """number => {
            const { content } = window.jupyterapp.shell.currentWidget;
            if (!content.widgets[number]) return false; // it is still being loaded
            void content.scrollToItem(number);
            const { top, bottom } = content.widgets[number].node.getBoundingClientRect();
            return 0 < top && top < bottom && bottom < window.innerHeight;
        }""",
        arg=number,
    )


def is_uncovered(page: Page) -> None:
    """Wait until JupyterLab's splash, which covers the page while it loads something big, is gone."""
    expect(page.locator("#jupyterlab-splash")).to_have_count(0)


def set_theme(page: Page, name: str) -> None:
    """``JupyterLab Light``, ``JupyterLab Dark`` or ``JupyterLab Dark High Contrast``."""
    command(page, "apputils:change-theme", theme=name)
    page.wait_for_function("name => document.body.dataset.jpThemeName === name", arg=name)
    is_uncovered(page)


def screenshot(part: Part, name: str) -> None:
    """A picture of a page or of a part of it, for a person to look at; not in git."""
    part.screenshot(path=SCREENSHOTS / f"{name}.png")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def palette(page: Page, text: str) -> None:
    """Run a command as one does who has no mouse."""
    press(page, "ControlOrMeta+Shift+c")
    expect(page.locator(".lm-CommandPalette-input")).to_be_focused()
    page.keyboard.type(text)
    expect(page.locator(".lm-CommandPalette-item.lm-mod-active")).to_contain_text(text)
    press(page, "Enter")


def tab_to(page: Page, control: Locator, key: str = "Tab") -> None:
    """Press a key until a control has the focus, which is then to be seen."""
    for _ in range(MANY_TABS):
        press(page, key)
        if control.evaluate("node => node === document.activeElement"):
            assert control.evaluate(HAS_RING), "no ring shows where the keyboard is"
            return
    pytest.fail(f"{control} is not reached; the focus is on {page.evaluate('document.activeElement.outerHTML')[:200]}")
