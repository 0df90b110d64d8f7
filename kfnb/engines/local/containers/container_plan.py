"""What the container of each step is to be: its image, its limits, and the packages that the image may lack."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from kfnb.engines.engine_interface import RunOptions
from kfnb.engines.local.containers.container_tool import ContainerTool, has_gpus
from kfnb.engines.local.limits.limit_checks import has_limits
from kfnb.engines.local.limits.step_limits import StepLimits
from kfnb.images.builders.build_plan import this_platform
from kfnb.images.builders.built_images import remembered_images
from kfnb.images.locks.locked_requirements import with_lock
from kfnb.images.needs.step_requirements import StepRequirements, find_requirements
from kfnb.pipeline.model import Pipeline, Step
from kfnb.requirement_checks import requirement_name
from kfnb.runs.run_environment import RunEnvironment
from kfnb.setting_marks.quantities import amount

#: The limit of /dev/shm. Podman and docker have 64 MB, which is too little for data loaders with several processes.
SHARED_MEMORY = 2 << 30
#: The image of steps that name none. The bytecode of functions depends on the version of Python.
PYTHON_IMAGE = f"python:{sys.version_info[0]}.{sys.version_info[1]}-slim"


@dataclass(frozen=True)
class ContainerPlan:
    """The container of one step.

    Parameters
    ----------
    built
        The image that `kfnb build` has made of ``image`` for exactly what the step needs; empty when there is none.
    outside
        Whether the runtime stays outside of the container, because a script or a command needs no Python in it.
    network
        ``none``, ``host``, or empty for the network that the tool gives by default.
    cpus, memory
        The most processors and bytes, or 0.
    memory_mark
        The limit as the mark has it, for messages.
    packages, met
        What the step needs beside the image; and what other steps need, whose values it may meet. So most steps share one set.
    constraints, sources
        The versions of what these packages require, and where they come from.
    hashes
        The SHA-256 of the files of each package that the lock beside the notebook gives. Their requirements are then among the packages.
    optional
        Imports of which the step reads nothing, each with its modules: it does without those that its image lacks.
    variables
        Names of environment variables that the container gets from this machine.
    notebook
        The folder of the notebook, to which requirements may be relative.
    """

    image: str
    built: str
    outside: bool
    network: str
    cpus: float
    memory: int
    memory_mark: str
    shared_memory: int
    gpus: int
    packages: tuple[str, ...]
    met: tuple[str, ...]
    constraints: tuple[str, ...]
    hashes: dict[str, list[str]]
    sources: dict[str, Any]
    optional: dict[str, list[str]]
    variables: tuple[str, ...]
    notebook: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class ContainerPlans:
    """The containers of a run: that of each step, by its name, and the packages that all of them get."""

    by_step: dict[str, ContainerPlan]
    environment: RunEnvironment


def container_plans(pipeline: Pipeline, options: RunOptions, home: Path) -> ContainerPlans:
    """The container of every step of a pipeline. ``home`` is the folder of the record, which knows what was built."""
    folder, base = Path(options.folder), options.image or ""
    found = _requirements(pipeline, options)
    built = remembered_images(home, pipeline, folder, found, base, str(this_platform()))
    needs = with_lock(found, pipeline, folder, base)
    inside = [s for s in pipeline.steps() if not _is_outside(s)]
    met = tuple(sorted({r for s in inside for r in _met(s, needs)}))
    constraints = tuple(sorted({c for s in inside for c in needs.of(s).get("constraints", ())}))
    plans = {step.name: _plan(step, needs, met, constraints, options) for step in pipeline.steps()}
    can = ContainerTool.find(options.containers).limits() if has_limits(pipeline) else frozenset[str]()
    by_step = {
        name: replace(
            plan,
            built=built.get(name, ""),
            # A tool that may not limit something refuses the whole container when it is asked to.
            cpus=plan.cpus if "cpu" in can else 0.0,
            memory=plan.memory if "memory" in can else 0,
            memory_mark=plan.memory_mark if "memory" in can else "",
        )
        for name, plan in plans.items()
    }
    return ContainerPlans(by_step, RunEnvironment(needs.python, needs.versions()))


def container_requirements(pipeline: Pipeline, options: RunOptions) -> StepRequirements:
    """What the steps need, in the versions of the lock beside the notebook where it fits them."""
    return with_lock(_requirements(pipeline, options), pipeline, Path(options.folder), options.image or "")


def _requirements(pipeline: Pipeline, options: RunOptions) -> StepRequirements:
    return find_requirements(pipeline, Path(options.folder), values=options.parameters, python=options.python)


def image_of(step: Step, options: RunOptions) -> str:
    """The image of a step: that of its mark, else that of the run, else the slim Python image of this version."""
    return step.settings.image or options.image or PYTHON_IMAGE


def _plan(
    step: Step, needs: StepRequirements, met: tuple[str, ...], constraints: tuple[str, ...], options: RunOptions
) -> ContainerPlan:
    settings, limits = step.settings, StepLimits.of(step.settings)
    outside = _is_outside(step)
    found = needs.of(step)
    packages = () if outside else tuple(found.get("packages", ()))
    named = {requirement_name(r) for r in packages}
    others = tuple(r for r in met if requirement_name(r) not in named)
    locked = {r: h for hashes in needs.hashes.values() for r, h in hashes.items() if r in others}
    locked |= {r: h for r, h in needs.hashes.get(step.name, {}).items() if r in packages}
    any_package = bool(packages or (found.get("pins") and not outside))
    keys = (*settings.secrets, *settings.config_maps)
    variables = dict.fromkeys([*options.environment, *(k.env for k in keys), *(n for n, _ in settings.env)])
    return ContainerPlan(
        image_of(step, options),
        "",
        outside,
        settings.network if settings.network in ("none", "host") else "",
        limits.cpus,
        limits.memory,
        limits.memory_mark,
        int(amount(settings.shared_memory)) if settings.shared_memory else SHARED_MEMORY,
        (settings.gpu or 0) if has_gpus() else 0,
        packages,
        others if any_package else (),
        constraints if any_package else (),
        locked if any_package else {},
        found.get("sources", {}),
        found.get("optional", {}),
        tuple(variables),
        options.folder,
    )


def _is_outside(step: Step) -> bool:
    return step.shell or step.command is not None


def _met(step: Step, needs: StepRequirements) -> set[str]:
    """The packages that the code of a step requires in the notebook's versions, or that it may meet in values."""
    found = needs.of(step)
    own = (r for r in found.get("packages", ()) if r not in step.settings.packages)
    return {*own, *(r for rs in found.get("pins", {}).values() for r in rs)}
