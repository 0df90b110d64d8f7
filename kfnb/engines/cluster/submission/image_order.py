"""What the images of a pipeline are made of, and where they go. `kfnb build`, `kfnb compile` and a run order them in the same way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.engines.cluster.submission.fill_for_target import fit_to_target
from kfnb.engines.cluster.submission.target_repository import open_for
from kfnb.images.build_watch import Watch, watch_nothing
from kfnb.images.builders.build_images import BuiltImage, build_images, built_before
from kfnb.images.builders.build_plan import PlannedImage, plan_images, this_platform
from kfnb.images.builders.container_tools import Context, build_with, contexts, made_before
from kfnb.images.builders.lock_to_build import lock_to_build
from kfnb.images.layers.choose_wheel import Platform, platform_named
from kfnb.images.layers.wheel_cache import WheelCache
from kfnb.images.locks.lock_model import Lock, RequirementSet
from kfnb.images.locks.lock_pipeline import LockOptions
from kfnb.images.needs.step_requirements import StepRequirements
from kfnb.images.registry.image_repository import ImageRepository
from kfnb.pipeline.model import Json, Pipeline
from kfnb.step_settings import Settings


@dataclass(frozen=True)
class ImageOrder:
    """Images that are wanted.

    Parameters
    ----------
    pipeline
        The pipeline as the target runs it, with values in its marks.
    lock
        The packages of each image, and the whole names of base images.
    notes
        What the user should know of how the lock came about.
    requirements
        What the steps need.
    folder
        The folder of the notebook.
    base_image
        The base image of steps that name none. It may be empty.
    repository
        Where the images go. Empty: nowhere yet.
    settings
        The target's settings.
    python
        The interpreter of the notebook's environment. Default: the current one.
    """

    pipeline: Pipeline
    lock: Lock
    notes: tuple[str, ...]
    requirements: StepRequirements
    folder: Path
    base_image: str
    repository: str
    platforms: tuple[Platform, ...]
    settings: ClusterOptions
    python: str | None
    cache: WheelCache

    @property
    def code(self) -> dict[str, dict[str, bytes]]:
        """The modules that each step imports and no index has, by path, by the names of steps."""
        return {step.name: self.requirements.code_of(step.name) for step in self.pipeline.steps()}

    def planned(self) -> tuple[PlannedImage, ...]:
        """The images as they are made from wheels. Raises what `plan_images` raises."""
        opened = partial(open_for, self.settings)
        return plan_images(self.lock, self.folder, self.platforms, self.base_image, self.cache, opened, self.code)

    def contexts(self) -> tuple[Context, ...]:
        """What a container tool makes the images of."""
        return contexts(self.lock, self.folder, self.platforms[0], self.base_image, self.code)

    def place(self) -> ImageRepository:
        """The repository, opened."""
        return open_for(self.settings, self.repository)

    def there(self) -> tuple[BuiltImage, ...]:
        """The images that the repository has already."""
        place = self.place()
        if self.settings.builder == "layers":
            found = [built_before(image, place) for image in self.planned()]
        else:
            found = [made_before(context, self.platforms[0], place) for context in self.contexts()]
        return tuple(image for image in found if image is not None)

    def build(self, watch: Watch = watch_nothing) -> tuple[BuiltImage, ...]:
        """Make the images that the repository lacks, and return all.

        Raises
        ------
        CannotBuild, BadBase, BadDownload, BadWheel, ToolFailed, RegistryError
            When a package cannot be had, a tool fails, or a repository refuses.
        """
        if self.settings.builder == "layers":
            return build_images(self.planned(), self.place(), self.cache, watch, self.python)
        there = self.there()
        lacking = [c for c in self.contexts() if c.tag not in {image.tag for image in there}]
        made = build_with(
            self.settings.builder, lacking, self.platforms[0], self.repository, lambda text: watch(text, "build", 0, 0)
        )
        return (*there, *made)

    def lacking(self, built: Iterable[BuiltImage]) -> tuple[str, ...]:
        """The steps whose image is not among these."""
        there = {step for image in built for step in image.steps}
        return tuple(step for one in self.lock.sets for step in one.steps if step not in there)

    def pinned(self, built: Iterable[BuiltImage]) -> dict[str, str]:
        """The image of each step with its digest, without those of steps that share a pod and have different ones.

        Such steps install their packages when they start.
        """
        images = {step: image.reference for image in built for step in image.steps}
        shared = {s.name: s.settings.pod for s in self.pipeline.steps() if s.settings.pod is not None}
        pods: dict[str, set[str]] = {}
        for step, pod in shared.items():
            pods.setdefault(pod, set()).add(images.get(step, ""))
        return {step: image for step, image in images.items() if step not in shared or len(pods[shared[step]]) == 1}


def image_order(
    pipeline: Pipeline,
    folder: Path,
    settings: ClusterOptions,
    values: Mapping[str, Json],
    python: str | None = None,
    repository: str = "",
    base_image: str | None = None,
) -> ImageOrder:
    """Find what the images of a pipeline are made of.

    Parameters
    ----------
    pipeline
        The pipeline as its notebook has it.
    settings
        The target's settings.
    values
        The values of parameters, which marks may name.
    repository
        Where the images go, in place of the target's `repository`.
    base_image
        The base image of steps that name none, in place of the target's `image`.

    Raises
    ------
    CannotLock
        When no versions fit together, an index cannot be reached, or the lock beside the notebook cannot be read.
    """
    fitted = fit_to_target(pipeline, settings, values)
    platforms = tuple(platform_named(p) for p in settings.platforms) or (this_platform(),)
    base = settings.image_of(Settings()) if base_image is None else base_image
    options = LockOptions(base, settings.packages, settings.sources, python, tuple(map(str, platforms)))
    cache = WheelCache(sources=settings.sources)
    found = options.needs(fitted, folder)
    locked = lock_to_build(fitted, folder, options, cache, found)
    place = repository or settings.repository
    lock = _with_whole_names(locked.lock, settings)
    return ImageOrder(fitted, lock, locked.notes, found, folder, base, place, platforms, settings, python, cache)


def _with_whole_names(lock: Lock, settings: ClusterOptions) -> Lock:
    """The lock with the registry that the target gives to images without one. The lock beside a notebook is for any target."""

    def whole(one: RequirementSet) -> RequirementSet:
        return replace(one, base_image=settings.image_of(Settings(image=one.base_image))) if one.base_image else one

    return replace(lock, sets=tuple(map(whole, lock.sets)))
