"""What a run would be, before it is submitted: whether the target answers, what is wrong, and what would leave this machine."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from kfnb.engines.cluster.clients.kubernetes_client import connect
from kfnb.engines.cluster.lowering.manifest_files import as_yaml
from kfnb.engines.cluster.submission.cluster_engine import ClusterEngine
from kfnb.engines.cluster.submission.fill_for_target import fit_to_target
from kfnb.engines.cluster.targets.resource_limits import ResourceLimit, check_limits, resource_limits
from kfnb.engines.cluster.targets.targets import (
    Target,
    misplaced_options,
    options_of,
    target_named,
    withheld_problems,
)
from kfnb.engines.engine_interface import RunOptions
from kfnb.engines.open_engine import engine_for
from kfnb.pipeline.model import Pipeline
from kfnb.pipeline.parameters.bind_values import bind
from kfnb.problems import NotebookError, Problem, errors
from kfnb.runs.record.run_store import RunStore


def planned(pipeline: Pipeline, target: str, values: dict[str, str], options: dict[str, Any]) -> dict[str, Any]:
    """What `Runs.start` would do with the same arguments. Nothing is started, and nothing is sent to a target that is not ready.

    Raises
    ------
    BadTarget
        When there is no such target, or it cannot be read.
    """
    from kfnb.engines.cluster.targets.diagnosis import diagnose

    chosen = target_named(target, Path(options["notebook"]) if options.get("notebook") else None)
    diagnosis = diagnose(chosen)
    plan: dict[str, Any] = {"state": diagnosis.state, "told": list(diagnosis.lines), "engine": chosen.engine}
    plan |= {"problems": [], "steps": [], "files": [], "manifest": "", "limits": []}
    if chosen.asks or chosen.error:
        return plan
    try:
        run_options = RunOptions(parameters=bind(pipeline, values), **options)
    except NotebookError as error:
        return plan | {"problems": [p.to_json() for p in error.problems]}
    store = RunStore()
    try:
        engine = engine_for(store, chosen)
        misplaced = misplaced_options(chosen, run_options)
        problems = [*misplaced, *withheld_problems(chosen), *engine.check(pipeline, run_options)]
        plan["problems"] = [p.to_json() for p in problems]
        if isinstance(engine, ClusterEngine):
            limits, over = _limits(engine, pipeline, run_options, answers=diagnosis.state == "ready")
            plan["limits"] = [asdict(limit) for limit in limits]
            plan["problems"] += [p.to_json() for p in over]
            if not errors([*problems, *over]):
                plan["manifest"] = as_yaml(engine.compile_run(pipeline, run_options).documents)
    finally:
        store.close()
    return plan | _sent(pipeline, chosen, run_options)


def _limits(
    engine: ClusterEngine[Any, Any], pipeline: Pipeline, options: RunOptions, answers: bool
) -> tuple[list[ResourceLimit], list[Problem]]:
    """What the target and its namespace give steps and allow them, and the steps that ask for more than the namespace allows.

    ``answers``: whether the target does. Otherwise only its settings are known.
    """
    settings, connection = options_of(engine.target), engine.target.connection
    namespace = connection.namespace or (connection.server_namespace if engine.name == "kfp" else "")
    asks = answers and (engine.name == "argo" or connection.names_cluster)
    limits = resource_limits(settings, connect(replace(connection, namespace=namespace)) if asks else None)
    return limits, list(check_limits(fit_to_target(pipeline, settings, options.parameters), limits))


def _sent(pipeline: Pipeline, target: Target, options: RunOptions) -> dict[str, Any]:
    """The image and the packages of each step, and the files that travel. On this machine, steps take all from the notebook's own."""
    if target.engine == "local":
        return {"steps": [{"step": s.name, "image": s.settings.image, "packages": []} for s in pipeline.steps()]}
    from kfnb.images.needs.step_requirements import find_requirements, travelling_files

    folder, settings = Path(options.folder or "."), options_of(target)
    limit, python = settings.travel_limit, options.python
    needs = find_requirements(
        pipeline, folder, settings.packages, values=options.parameters, python=python, limit=limit
    )
    steps = [
        {
            "step": step.name,
            "image": step.settings.image or settings.image,
            "packages": list(needs.packages.get(step.name, ())),
        }
        for step in pipeline.steps()
    ]
    files = travelling_files(pipeline, folder, settings.packages, options.parameters, python, limit)
    return {"steps": steps, "files": [asdict(f) for f in files]}
