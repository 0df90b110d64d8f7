"""The packages that marks name for steps on this machine, where the interpreter does not have them in that version."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from kfnb.engines.engine_interface import RunOptions
from kfnb.images.needs.installed_packages import installed_packages
from kfnb.images.needs.met_requirements import is_met
from kfnb.images.needs.step_requirements import find_requirements
from kfnb.pipeline.model import Pipeline
from kfnb.requirement_checks import is_local, requirement_name


def marked_packages(pipeline: Pipeline, options: RunOptions, kept: Path) -> dict[str, dict[str, Any]]:
    """What each step with such marks installs, by the step's name, as `kfnb.runtime.pods.kept_packages.add_packages` takes it.

    Parameters
    ----------
    kept
        Where the folders of the packages are.
    """
    marked = [s for s in pipeline.steps() if s.settings.packages]
    versions = {n: d.version for n, d in installed_packages(options.python).distributions.items()}
    unmet = {s.name: [p for p in s.settings.packages if not is_met(p, versions)] for s in marked}
    if not any(unmet.values()):
        return {}
    needs = find_requirements(pipeline, Path(options.folder), values=options.parameters, python=options.python)
    found = {}
    for name, requirements in unmet.items():
        if requirements:
            texts = [_absolute(r, options.folder) for r in requirements]
            named = {requirement_name(r) for r in requirements}
            constraints = needs.details[name].constraints
            limits = [c for c in constraints if requirement_name(c) not in named]
            sources = needs.sources.get(name, {})
            identity = json.dumps([texts, limits, sources, options.python or sys.version, _changes(texts)])
            folder = str(kept / hashlib.sha256(identity.encode()).hexdigest()[:32])
            found[name] = {"requirements": texts, "constraints": limits, "sources": sources, "folder": folder}
    return found


def _absolute(requirement: str, folder: str) -> str:
    return os.path.join(folder, requirement) if is_local(requirement) else requirement


def _changes(requirements: list[str]) -> list[int]:
    """When the archives among the requirements were changed."""
    return [os.stat(r).st_mtime_ns for r in requirements if os.path.isabs(r) and os.path.exists(r)]
