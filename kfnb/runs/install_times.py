"""How long the steps of a run on a cluster installed packages when they started, from what their logs say."""

from __future__ import annotations

import re
from typing import Any

from kfnb.runs.record.run_store import RunStore

INSTALLED = re.compile(r"installed in (\d+(?:\.\d+)?) s")
SHORTEST = 1.0  #: seconds in all that are worth a word


def install_times(store: RunStore, run_id: str) -> dict[str, float]:
    """The seconds of each step that installed something, by its path, over all attempts."""
    found: dict[str, float] = {}
    for step in store.steps(run_id):
        for attempt in range(1, (step["attempts"] or 0) + 1):
            for line in store.logs(run_id, step["path"], attempt):
                match = INSTALLED.fullmatch(line.text.strip())
                if match is not None:
                    found[step["path"]] = found.get(step["path"], 0.0) + float(match[1])
    return found


def install_advice(store: RunStore, summary: dict[str, Any]) -> str:
    """What a user is told of it after the first run of a notebook that succeeded on a cluster; empty where there is nothing to tell."""
    head = store.head(summary["run"])
    if head["engine"] == "local" or summary["state"] != "succeeded":
        return ""
    same = ("notebook", "engine", "state")
    earlier = (h for h in store.runs(1000) if h["run"] != head["run"] and all(h[k] == head[k] for k in same))
    times = {} if head["notebook"] and any(earlier) else install_times(store, head["run"])
    seconds = sum(times.values())
    if seconds < SHORTEST:
        return ""
    each = ", ".join(f"{path} {times[path]:.0f} s" for path in sorted(times, key=lambda p: -times[p])[:3])
    more = f", and {len(times) - 3} more" if len(times) > 3 else ""
    return (
        f"steps installed packages for {seconds:.0f} s when they started ({each}{more}), and will in each run: with `repository` in the target, "
        "kfnb builds images that have them"
    )
