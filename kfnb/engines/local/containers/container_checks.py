"""What stands in the way of running a pipeline in containers on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from kfnb.engines.engine_interface import RunOptions
from kfnb.engines.local.containers.container_plan import container_requirements, image_of
from kfnb.engines.local.containers.container_tool import ContainerTool, NoContainerTool, has_gpus
from kfnb.engines.local.limits.limit_checks import container_limit_problems, has_limits
from kfnb.images.locks.lock_file import lock_path
from kfnb.images.locks.locked_requirements import stale_locks
from kfnb.images.registry.image_repository import RegistryError
from kfnb.images.registry.references import image_reference
from kfnb.pipeline.model import Pipeline, Step
from kfnb.problems import Problem


def container_problems(pipeline: Pipeline, options: RunOptions) -> list[Problem]:
    """The problems of running the steps in containers."""
    found = [
        *_machine_problems(pipeline, options),
        *(p for step in pipeline.steps() for p in _step_problems(step, options)),
    ]
    if lock_path(pipeline, Path(options.folder)).exists():  # without one there is nothing to look for
        found += stale_locks(pipeline, container_requirements(pipeline, options))
    return found


def _machine_problems(pipeline: Pipeline, options: RunOptions) -> Iterator[Problem]:
    try:
        tool = ContainerTool.find(options.containers)
        if has_limits(pipeline):
            yield from container_limit_problems(pipeline, tool.name, tool.limits())
    except NoContainerTool as error:
        yield Problem("KF740", str(error), "install podman, or run the steps without `--containers`")
    if options.folder == os.sep and not options.isolated:
        hint = "move the notebook into a folder of its own, or give each step one with `--isolated`"
        yield Problem("KF740", f"the notebook is in {os.sep}, which would hide the whole file system of an image", hint)


def _step_problems(step: Step, options: RunOptions) -> Iterator[Problem]:
    image = image_of(step, options)
    try:
        if "{" not in image:  # a parameter that is filled in when the run begins
            image_reference(image)
    except RegistryError as error:
        hint = "correct the mark `image`" if step.settings.image else "correct `--image`"
        yield Problem("KF740", f"step `{step.name}` cannot have its container: {error}", hint, name=step.name)
    if step.settings.gpu and not has_gpus():
        yield Problem(
            "KF741", f"step `{step.name}` asks for a GPU, and this machine describes none for containers: it runs without",
            "where there is one, `nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml` describes it", name=step.name,
        )  # fmt: skip
