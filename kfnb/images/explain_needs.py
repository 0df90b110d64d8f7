"""Why a step needs each package: which import, call, mark, file or lock is behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from kfnb.images.locks.lock_file import lock_beside
from kfnb.images.locks.locked_requirements import with_lock
from kfnb.images.locks.requested_sets import step_requests
from kfnb.images.needs.step_requirements import StepRequirements, find_requirements
from kfnb.pipeline.model import Pipeline, Step
from kfnb.requirement_checks import requirement_name


def explained_needs(pipeline: Pipeline, folder: Path, name: str, python: str | None = None) -> list[str]:
    """What a step needs on a cluster in addition to its code, one line each.

    Parameters
    ----------
    python
        The interpreter of the notebook's environment. Default: the current one.
    """
    need = find_requirements(pipeline, folder, python=python)
    step = next(s for s in pipeline.steps() if s.name == name)
    return [
        *_packages(step, need),
        *_lock(pipeline, folder, step, need),
        *_values(pipeline, step, need),
        *_files(name, need),
    ]


def _packages(step: Step, need: StepRequirements) -> Iterator[str]:
    installed, details = need.packages.get(step.name, ()), need.details[step.name]
    if installed:
        yield f"  on a cluster it installs {', '.join(installed)}"
    for requirement in (r for r in step.settings.packages if r in installed):
        yield f"    {requirement_name(requirement)} because of the mark `package:{requirement}`"
    for module, requirements in details.requirements.items():
        why = details.reasons.get(module, f"import {module}")
        for requirement in (r for r in requirements if r in installed):
            package = requirement_name(requirement)
            yield f"    {package} because of `{why}`{_version(package, requirement, need, step.name)}"
    for module, reason in details.left_out.items():
        yield f"  on a cluster it does not install {module}: {reason}"


def _version(package: str, requirement: str, need: StepRequirements, step: str) -> str:
    """Where the version of a package comes from, when that is not the notebook's environment."""
    details = need.details[step]
    source = details.conflicts.get(package) or details.files_of.get(package, "")
    if not source and not re.search(r"[=@]", requirement):
        source = "in the newest version"
    return f" ({source})" if source else ""


def _lock(pipeline: Pipeline, folder: Path, step: Step, need: StepRequirements) -> Iterator[str]:
    locked = with_lock(need, pipeline, folder, "")
    if step.name in locked.lock_problems:
        yield f"  {locked.lock_problems[step.name]}"
    elif step.name in locked.hashes:
        packages = locked.packages.get(step.name, ())
        yield f"  {lock_beside(pipeline, folder)[0].name} gives it these files, with their hashes: {', '.join(packages) or 'none at its start'}"


def _values(pipeline: Pipeline, step: Step, need: StepRequirements) -> Iterator[str]:
    request = next((r for r in step_requests(pipeline, need) if r.step == step.name), None)
    if request is not None and request.for_values:
        yield f"  when a value of another step needs it, it also installs {', '.join(request.for_values)}"


def _files(step: str, need: StepRequirements) -> Iterator[str]:
    if need.modules.get(step):
        verb = "travel" if len(need.modules[step]) > 1 else "travels"
        yield f"  on a cluster {', '.join(need.modules[step])} {verb} with it"
    for name in sorted(set(need.files.get(step, ())) - set(need.modules.get(step, ()))):
        yield f"  on a cluster the file {name} travels with it"
    for name in need.too_large.get(step, ()):
        yield f"  on a cluster the file {name} is too large to travel with it"
