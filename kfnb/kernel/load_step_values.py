"""Loads values of a run into the live kernel: the inputs of a step, or its outputs."""

from __future__ import annotations

from typing import Any

from kfnb.runs.record.lookup_by_name import UnknownRun
from kfnb.runs.record.run_store import RunStore
from kfnb.runs.step_inputs_outputs import inputs_of, outputs_of, value_of


def load(run: str, path: str, what: str = "inputs") -> None:
    """Bind the inputs (or ``outputs``) of a step of a run in the kernel's namespace, and say which, and which are not kept.

    Parameters
    ----------
    run, path
        The run's id, and the step or iteration, such as ``train[2]``.

    Raises
    ------
    UnknownRun
        When there is no such run or step, or nothing of what it saw or left is kept.
    """
    from IPython import get_ipython

    store = RunStore()
    try:
        run_id = store.resolve(run)
        seen = outputs_of(store, run_id, path) if what == "outputs" else inputs_of(store, run_id, path)
        found: dict[str, Any] = {}
        missing: list[str] = []
        for name, one in seen.items():
            try:
                found[name] = value_of(store, run_id, one)
            except UnknownRun as error:
                missing.append(str(error.args[0]))
    finally:
        store.close()
    if missing and not found:
        raise UnknownRun("; ".join(missing))
    get_ipython().user_ns.update(found)
    names = ", ".join(sorted(found)) or "nothing"
    print(f"loaded {names}: what step {path} of run {run_id} {'left' if what == 'outputs' else 'saw'}")
    for message in missing:
        print(message)
