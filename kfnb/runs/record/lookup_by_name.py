"""Looks up a run, a step or a value by the name that the user typed. The error names what there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kfnb.problems import UserError
from kfnb.runs.retention.missing_values import again_words
from kfnb.wording import did_you_mean


class UnknownRun(UserError, LookupError):
    """No run, step or value of that name; the message says what there is."""


class LostValue(UnknownRun):
    """A stored value is damaged or gone; the message says which step must run again."""


def find_run(ids: list[str], ref: str) -> str:
    """The id of a run. ``ref`` is the whole id, its beginning or end, or ``last``; ``ids`` are all runs, oldest first."""
    if ref == "last" and ids:
        return ids[-1]
    matches = (
        [i for i in ids if i == ref]
        or [i for i in ids if i.startswith(ref)]
        or [i for i in ids if i.endswith(f"-{ref}")]
    )
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UnknownRun(f"several runs begin with `{ref}`: {', '.join(matches[-5:])}")
    hint = did_you_mean(ref, ids, "`kfnb runs` lists them" if ids else "there is no run yet")
    raise UnknownRun(f"there is no run `{ref}`; {hint}")


def find_step(steps: list[dict[str, Any]], run_id: str, name: str) -> dict[str, Any]:
    """The step or iteration called ``name`` among the ``steps`` of a run."""
    for step in steps:
        if step["path"] == name:
            return step
    names = [s["path"] for s in steps]
    iterations = [n for n in names if n.startswith(f"{name}[")]
    if iterations:
        raise UnknownRun(f"step `{name}` ran once per item: say which, such as `{iterations[0]}`")
    hint = did_you_mean(name, names, f"the steps are {', '.join(names[:20])}")
    raise UnknownRun(f"run {run_id} has no step `{name}`; {hint}")


def find_value(step: dict[str, Any], run_id: str, name: str, values: Path, folder: Path) -> Any:
    """The value called ``name`` that a step stored. ``values`` is the folder of the value store, ``folder`` that of the run."""
    path, result = step["path"], step["result"]
    exports, metrics = result.get("exports", {}), result.get("metrics", {})
    entries = {**result.get("results", {}), **result.get("outputs", {})}
    entry = entries.get(name)
    if entry is not None and "bundle" in entry:
        from kfnb.runs.record.values_at_url import UnreachableStore, bring_value
        from kfnb.runtime.step_failures import Failure
        from kfnb.runtime.values.load_stored_values import load_value
        from kfnb.runtime.values.value_store import Damaged

        try:
            bring_value(entry, folder, values)
        except UnreachableStore as unreachable:
            raise UnknownRun(f"`{name}` of `{path}`: {unreachable}") from None
        except Failure as failure:
            raise LostValue(failure.message + again_words(run_id, path)) from None
        try:
            return load_value(str(values), entry["bundle"], name)
        except Damaged as error:
            raise LostValue(error.message + again_words(run_id, path)) from None
    if name in exports:
        return exports[name]
    if name in metrics:
        return metrics[name]
    if entry is not None:
        raise UnknownRun(f"`{name}` of `{path}` was not kept: {entry.get('skipped')}")
    names = sorted({*entries, *exports, *metrics})
    nothing = f"nothing (state {step['state']}{': ' + step['reason'] if step['reason'] else ''})"
    hint = did_you_mean(name, names, f"it left {', '.join(names) or nothing}")
    raise UnknownRun(f"step `{path}` left no value `{name}`; {hint}")
