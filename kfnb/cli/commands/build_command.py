"""The command ``build``, which makes images for the steps of a pipeline."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kfnb.cli import completion_words
from kfnb.cli.command_helpers import (
    as_json,
    cluster_errors,
    emit,
    kernel_python,
    notebook_argument,
    pipeline_option,
    refuse,
    report,
    required,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
    from kfnb.images.builders.build_images import BuiltImage
    from kfnb.images.builders.build_plan import PlannedImage, PlannedPlatform
    from kfnb.images.layers.choose_wheel import Platform
    from kfnb.images.layers.package_layers import PackageLayer
    from kfnb.images.layers.wheel_cache import WheelCache
    from kfnb.images.locks.lock_model import Lock
    from kfnb.images.registry.image_repository import ImageRepository
    from kfnb.notebook.notebook_source import Source

WHERE = "--repository registry.example.org/team/app, or --repository oci:FOLDER"


@click.command()
@notebook_argument
@click.option(
    "--target",
    metavar="TARGET",
    help="Take its settings (image, packages, …).",
    shell_complete=completion_words.target_names,
)
@click.option(
    "--repository",
    metavar="R",
    help="Where the images go: registry.example.org/team/app, oci:FOLDER or docker-archive:FILE.",
)
@click.option("--base", "base_image", metavar="IMAGE", help="The base image of steps without an image of their own.")
@click.option(
    "--platform",
    "platforms",
    metavar="P,…",
    help="For which platforms, such as linux/amd64,linux/arm64. Default: this machine's.",
)
@click.option("--python", metavar="PATH", help="The interpreter with the notebook's packages, instead of its kernel's.")
@click.option(
    "--builder",
    type=click.Choice(["layers", "podman", "buildah", "docker", "buildkit"]),
    help="What makes the images: by default the target's, or `layers`. All others are tools that run a Dockerfile.",
)
@click.option(
    "--dockerfile",
    "dockerfiles",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Only write, for each image, the Dockerfile that a tool would run.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be made, and what would be sent.")
@pipeline_option
@as_json
def build(
    notebook: Source,
    target: str | None,
    repository: str | None,
    base_image: str | None,
    platforms: str | None,
    python: str | None,
    builder: str | None,
    dockerfiles: Path | None,
    dry_run: bool,
    pipeline: str | None,
    as_json: bool,
) -> None:
    """Make images for the steps of NOTEBOOK, with the packages that they import, and put them into a repository.

    Neither Docker nor root is needed. Steps that need the same packages share an image.
    """
    from kfnb.engines.cluster.targets.targets import options_of, target_named
    from kfnb.images.builders.built_images import remember_images
    from kfnb.images.builders.lock_to_build import lock_to_build
    from kfnb.images.layers.wheel_cache import WheelCache
    from kfnb.images.locks.lock_pipeline import LockOptions
    from kfnb.pipeline.build.build_from_source import build_source
    from kfnb.runs.record.home_folder import home_folder
    from kfnb.step_settings import Settings

    started = time.monotonic()
    with cluster_errors(as_json):
        options = options_of(target_named(target, notebook.path) if target else None)
    repository = repository or options.repository or None
    builder = builder or options.builder
    chosen = _platforms(platforms or ",".join(options.platforms), as_json)
    if repository is None and not dry_run and dockerfiles is None:
        refuse(f"say where the images go: {WHERE}", as_json)
    if len(chosen) > 1 and (builder != "layers" or dockerfiles is not None):
        refuse("a Dockerfile is run for one platform at a time: name one with --platform", as_json)
    built = build_source(notebook, pipeline)
    graph = required(built, notebook, as_json)
    if not as_json:
        report(notebook, built.problems, quiet=True)
    base = base_image or (options.image_of(Settings()) if target else "")
    cache = WheelCache(sources=options.sources)
    interpreter = python or kernel_python(notebook)
    wanted = LockOptions(base, options.packages, options.sources, interpreter, tuple(map(str, chosen)))
    locked = lock_to_build(graph, notebook.folder, wanted, cache)
    if not as_json:
        for note in locked.notes:
            click.echo(f"kfnb: {note}", err=True)
    work = _Work(locked.lock, notebook.folder, chosen, base, repository, cache, interpreter, options, as_json)
    if dockerfiles is not None:
        work.write_dockerfiles(dockerfiles)
    elif dry_run:
        work.say_what_would_be()
    else:
        images = work.build_from_wheels() if builder == "layers" else work.build_with(builder)
        remember_images(
            home_folder(), graph, notebook.folder, wanted.needs(graph, notebook.folder), base, wanted.sources, images
        )
        _say_what_is(images, time.monotonic() - started, as_json)


def _platforms(text: str | None, as_json: bool) -> list[Platform]:
    from kfnb.images.builders.build_plan import this_platform
    from kfnb.images.layers.choose_wheel import BadPlatform, platform_named

    try:
        return [platform_named(p) for p in text.split(",")] if text else [this_platform()]
    except BadPlatform as error:
        refuse(str(error), as_json)


@dataclass(frozen=True)
class _Work:
    """What is built, of what, and where it goes."""

    lock: Lock
    folder: Path
    platforms: list[Platform]
    base_image: str
    repository: str | None
    cache: WheelCache
    interpreter: str | None
    options: ClusterOptions
    as_json: bool

    def plan(self) -> tuple[PlannedImage, ...]:
        from kfnb.images.builders.build_plan import plan_images

        return plan_images(self.lock, self.folder, self.platforms, self.base_image, self.cache, self.open)

    def place(self) -> ImageRepository | None:
        return self.open(self.repository) if self.repository is not None else None

    def open(self, name: str) -> ImageRepository:
        from kfnb.engines.cluster.submission.target_images import open_for

        return open_for(self.options, name)

    def build_from_wheels(self) -> tuple[BuiltImage, ...]:
        from kfnb.cli.build_progress import shown
        from kfnb.images.builders.build_images import build_images

        place, planned = self.place(), self.plan()
        assert place is not None
        with shown(quiet=self.as_json) as watch:
            return build_images(planned, place, self.cache, watch, self.interpreter)

    def build_with(self, tool: str) -> tuple[BuiltImage, ...]:
        from kfnb.images.builders.container_tools import build_with, contexts

        assert self.repository is not None
        (platform,) = self.platforms
        made = contexts(self.lock, self.folder, platform, self.base_image)
        return build_with(tool, made, platform, self.repository, lambda text: click.echo(text, err=True))

    def write_dockerfiles(self, folder: Path) -> None:
        from kfnb.images.builders.container_tools import contexts

        (platform,) = self.platforms
        written = {}
        for context in contexts(self.lock, self.folder, platform, self.base_image):
            context.write(folder / context.tag)
            written[str(folder / context.tag / "Dockerfile")] = list(context.requirements.steps)
        if self.as_json:
            emit({"dockerfiles": written})
            return
        for path, steps in written.items():
            click.echo(f"{path}: for {', '.join(steps)}")

    def say_what_would_be(self) -> None:
        from kfnb.images.builders.build_images import built_before

        place, planned = self.place(), self.plan()
        there = {image.tag for image in planned if place is not None and built_before(image, place) is not None}
        if self.as_json:
            emit({"images": [_planned_json(image, image.tag in there) for image in planned], "dry_run": True})
            return
        for image in planned:
            name = f"{place.name if place is not None else '…'}:{image.tag}"
            click.echo(f"{name} (is there already)" if image.tag in there else name)
            _say_layers(image)


def _say_layers(image: PlannedImage) -> None:
    click.echo(f"  for {', '.join(image.requirements.steps)}")
    for platform in image.platforms:
        size, count = sum(layer.download for layer in platform.layers), len(platform.packages)
        packages = f"{count} package{'' if count == 1 else 's'}"
        click.echo(f"  {platform.base.platform} on {image.base_image}: {packages}, {size_text(size)}")
        for layer in platform.layers:
            click.echo(f"    {size_text(layer.download):>9}  {_versions(platform, layer)}")


def _say_what_is(images: Sequence[BuiltImage], seconds: float, as_json: bool) -> None:
    if as_json:
        listed = [{**asdict(i), "steps": list(i.steps), "platforms": list(i.platforms)} for i in images]
        emit({"images": listed, "seconds": round(seconds, 2), "dry_run": False})
        return
    for image in images:
        click.echo(f"{image.reference}")
        sizes = ""
        if image.bytes is not None:
            sent = f"{size_text(image.uploaded)} of it new" if image.uploaded else "nothing new"
            sizes = f" · {size_text(image.bytes)}, {sent}"
        click.echo(f"  {', '.join(image.steps)} · {', '.join(image.platforms)}{sizes}")
    count = len(images)
    click.echo(f"{count} image{'' if count == 1 else 's'} in {seconds:.1f} s")


def _versions(platform: PlannedPlatform, layer: PackageLayer) -> str:
    own = {w.sha256 for w in layer.wheels}
    return ", ".join(f"{p.name} {p.version}" for p, w in platform.packages if w.sha256 in own)


def _planned_json(image: PlannedImage, there: bool) -> dict[str, Any]:
    return {
        "set": image.requirements.id,
        "steps": list(image.requirements.steps),
        "tag": image.tag,
        "there": there,
        "base": image.base_image,
        "platforms": {
            str(p.base.platform): [
                {"title": layer.title, "bytes": layer.download, "wheels": [w.name for w in layer.wheels]} for layer in p.layers
            ]
            for p in image.platforms
        },
    }  # fmt: skip


def size_text(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"
