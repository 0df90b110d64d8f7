"""The command ``build``, which makes images for the steps of a pipeline."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from kfnb.cli import completion_words
from kfnb.cli.command_helpers import (
    as_json,
    cluster_errors,
    emit,
    notebook_argument,
    pipeline_option,
    refuse,
    report,
    required,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kfnb.images.builders.build_images import BuiltImage
    from kfnb.images.builders.build_plan import PlannedImage, PlannedPlatform
    from kfnb.images.layers.package_layers import PackageLayer
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
@click.option("--repository", metavar="R", help="Where the images go: registry.example.org/team/app, or oci:FOLDER.")
@click.option("--base", "base_image", metavar="IMAGE", help="The base image of steps without an image of their own.")
@click.option(
    "--platform",
    "platforms",
    metavar="P,…",
    help="For which platforms, such as linux/amd64,linux/arm64. Default: this machine's.",
)
@click.option("--python", metavar="PATH", help="The interpreter of the notebook's environment.")
@click.option("--dry-run", is_flag=True, help="Only say what would be made, and what would be sent.")
@pipeline_option
@as_json
def build(
    notebook: Source, target: str | None, repository: str | None, base_image: str | None, platforms: str | None,
    python: str | None, dry_run: bool, pipeline: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Make images for the steps of NOTEBOOK, with the packages that they import, and put them into a repository.

    Neither Docker nor root is needed. Steps that need the same packages share an image.
    """
    from kfnb.cli.build_progress import shown
    from kfnb.engines.cluster.targets.targets import options_of, target_named
    from kfnb.images.builders.build_images import build_images
    from kfnb.images.builders.build_plan import plan_images, this_platform
    from kfnb.images.builders.lock_to_build import lock_to_build
    from kfnb.images.layers.choose_wheel import BadPlatform, platform_named
    from kfnb.images.layers.wheel_cache import WheelCache
    from kfnb.images.locks.lock_pipeline import LockOptions
    from kfnb.images.registry.open_repository import open_repository
    from kfnb.pipeline.build.build_from_source import build_source

    started = time.monotonic()
    if repository is None and not dry_run:
        refuse(f"say where the images go: {WHERE}", as_json)
    try:
        chosen = [platform_named(p) for p in platforms.split(",")] if platforms else [this_platform()]
    except BadPlatform as error:
        refuse(str(error), as_json)
    built = build_source(notebook, pipeline)
    graph = required(built, notebook, as_json)
    if not as_json:
        report(notebook, built.problems, quiet=True)
    with cluster_errors(as_json):
        options = options_of(target_named(target, notebook.path) if target else None)
    base = base_image or (options.image if target else "")
    cache, place = WheelCache(), open_repository(repository) if repository else None
    names = tuple(map(str, chosen))
    wanted = LockOptions(base, options.packages, options.sources, python, names)
    locked = lock_to_build(graph, notebook.folder, wanted, cache)
    planned = plan_images(locked.lock, notebook.folder, chosen, base, cache)
    if not as_json:
        for note in locked.notes:
            click.echo(f"kfnb: {note}", err=True)
    if dry_run or place is None:
        _say_what_would_be(planned, place, as_json)
        return
    with shown(quiet=as_json) as watch:
        images = build_images(planned, place, cache, watch)
    _say_what_is(images, time.monotonic() - started, as_json)


def _say_what_is(images: Sequence[BuiltImage], seconds: float, as_json: bool) -> None:
    if as_json:
        listed = [{**asdict(i), "steps": list(i.steps), "platforms": list(i.platforms)} for i in images]
        emit({"images": listed, "seconds": round(seconds, 2), "dry_run": False})
        return
    for image in images:
        click.echo(f"{image.reference}")
        sent = f"{size_text(image.uploaded)} sent" if image.uploaded else "nothing to send"
        click.echo(f"  {', '.join(image.steps)} · {', '.join(image.platforms)} · {size_text(image.bytes)}, {sent}")
    count = len(images)
    click.echo(f"{count} image{'' if count == 1 else 's'} in {seconds:.1f} s")


def _say_what_would_be(planned: Sequence[PlannedImage], place: ImageRepository | None, as_json: bool) -> None:
    from kfnb.images.builders.build_images import built_before

    there = {image.tag for image in planned if place is not None and built_before(image, place) is not None}
    if as_json:
        emit({"images": [_planned_json(image, image.tag in there) for image in planned], "dry_run": True})
        return
    for image in planned:
        click.echo(
            f"{place.name if place is not None else '…'}:{image.tag}{' (is there already)' if image.tag in there else ''}"
        )
        click.echo(f"  for {', '.join(image.requirements.steps)}")
        for platform in image.platforms:
            size = sum(layer.download for layer in platform.layers)
            click.echo(
                f"  {platform.base.platform} on {image.base_image}: {len(platform.packages)} packages, {size_text(size)}"
            )
            for layer in platform.layers:
                click.echo(f"    {size_text(layer.download):>9}  {layer.title}: {_versions(platform, layer)}")


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
