"""A run as ``--json`` prints it: one entry for each step, with its iterations inside."""

from __future__ import annotations

from typing import Any

from kfnb.states import together


def summarize(head: dict[str, Any], steps: list[dict[str, Any]]) -> dict[str, Any]:
    """The run's head with ``steps`` by name and all ``metrics``."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for step in steps:
        by_name.setdefault(step["step"], []).append(step)
    shown = {name: _step(name, entries) for name, entries in by_name.items()}
    return {**head, "steps": shown, "metrics": metrics_of(steps)}


def metrics_of(steps: list[dict[str, Any]]) -> dict[str, Any]:
    """The metrics of all steps together."""
    metrics: dict[str, Any] = {}
    for step in steps:
        metrics.update(step["result"].get("metrics", {}))
    return metrics


def is_let_fail(step: dict[str, Any]) -> bool:
    """Whether a step with ``on-failure:continue`` has failed, so that its run went on."""
    return bool(step["state"] == "failed" and (step.get("error") or {}).get("let"))


def _step(name: str, entries: list[dict[str, Any]]) -> dict[str, Any]:
    if len(entries) == 1 and entries[0]["path"] == name:
        return _entry(entries[0])
    starts = [e["started"] for e in entries if e["started"] is not None]
    ends = [e["finished"] for e in entries if e["finished"] is not None]
    let = [e for e in entries if is_let_fail(e)]
    state = together(e["state"] for e in entries if e not in let or len(let) == len(entries))
    failed = next((e for e in entries if e["error"] and e not in let), None)
    reason = (
        failed["reason"] if failed else f"{len(let)} of {len(entries)} failed, and the rest went on" if let else None
    )
    return {
        "state": state, "started": min(starts, default=None), "finished": max(ends, default=None),
        "attempts": sum(e["attempts"] or 0 for e in entries), "reason": reason,
        "outputs": {}, "iterations": {e["path"]: _entry(e) for e in entries if e["path"] != name},
    }  # fmt: skip


def _entry(step: dict[str, Any]) -> dict[str, Any]:
    result = step["result"]
    outputs = {
        **result.get("exports", {}),
        **_previews(result.get("results", {})),
        **_previews(result.get("outputs", {})),
    }
    found = {
        "state": step["state"], "started": step["started"], "finished": step["finished"], "attempts": step["attempts"] or 0,
        "reason": step["reason"], "outputs": {n: v for n, v in outputs.items() if n.isidentifier() and not n.startswith("_kfnb")},
    }  # fmt: skip
    if result.get("warnings"):
        found["warnings"] = result["warnings"]
    if step["error"]:
        found["error"] = step["error"]
    return found


def _previews(values: dict[str, Any]) -> dict[str, Any]:
    return {n: v.get("preview") if "skipped" not in v else f"not kept: {v['skipped']}" for n, v in values.items()}


def let_fail(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """The steps and iterations of a summary that failed while their run went on, and why."""
    found: list[tuple[str, str]] = []
    for name, step in summary["steps"].items():
        for path, entry in (step.get("iterations") or {name: step}).items():
            if is_let_fail(entry):
                found.append((path, entry["reason"] or ""))
    return found
