"""Images that were built without any container tool run in podman, and their steps give what they give on this machine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kfnb.engines.argo.following.workflow_nodes import observe_steps
from kfnb.engines.argo.workflow_manifest import compile_workflow
from kfnb.engines.cluster.lowering.literal_texts import parameter_text
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.engines.cluster.submission.image_order import image_order
from kfnb.images.builders.build_images import build_images
from kfnb.images.builders.build_plan import plan_images, this_platform
from kfnb.images.builders.lock_to_build import lock_to_build
from kfnb.images.layers.wheel_cache import WheelCache
from kfnb.images.locks.lock_pipeline import LockOptions
from kfnb.images.needs.step_requirements import find_requirements
from kfnb.images.registry.open_repository import open_repository
from kfnb.notebook import notebook_from_json, read_notebook
from kfnb.pipeline.build.build_pipeline import build
from kfnb.pipeline.model import Pipeline, Step, with_steps
from tests.cluster.outcome import locally, told_alone, values_of
from tests.images.base_image import BaseImage, run
from tests.images.builders.podman_pods import RESTRICTED, PodmanInterpreter, PodmanPods
from tests.images.registry.registry_server import registry
from tests.notebooks import cell
from tests.running import pipeline_of

NOTEBOOK = Path(__file__).parents[3] / "notebooks" / "07-machine-learning.ipynb"


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    found = build(read_notebook(NOTEBOOK)).pipeline
    assert found is not None
    return found


@pytest.fixture(scope="module")
def images(pipeline: Pipeline, podman: BaseImage, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The images of the machine-learning notebook in podman, by the names of the steps."""
    folder = tmp_path_factory.mktemp("built")
    cache = WheelCache(folder / "cache")
    platforms = [this_platform()]
    options = LockOptions(platforms=tuple(map(str, platforms)))
    found = options.needs(pipeline, NOTEBOOK.parent)
    lock = lock_to_build(pipeline, NOTEBOOK.parent, options, cache, found).lock
    planned = plan_images(lock, NOTEBOOK.parent, platforms, f"oci:{podman.layout}:latest", cache)
    with registry(folder) as address:
        built = build_images(planned, open_repository(f"{address}/team/wine"), cache)
        for image in built:
            run("podman", "pull", "--quiet", "--tls-verify=false", image.reference)
    return {step: image.reference for image in built for step in image.steps}


def test_the_images_have_what_the_notebook_imports_and_nothing_else(images: dict[str, str]) -> None:
    code = "import json; from importlib import metadata; print(json.dumps(sorted(d.name for d in metadata.distributions(path=['/opt/kfnb/packages']))))"
    command = ["podman", "run", *RESTRICTED, images["load"], "python3", "-c", code]
    found = set(json.loads(run(*command)))
    assert {"numpy", "pandas", "scikit-learn", "scipy"} <= found and not {
        "matplotlib",
        "pip",
        "jupyterlab",
        "ipykernel",
    } & found


def one_model() -> Pipeline:
    """The notebook's pipeline with its plot and one of its three models: training takes a third of the time."""
    data = json.loads(NOTEBOOK.read_text("utf-8"))
    kept = {"parameters", "imports", "step:load", "step:plot", "step:split", "step:train-forest"}
    cells = [c for c in data["cells"] if kept.issuperset(c["metadata"].get("tags", ()))]
    compare = cell("accuracy = evaluate(forest, X_test, y_test)", "step:compare")
    found = build(notebook_from_json({**data, "cells": [*cells, compare]})).pipeline
    assert found is not None
    return found


def test_the_plot_and_one_model_of_the_notebook_give_in_the_images_what_they_give_here(
    images: dict[str, str], tmp_path: Path
) -> None:
    pipeline = one_model()

    def pinned(step: Step) -> Step:
        return replace(step, settings=replace(step.settings, image=images[step.name]))

    parameters = {p.name: p.default for p in pipeline.parameters}
    here = locally(pipeline, tmp_path / "here", parameters)
    in_images = with_steps(pipeline, pinned)
    requirements = find_requirements(in_images, NOTEBOOK.parent)
    compiled = compile_workflow(in_images, ClusterOptions(values="s3"), requirements)
    types = {p.name: p.type for p in pipeline.parameters}
    interpreter = PodmanInterpreter(compiled.workflow, PodmanPods(), _folder(tmp_path / "argo"))
    status = interpreter.run(**{n: parameter_text(v, types[n]) for n, v in parameters.items()})
    logs = interpreter.logs
    assert status["phase"] == "Succeeded", list(logs.values())[-1]
    assert not [t for t in logs.values() if "installing" in t]
    there: dict[str, Any] = {}
    for step in observe_steps(status["nodes"], compiled.task_jobs):
        for attempt in step.attempts:
            report = told_alone(logs[status["nodes"][attempt.node]["name"]])[1].result()
            there |= {f"{step.path}.{n}": v for n, v in values_of(report).items()}
    told = {n: v for n, v in here.values.items() if n in there}
    assert {n: there[n] for n in told} == told
    assert isinstance(told["compare.accuracy"], float) and "split.X_train" in told


def test_modules_are_in_the_image_and_none_of_another_content_is_used(
    podman: BaseImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "scales.py").write_text("FACTOR = 2\n")
    steps = pipeline_of(cell("from tools.scales import FACTOR\nprint('twice', 21 * FACTOR)", "step:one"))
    settings = ClusterOptions(image=f"oci:{podman.layout}:latest", packages="none", repository="localhost/unused")
    with registry(tmp_path) as address:
        order = image_order(steps, tmp_path, settings, {}, repository=f"{address}/team/scales")
        built = order.build()
        for image in built:
            run("podman", "pull", "--quiet", "--tls-verify=false", image.reference)
    images = order.pinned(built)

    def outcome(name: str) -> tuple[str, str]:
        requirements = find_requirements(steps, tmp_path, "none").in_images(images)
        compiled = compile_workflow(steps, ClusterOptions(images=images), requirements)
        interpreter = PodmanInterpreter(compiled.workflow, PodmanPods(), _folder(tmp_path / name))
        return interpreter.run()["phase"], "".join(interpreter.logs.values())

    phase, log = outcome("argo")
    assert phase == "Succeeded" and "twice 42" in log
    (tmp_path / "tools" / "scales.py").write_text("FACTOR = 3\n")
    phase, log = outcome("changed")
    assert (
        phase == "Failed"
        and "the step's image has another version of its module tools/scales.py: submit the run again" in log
    )


def _folder(path: Path) -> Path:
    path.mkdir()
    return path
