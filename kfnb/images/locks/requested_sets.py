"""Which steps can share an environment, and what is resolved for it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from kfnb.images.locks.lock_model import StepRequest
from kfnb.images.needs.named_files import has_own_image
from kfnb.images.needs.step_requirements import StepRequirements
from kfnb.pipeline.model import Pipeline, Step
from kfnb.pipeline.references import OutputRef, sources
from kfnb.requirement_checks import DEFAULT_SOURCES, PackageSources, requirement_name

PINNED = re.compile(r"(?P<name>[\w.-]+)(?P<extras>\[[^\]]*\])?==[^\s;,]+")
PYTHON_IMAGE = re.compile(r"(?:^|/)python:(\d+\.\d+)")


@dataclass(frozen=True)
class RequestedSet:
    """What is resolved once, for all steps that ask for the same.

    Parameters
    ----------
    apt
        The packages of the system that the steps' marks name.
    requirements
        What the steps ask for, at their start and for their values.
    constraints
        The versions of the notebook's environment, as ``name==version``.
    sources
        Where the packages come from.
    """

    steps: tuple[str, ...]
    python: str
    base_image: str
    apt: tuple[str, ...]
    requirements: tuple[str, ...]
    constraints: tuple[str, ...]
    sources: PackageSources


def step_requests(pipeline: Pipeline, found: StepRequirements) -> tuple[StepRequest, ...]:
    """What each step asks for. Scripts and commands that run in images of their own ask for nothing."""
    steps = {s.name: s for s in pipeline.steps() if not has_own_image(s)}
    own = {name: _asked(step, found) for name, step in steps.items()}
    before = {name: _ancestors(name, steps) for name in steps}
    requests = []
    for name in steps:
        names = {requirement_name(r) for r in own[name]}
        values = dict.fromkeys(r for a in before[name] for r in own[a])
        requests.append(
            StepRequest(name, own[name], _one_of_each(r for r in values if requirement_name(r) not in names))
        )
    return tuple(requests)


def requested_sets(
    pipeline: Pipeline,
    found: StepRequirements,
    image: str = "",
    base_sources: PackageSources = DEFAULT_SOURCES,
) -> tuple[RequestedSet, ...]:
    """The steps of a pipeline, grouped by what they ask for.

    Parameters
    ----------
    image
        The image of steps whose marks name none. The tag of an image may name another Python than the notebook's.
    base_sources
        Where packages come from, unless the marks of a step say something else.
    """
    steps = {s.name: s for s in pipeline.steps()}
    grouped: dict[RequestedSet, list[str]] = {}
    versions: dict[RequestedSet, dict[str, None]] = {}
    for request in step_requests(pipeline, found):
        step = steps[request.step]
        roots = tuple(sorted({*request.requirements, *request.for_values}, key=requirement_name))
        own_sources = step.settings.sources.over(base_sources)
        own_image = step.settings.image or ""
        python = image_python(own_image or image) or found.python
        key = RequestedSet((), python, own_image, tuple(sorted(step.settings.apt)), roots, (), own_sources)
        grouped.setdefault(key, []).append(step.name)
        versions.setdefault(key, {}).update(dict.fromkeys(found.details[step.name].constraints))
    return tuple(replace(k, steps=tuple(names), constraints=tuple(versions[k])) for k, names in grouped.items())


def image_python(image: str) -> str:
    """The version of Python in an image, as far as its name says it: ``3.12`` for ``python:3.12-slim``."""
    match = PYTHON_IMAGE.search(image)
    return match[1] if match is not None else ""


def _asked(step: Step, found: StepRequirements) -> tuple[str, ...]:
    """The requirements of a step. Those of its code are without versions, which the notebook's environment or the lock gives."""
    marked = set(step.settings.packages)
    texts = (r if r in marked else _without_version(r) for r in found.packages.get(step.name, ()))
    return tuple(sorted(dict.fromkeys(texts), key=requirement_name))


def _without_version(requirement: str) -> str:
    match = PINNED.fullmatch(requirement)
    return requirement_name(match["name"]) + (match["extras"] or "") if match is not None else requirement


def _ancestors(name: str, steps: dict[str, Step]) -> list[str]:
    """The steps from which objects may reach a step, from the nearest on."""
    found: dict[str, None] = {}
    queue = [name]
    while queue:
        step = steps.get(queue.pop(0))
        for ref in (r for i in step.inputs for r in sources(i.ref)) if step is not None else ():
            if isinstance(ref, OutputRef) and ref.step in steps and ref.step not in found and ref.step != name:
                found[ref.step] = None
                queue.append(ref.step)
    return list(found)


def _one_of_each(requirements: Iterable[str]) -> tuple[str, ...]:
    """Of the requirements for one package, the first."""
    found: dict[str, str] = {}
    for requirement in requirements:
        found.setdefault(requirement_name(requirement), requirement)
    return tuple(found[name] for name in sorted(found))
