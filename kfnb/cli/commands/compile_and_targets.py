"""The commands ``compile``, which writes a pipeline as the file that a cluster takes, and ``targets``."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kfnb.cli import completion_words
from kfnb.cli.command_helpers import (
    FAILED,
    OK,
    USAGE,
    as_json,
    cluster_errors,
    emit,
    fail,
    kernel_python,
    notebook_argument,
    parameters_option,
    pipeline_option,
    refuse,
    report,
    required,
)
from kfnb.cli.commands.run_and_retry import parse_parameters
from kfnb.problems import NotebookError, errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
    from kfnb.engines.cluster.targets.diagnosis import Diagnosis
    from kfnb.engines.cluster.targets.targets import Target
    from kfnb.notebook.notebook_source import Source
    from kfnb.pipeline.model import Pipeline


@click.command("compile")
@notebook_argument
@click.option("--engine", type=click.Choice(["kfp", "argo"]), help="For which engine; by default the target's.")
@click.option("--target", metavar="TARGET", help="Take its settings (image, namespace, values, …).")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file; .yaml, .json, .zip or .tar.gz. Default: print YAML.",
)
@parameters_option("Another default for a parameter.")
@click.option("--cron", metavar="SCHEDULE", help='Argo: a CronWorkflow, such as "0 6 * * *".')
@click.option("--template", is_flag=True, help="Argo: a WorkflowTemplate.")
@click.option("--build", is_flag=True, help="First build the images that the target's repository lacks.")
@pipeline_option
@as_json
def compile_(
    notebook: Source, engine: str | None, target: str | None, output: Path | None, parameters: tuple[str, ...], cron: str | None,
    template: bool, build: bool, pipeline: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Write the pipeline of NOTEBOOK as Kubeflow Pipelines' IR or as an Argo Workflow. Nothing is run or sent.

    With a target that has a repository, steps are pinned to the images that are there.
    """
    from kfnb.engines.cluster.clients.cluster_errors import BadTarget
    from kfnb.engines.cluster.lowering.compile_for_cluster import WorkflowForm, compile_documents
    from kfnb.engines.cluster.lowering.manifest_files import as_yaml, write
    from kfnb.engines.cluster.targets.targets import options_of, target_named, usable_target
    from kfnb.images.needs.installed_packages import installed_packages
    from kfnb.images.needs.step_requirements import travelling_files, travelling_text
    from kfnb.pipeline.build.build_from_source import build_source
    from kfnb.pipeline.parameters.bind_values import bind

    graph = required(build_source(notebook, pipeline), notebook, as_json)
    try:
        chosen = target_named(target, notebook.path) if target else None
        if chosen is not None and chosen.settings.get("repository"):
            chosen = usable_target(chosen.name, notebook.path)
        interpreter = kernel_python(notebook)
        options = options_of(chosen, installed_packages(interpreter).python)
        values = bind(graph, parse_parameters(parameters, as_json))
    except BadTarget as error:
        refuse(str(error), as_json)
    except NotebookError as error:
        report(notebook, error.problems)
        sys.exit(USAGE)
    engine = engine or (chosen.engine if chosen is not None else None)
    if engine not in ("kfp", "argo"):
        refuse("say for which engine: --engine kfp or --engine argo (or name a target)", as_json)
    if (cron or template) and engine != "argo":
        refuse("--cron and --template are Argo's; Kubeflow Pipelines takes a schedule with `kfnb run --cron`", as_json)
    if build and not options.repository:
        refuse("--build needs a target with `repository`, where the images go", as_json)
    if options.repository:
        options = replace(options, images=_images(notebook, graph, options, values, interpreter, build, as_json))
    form = WorkflowForm(cron=cron or "", template=template)
    manifests, problems = compile_documents(graph, engine, options, notebook.folder, values, form, interpreter)
    if not as_json:
        report(notebook, problems, quiet=True)
    if errors(problems):
        fail(notebook, problems, True) if as_json else sys.exit(FAILED)
    files = travelling_files(graph, notebook.folder, options.packages, values, interpreter, options.travel_limit)
    if files and not as_json:
        click.echo(travelling_text(files), err=True)
    if output is None:
        click.echo(as_yaml(manifests), nl=False)
        return
    try:
        size = write(manifests, output)
    except ValueError as error:
        refuse(str(error), as_json)
    summary: dict[str, Any] = {"file": str(output), "engine": engine, "pipeline": graph.name, "bytes": size}
    summary |= {"images": dict(options.images)} if options.repository else {}
    if as_json:
        emit({**summary, "files": [asdict(f) for f in files], "problems": [p.to_json() for p in problems]})
    else:
        click.echo(f"{output}: {graph.name} for {engine}, {size / 1000:.1f} kB")


def _images(
    notebook: Source, graph: Pipeline, options: ClusterOptions, values: dict[str, Any], interpreter: str | None, build: bool,
    as_json: bool,
) -> dict[str, str]:  # fmt: skip
    """The images of the target's repository to which steps are pinned, by the names of the steps. The user is told which steps have none."""
    from kfnb.cli.build_progress import shown
    from kfnb.engines.cluster.submission.image_order import image_order

    order = image_order(graph, notebook.folder, options, values, interpreter)
    if build:
        with shown(quiet=as_json) as watch:
            return order.pinned(order.build(watch))
    there = order.there()
    lacking = order.lacking(there)
    if lacking and not as_json:
        steps = f"step{'' if len(lacking) == 1 else 's'} {', '.join(lacking)}"
        click.echo(
            f"kfnb: {options.repository} has no image for {steps} as the notebook is now, so that packages are installed at their start: "
            "build it with `kfnb build` for this target, or compile with --build",
            err=True,
        )
    return order.pinned(there)


@click.command()
@click.argument("notebook", type=click.Path(exists=True, path_type=Path), required=False)
@click.option("--target", metavar="NAME", help="Only this one.", shell_complete=completion_words.target_names)
@click.option("--deep", is_flag=True, help="Also run a few small steps there, and say what each part of the way did.")
@as_json
def targets(notebook: Path | None, target: str | None, deep: bool, as_json: bool) -> None:
    """List the targets that NOTEBOOK (or this folder) can run on, and whether each answers."""
    from kfnb.engines.cluster.targets.diagnosis import diagnose
    from kfnb.engines.cluster.targets.targets import target_named
    from kfnb.engines.cluster.targets.targets import targets as known

    with cluster_errors(as_json):
        chosen = [target_named(target, notebook)] if target else list(known(notebook).values())
    listed = []
    for one in chosen:
        diagnosis = diagnose(one)
        if not as_json:
            _show_diagnosis(one, diagnosis)
        probed = list(_probed(one, as_json)) if deep and diagnosis.state == "ready" and one.engine != "local" else []
        failed = any(line["state"] == "failed" for line in probed)
        listed.append(
            {
                "target": one.name,
                "engine": one.engine,
                "state": "failed" if failed else diagnosis.state,
                "told": list(diagnosis.lines),
                "file": str(one.path) if one.path else None,
                **({"probe": probed} if deep else {}),
            }
        )
    if as_json:
        emit(listed)
    sys.exit(FAILED if any(t["state"] != "ready" for t in listed) else OK)


def _show_diagnosis(target: Target, diagnosis: Diagnosis) -> None:
    from kfnb.engines.cluster.targets.connection import visible

    click.echo(f"{visible(target.name):12} {visible(target.engine):6} {diagnosis.state:13} {diagnosis.lines[0]}")
    for line in diagnosis.lines[1:]:
        click.echo(f"{'':34}{line}")


def _probed(target: Target, as_json: bool) -> Iterator[dict[str, Any]]:
    """What each part of the way did, as soon as it is known."""
    from kfnb.client.probe_target import probe
    from kfnb.engines.cluster.clients.cluster_errors import ClusterError

    try:
        for line in probe(target):
            if not as_json:
                click.echo(f"{'':34}{line}")
            yield {"state": line.state, "text": line.text, "seconds": round(line.seconds, 1)}
    except (ClusterError, NotebookError) as error:
        if not as_json:
            click.echo(f"{'':34}✗ {error}")
        yield {"state": "failed", "text": str(error)}
