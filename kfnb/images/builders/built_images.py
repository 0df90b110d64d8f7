"""Remembers which image was built for which requirements, so that a run in containers on this machine finds it by itself."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from kfnb.images.builders.build_images import BuiltImage
from kfnb.images.builders.build_plan import default_base
from kfnb.images.locks.locked_requirements import with_lock
from kfnb.images.locks.requested_sets import RequestedSet, requested_sets
from kfnb.images.needs.step_requirements import StepRequirements
from kfnb.images.registry.references import ARCHIVE, OCI, image_reference
from kfnb.pipeline.model import Pipeline
from kfnb.requirement_checks import DEFAULT_SOURCES, PackageSources
from kfnb.runs.record.private_record_files import DamagedRecord, make_folder, read_object, write_file
from kfnb.runs.retention.prune_runs import BUILT


def remember_images(
    home: Path, pipeline: Pipeline, folder: Path, found: StepRequirements, base_image: str, sources: PackageSources,
    built: Sequence[BuiltImage],
) -> None:  # fmt: skip
    """Remember images that were just built, each in a file under the hash of what its requirement set asks for. The last one counts.

    Parameters
    ----------
    home
        The folder of the record of runs.
    folder
        The folder of the notebook, in which a lock may be.
    found
        What the steps need.
    base_image
        The base image of steps that name none. Empty: the slim image of their Python.
    """
    names = {step: name for image in built if (name := _place_of(image)) for step in image.steps}
    made = {step: image for image in built for step in image.steps}
    make_folder(home / BUILT)
    for step, key in _keys(pipeline, folder, found, base_image, sources).items():
        if step in names:
            content = {"image": names[step], "platforms": list(made[step].platforms)}
            write_file(home / BUILT / f"{key}.json", json.dumps(content))


def remembered_images(
    home: Path, pipeline: Pipeline, folder: Path, found: StepRequirements, base_image: str, platform: str
) -> dict[str, str]:
    """The images that were built for exactly what the steps need, by the names of the steps. The parameters are those of `remember_images`."""
    images = {}
    for step, key in _keys(pipeline, folder, found, base_image, DEFAULT_SOURCES).items():
        file = home / BUILT / f"{key}.json"
        try:
            content = read_object(file)
        except (FileNotFoundError, DamagedRecord):
            continue
        if platform in content["platforms"]:
            images[step] = str(content["image"])
            os.utime(file)
    return images


def _place_of(image: BuiltImage) -> str:
    """The name under which podman takes an image; empty where it has none."""
    repository = image_reference(image.reference).repository
    if repository.startswith(ARCHIVE):
        return ""
    if repository.startswith(OCI):
        return f"{OCI}{os.path.abspath(repository.removeprefix(OCI))}:{image.tag}"
    return image.reference


def _keys(
    pipeline: Pipeline, folder: Path, found: StepRequirements, base_image: str, sources: PackageSources
) -> dict[str, str]:
    """The hash of all that the image of each step depends on."""
    locked = with_lock(found, pipeline, folder, base_image).hashes
    keys = {}
    for asked in requested_sets(pipeline, found, base_image, sources):
        for step in asked.steps:
            content = [*_content(asked, base_image), locked.get(step, {})]
            keys[step] = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return keys


def _content(asked: RequestedSet, base_image: str) -> list[object]:
    base = str(image_reference(asked.base_image or base_image or default_base(asked.python)))
    return [asked.python, base, asked.apt, asked.requirements, sorted(asked.constraints), asked.sources.to_json()]
