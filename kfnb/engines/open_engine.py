"""Opens the engine of a target, or the engine of an existing run."""

from __future__ import annotations

from kfnb.engines.cluster.targets.targets import Target
from kfnb.engines.engine_interface import Engine
from kfnb.engines.local import LocalEngine
from kfnb.engines.local.processes.launch_run_process import Launch, launch
from kfnb.runs.record.private_record_files import DamagedRecord, read_object
from kfnb.runs.record.run_store import RunStore


def engine_for(store: RunStore, target: Target, launch: Launch = launch) -> Engine:
    """The engine that runs on a target. ``launch`` starts the processes of local runs."""
    if target.engine == "argo":
        from kfnb.engines.argo.argo_engine import ArgoEngine

        return ArgoEngine(store, target)
    if target.engine == "kfp":
        from kfnb.engines.kfp.kfp_engine import KfpEngine

        return KfpEngine(store, target)
    return LocalEngine(store, launch)


def engine_of(store: RunStore, run_id: str, launch: Launch = launch) -> Engine:
    """The engine of a run, with the settings that its target had at the start. ``launch`` is as for `engine_for`."""
    path = store.folder(run_id) / "remote.json"
    try:
        remote = read_object(path)
        target = Target(remote["target"], remote["engine"], remote["settings"], pins=remote.get("pins", {}))
        return engine_for(store, target)
    except FileNotFoundError:
        return LocalEngine(store, launch)
    except KeyError as error:
        raise DamagedRecord(path, f"it does not say the {error.args[0]}") from None
