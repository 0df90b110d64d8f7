"""Opens the engine of a target, or the engine of an existing run."""

from __future__ import annotations

from kfnb.engines.cluster.targets.targets import LOCAL, Target
from kfnb.engines.engine_interface import Engine
from kfnb.engines.local import LocalEngine
from kfnb.engines.local.processes.launch_run_process import Launch, launch
from kfnb.images.build_watch import Watch, watch_nothing
from kfnb.runs.record.private_record_files import DamagedRecord, read_object
from kfnb.runs.record.run_store import RunStore


def engine_for(store: RunStore, target: Target, launch: Launch = launch, watch: Watch = watch_nothing) -> Engine:
    """The engine that runs on a target.

    Parameters
    ----------
    launch
        Starts the processes of local runs.
    watch
        Is told what is done for the images of runs on clusters.
    """
    if target.engine == "argo":
        from kfnb.engines.argo.argo_engine import ArgoEngine

        return ArgoEngine(store, target, watch)
    if target.engine == "kfp":
        from kfnb.engines.kfp.kfp_engine import KfpEngine

        return KfpEngine(store, target, watch)
    return LocalEngine(store, launch)


def engine_of(store: RunStore, run_id: str, launch: Launch = launch, watch: Watch = watch_nothing) -> Engine:
    """The engine of a run, with the settings that its target had at the start. The rest is as for `engine_for`."""
    return engine_for(store, target_of(store, run_id), launch, watch)


def target_of(store: RunStore, run_id: str) -> Target:
    """The target of a run, with the settings that it had at the start."""
    path = store.folder(run_id) / "remote.json"
    try:
        remote = read_object(path)
        return Target(remote["target"], remote["engine"], remote["settings"], pins=remote.get("pins", {}))
    except FileNotFoundError:
        return LOCAL
    except KeyError as error:
        raise DamagedRecord(path, f"it does not say the {error.args[0]}") from None
