"""What the main thread of a page works: in all, and task by task. By the processor's time, because the machine has other work too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page

Task = tuple[float, float]  #: milliseconds of the processor, and of the clock


def busy(traced: CDPSession) -> float:
    """Seconds that the page's main thread has worked."""
    metrics = traced.send("Performance.getMetrics")["metrics"]
    return float(next(m["value"] for m in metrics if m["name"] == "TaskDuration"))


@contextmanager
def traced_tasks(page: Page, path: Path, *categories: str) -> Iterator[list[Task]]:
    """The tasks of the page while the block runs, the longest first; they are there when it has ended.

    ``path``: where the browser's trace is kept. ``categories``: what it has beside the tasks, for a look with the browser's tools.
    """
    tasks: list[Task] = []
    browser = page.context.browser
    assert browser is not None
    browser.start_tracing(page=page, path=path, categories=["toplevel", *categories])
    try:
        yield tasks
        page.wait_for_timeout(500)  # for what the page still has to do
    finally:
        browser.stop_tracing()
    tasks += sorted(_page_tasks(json.loads(path.read_text())), reverse=True)


def report_tasks(what: str, tasks: list[Task], bar: str) -> None:
    longest = ", ".join(f"{processor:.0f} ({clock:.0f})" for processor, clock in tasks[:3])
    print(
        f"\n{what}: of {len(tasks)} tasks the longest took {longest} ms of the processor (by the clock); wanted {bar}"
    )


def _page_tasks(trace: dict[str, Any]) -> list[Task]:
    """Each task of the page's main thread, without the tests' own."""
    events = trace["traceEvents"]
    names = {(e["pid"], e["tid"]): e["args"]["name"] for e in events if e["name"] == "thread_name"}
    main = [e for e in events if names.get((e["pid"], e["tid"])) == "CrRendererMain" and "tdur" in e]
    asked = [(e["pid"], e["ts"]) for e in main if "blink.mojom.DevToolsSession" in str(e["args"])]
    return [
        (task["tdur"] / 1000, task["dur"] / 1000)
        for task in main
        if task["name"].endswith("RunTask")
        and not any(pid == task["pid"] and task["ts"] <= at <= task["ts"] + task["dur"] for pid, at in asked)
    ]
