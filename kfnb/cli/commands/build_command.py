"""The command ``build``, which makes images for the steps of a pipeline."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
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
    parameters_option,
    pipeline_option,
    refuse,
    report,
    request_errors,
    required,
)
from kfnb.cli.commands.run_and_retry import parse_parameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
    from kfnb.engines.cluster.submission.image_order import ImageOrder
    from kfnb.images.builders.build_images import BuiltImage
    from kfnb.images.builders.build_plan import PlannedImage, PlannedPlatform
    from kfnb.images.layers.package_layers import PackageLayer
    from kfnb.notebook.notebook_source import Source

WHERE = "--repository registry.example.org/team/app, oci:FOLDER or docker-archive:FILE"


@click.command()
@notebook_argument
@click.option(
    "--target",
    metavar="TARGET",
    help="Make the images that its runs use: take its settings (repository, image, packages, …).",
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
@parameters_option("A value of a parameter that a mark names.")
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
    parameters: tuple[str, ...],
    dry_run: bool,
    pipeline: str | None,
    as_json: bool,
) -> None:
    """Make images for the steps of NOTEBOOK, with the packages and modules that they import, and put them into a repository.

    Neither Docker nor root is needed. Steps that need the same packages share an image.
    """
    from kfnb.engines.cluster.submission.image_order import image_order
    from kfnb.images.builders.built_images import remember_images
    from kfnb.pipeline.build.build_from_source import build_source
    from kfnb.pipeline.parameters.bind_values import bind
    from kfnb.runs.record.home_folder import home_folder

    started = time.monotonic()
    interpreter = python or kernel_python(notebook)
    settings = _settings(notebook, target, interpreter, platforms, builder, as_json)
    if not (repository or settings.repository or dry_run or dockerfiles):
        refuse(f"say where the images go: {WHERE}", as_json)
    if len(settings.platforms) > 1 and (settings.builder != "layers" or dockerfiles is not None):
        refuse("a Dockerfile is run for one platform at a time: name one with --platform", as_json)
    built = build_source(notebook, pipeline)
    graph = required(built, notebook, as_json)
    if not as_json:
        report(notebook, built.problems, quiet=True)
    with request_errors(notebook, as_json):
        values = bind(graph, parse_parameters(parameters, as_json))
    base = base_image or (None if target else "")
    order = image_order(graph, notebook.folder, settings, values, interpreter, repository or "", base)
    if not as_json:
        for note in order.notes:
            click.echo(f"kfnb: {note}", err=True)
    if dockerfiles is not None:
        _write_dockerfiles(order, dockerfiles, as_json)
    elif dry_run:
        _say_what_would_be(order, as_json)
    else:
        from kfnb.cli.build_progress import shown

        with shown(quiet=as_json) as watch:
            images = order.build(watch)
        needs, sources = order.requirements, settings.sources
        remember_images(home_folder(), order.pipeline, notebook.folder, needs, order.base_image, sources, images)
        _say_what_is(images, time.monotonic() - started, as_json)


def _settings(
    notebook: Source, target: str | None, interpreter: str | None, platforms: str | None, builder: str | None, as_json: bool
) -> ClusterOptions:  # fmt: skip
    """The settings of the target, with what the command line says in their place. An unusable target or platform ends the command."""
    from kfnb.engines.cluster.targets.targets import options_of, usable_target
    from kfnb.images.layers.choose_wheel import BadPlatform, platform_named
    from kfnb.images.needs.installed_packages import installed_packages

    with cluster_errors(as_json), request_errors(notebook, as_json):
        chosen = usable_target(target, notebook.path) if target else None
        found = options_of(chosen, installed_packages(interpreter).python)
    try:
        named = tuple(str(platform_named(p)) for p in platforms.split(",")) if platforms else found.platforms
    except BadPlatform as error:
        refuse(str(error), as_json)
    return replace(found, platforms=named, builder=builder or found.builder)


def _write_dockerfiles(order: ImageOrder, folder: Path, as_json: bool) -> None:
    written = {}
    for context in order.contexts():
        context.write(folder / context.tag)
        written[str(folder / context.tag / "Dockerfile")] = list(context.requirements.steps)
    if as_json:
        emit({"dockerfiles": written})
        return
    for path, steps in written.items():
        click.echo(f"{path}: for {', '.join(steps)}")


def _say_what_would_be(order: ImageOrder, as_json: bool) -> None:
    from kfnb.images.builders.build_images import built_before

    planned, place = order.planned(), order.place() if order.repository else None
    there = {image.tag for image in planned if place is not None and built_before(image, place) is not None}
    if as_json:
        emit({"images": [_planned_json(image, image.tag in there) for image in planned], "dry_run": True})
        return
    for image in planned:
        name = f"{order.repository or '…'}:{image.tag}"
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
        if image.code:
            click.echo(f"    {size_text(sum(map(len, image.code.values()))):>9}  {', '.join(image.code)}")


def _say_what_is(images: Sequence[BuiltImage], seconds: float, as_json: bool) -> None:
    if as_json:
        listed = [{**asdict(i), "steps": list(i.steps), "platforms": list(i.platforms)} for i in images]
        emit({"images": listed, "seconds": round(seconds, 2), "dry_run": False})
        return
    for image in images:
        click.echo(f"{image.reference}")
        sizes = "" if image.uploaded is None else " · is there already"
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
        "code": {path: len(content) for path, content in image.code.items()},
        "platforms": {
            str(p.base.platform): [
                {"title": layer.title, "bytes": layer.download, "wheels": [w.name for w in layer.wheels]} for layer in p.layers
            ]
            for p in image.platforms
        },
    }  # fmt: skip


def size_text(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"
