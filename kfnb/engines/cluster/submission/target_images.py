"""The images of a target's repository: they are built before a run, and its steps are pinned to them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.engines.engine_interface import RunOptions
from kfnb.images.build_watch import Watch
from kfnb.images.registry.client.registry_access import RegistryAccess
from kfnb.images.registry.image_repository import ImageRepository
from kfnb.images.registry.references import ARCHIVE, OCI, registry_path
from kfnb.pipeline.model import Pipeline, Step, with_steps
from kfnb.problems import UserError
from kfnb.step_settings import Settings


def access_of(settings: ClusterOptions) -> RegistryAccess:
    """How a target's repository is reached."""
    return RegistryAccess(
        settings.repository_auth_file,
        settings.repository_ca_file,
        settings.repository_certificate,
        settings.repository_key,
        settings.repository_allow_http,
    )


def build_target_images(
    pipeline: Pipeline, options: RunOptions, settings: ClusterOptions, watch: Watch
) -> dict[str, str]:
    """Build what the target's repository lacks, and return the image of each step with its digest. Steps with images of their own have none.

    Raises
    ------
    ClusterError
        When a package cannot be had, or the repository refuses. The message says which.
    """
    from kfnb.images.locks.lock_model import Unresolvable

    try:
        return _built(pipeline, options, settings, watch)
    except Exception as error:
        if not isinstance(error, (UserError, Unresolvable)):
            raise
        raise ClusterError(
            getattr(error, "kind", "refused"),
            f"the images of the steps cannot be built: {error} (without `repository` in the target, steps install their packages at their start)",
        ) from error


def _built(pipeline: Pipeline, options: RunOptions, settings: ClusterOptions, watch: Watch) -> dict[str, str]:
    from kfnb.images.builders.build_images import build_images
    from kfnb.images.builders.build_plan import plan_images, this_platform
    from kfnb.images.builders.container_tools import build_with, contexts
    from kfnb.images.builders.lock_to_build import lock_to_build
    from kfnb.images.layers.choose_wheel import platform_named
    from kfnb.images.layers.wheel_cache import WheelCache
    from kfnb.images.locks.lock_pipeline import LockOptions

    folder, cache = Path(options.folder), WheelCache(sources=settings.sources)
    platforms = [platform_named(p) for p in settings.platforms] or [this_platform()]
    named = with_steps(pipeline, lambda step: _with_whole_name(step, settings))
    base = settings.image_of(Settings())
    wanted = LockOptions(base, settings.packages, settings.sources, options.python, tuple(map(str, platforms)))
    locked = lock_to_build(named, folder, wanted, cache)
    if settings.builder == "layers":
        planned = plan_images(locked.lock, folder, platforms, base, cache, partial(open_for, settings))
        repository = open_for(settings, settings.repository)
        built = build_images(planned, repository, cache, watch, options.python)
    else:
        made = contexts(locked.lock, folder, platforms[0], base)
        built = build_with(
            settings.builder, made, platforms[0], settings.repository, lambda text: watch(text, "build", 0, 0)
        )
    return _that_fit_pods(pipeline, {step: image.reference for image in built for step in image.steps})


def _that_fit_pods(pipeline: Pipeline, images: dict[str, str]) -> dict[str, str]:
    """The images without those of steps that share a pod and have different ones. Such steps install their packages when they start."""
    pods: dict[str, set[str]] = {}
    shared = {s.name: s.settings.pod for s in pipeline.steps() if s.settings.pod is not None}
    for step, pod in shared.items():
        pods.setdefault(pod, set()).add(images.get(step, ""))
    return {step: image for step, image in images.items() if step not in shared or len(pods[shared[step]]) == 1}


def open_for(settings: ClusterOptions, name: str) -> ImageRepository:
    """A repository, with the access that the target has to its registry."""
    from kfnb.images.registry.open_repository import open_repository

    ours = settings.repository and registry_path(settings.repository).registry
    is_ours = not name.startswith((OCI, ARCHIVE)) and registry_path(name).registry == ours
    return open_repository(name, access_of(settings) if is_ours else None)


def _with_whole_name(step: Step, settings: ClusterOptions) -> Step:
    """A step whose image has the registry that the target gives it."""
    if step.settings.image is None:
        return step
    return replace(step, settings=replace(step.settings, image=settings.image_of(step.settings)))
