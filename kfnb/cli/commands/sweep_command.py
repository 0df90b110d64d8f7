"""The command ``sweep``, which runs one pipeline over a grid of parameters."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kfnb.cli import completion_words
from kfnb.cli.command_helpers import (  # fmt: skip
    CANCELLED,
    FAILED,
    OK,
    as_json,
    cluster_errors,
    emit,
    fixed,
    notebook_argument,
    parameters_option,
    pipeline_option,
    refuse,
    report,
    request_errors,
    required,
    show_travelling,
)
from kfnb.surrogates import write_text

if TYPE_CHECKING:
    from kfnb.sweeps.run_sweep import Sweep
    from kfnb.sweeps.sweep_plan import Plan
    from kfnb.sweeps.sweep_results import Results

KINDS = (".csv", ".json", ".svg", ".html")


@click.command()
@notebook_argument
@parameters_option(
    "Values of a parameter: lr=0.1,0.01 or 'depth=range(2,6)' or 'layers=[[64],[64,32]]'.", metavar="NAME=VALUES"
)
@pipeline_option
@click.option(
    "--maximize",
    metavar="METRIC",
    help="The run with the highest value is the best.",
    shell_complete=completion_words.metrics,
)
@click.option(
    "--minimize",
    metavar="METRIC",
    help="The run with the lowest value is the best.",
    shell_complete=completion_words.metrics,
)
@click.option(
    "-j", "--jobs", type=click.IntRange(min=1), help="Runs at one time.  [default: here by cores; on a cluster 20]"
)
@click.option(
    "--random", "count", type=click.IntRange(min=1), metavar="N", help="Only N combinations, drawn by chance."
)
@click.option("--seed", type=int, help="Draw the same ones again.")
@click.option(
    "--max-runs", type=click.IntRange(min=1), default=200, show_default=True, help="Refuse more runs than that."
)
@click.option(
    "--experiment", metavar="NAME", help="The group of the runs.  [default: the pipeline's name and the time]"
)
@click.option(
    "--resume", is_flag=True, help="Keep the experiment's runs that succeeded with the same code and parameters."
)
@click.option("--cache", is_flag=True, help="Steps that are the same in several runs are run once.")
@click.option("--isolated", is_flag=True, help="Give each step a folder of its own, as a cluster does.")
@click.option(
    "--target", default="local", show_default=True, help="Where to run.", shell_complete=completion_words.target_names
)
@click.option("--fuse", is_flag=True, help="On a cluster: run chains of light steps in one pod.")
@click.option("--spawn", is_flag=True, help="Start every step in a fresh interpreter.")
@click.option("--python", metavar="PATH", help="The interpreter of the steps, with its own packages; it needs no kfnb.")
@click.option(
    "--max-parallel", type=click.IntRange(min=0), default=0, help="Most steps of a run at one time (0: by the machine)."
)
@click.option(
    "-o", "--output", "outputs", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), multiple=True,
    help="Write the table (.csv, .json), the plot (.svg) or both (.html).",
)  # fmt: skip
@as_json
def sweep(**arguments: Any) -> None:
    """Run NOTEBOOK once for every combination of parameter values, side by side.

    \b
    kfnb sweep NB -p lr=0.1,0.01 -p 'depth=range(2,6)' --maximize accuracy

    VALUES are values between commas, numbers also as range(start,stop,step), or a JSON list, which values with commas
    in them need. A parameter with one value is the same in all runs. Which metric is good when it is high or low is
    never guessed: without --maximize or --minimize the table is in the order of the grid, and no run is named best.

    A run that fails does not stop the others. Ctrl-C cancels those that run and begins no more. Exit status: 0 all runs
    succeeded, 1 some failed or the notebook has errors, 2 the command line is wrong, 130 cancelled.
    """
    from kfnb.sweeps.run_sweep import Sweep

    as_json, outputs = arguments["as_json"], arguments["outputs"]
    for path in outputs:
        _check_output(path, as_json)
    planned, announcement = plan_from_arguments(arguments)
    if not as_json:
        click.echo(announcement)
    started = Sweep(planned)
    _follow(started, as_json)
    results = started.results()
    for path in outputs:
        _write(path, results)
    emit(results.to_json()) if as_json else _conclude(started, results, outputs)
    sys.exit({"succeeded": OK, "cancelled": CANCELLED}.get(started.state, FAILED))


def plan_from_arguments(arguments: dict[str, Any]) -> tuple[Plan, str]:
    """The sweep that the command's options ask for, and in words what it will do. Ends with what is wrong with them."""
    from random import randrange

    from kfnb.pipeline.build.build_from_source import build_source
    from kfnb.sweeps.parameter_grid import grid_of_texts
    from kfnb.sweeps.run_sweep import goal_of
    from kfnb.sweeps.sweep_plan import Size, plan

    as_json, count, seed, python = arguments["as_json"], arguments["count"], arguments["seed"], arguments["python"]
    if arguments["maximize"] is not None and arguments["minimize"] is not None:
        refuse("say either --maximize or --minimize", as_json)
    if arguments["resume"] and arguments["experiment"] is None:
        refuse("--resume needs --experiment NAME, which `kfnb runs` shows", as_json)
    if seed is not None and count is None:
        refuse("--seed goes with --random N: all combinations are run without it", as_json)
    notebook = fixed(arguments["notebook"], as_json)
    built = build_source(notebook, arguments["pipeline"])
    graph = required(built, notebook, as_json)
    drawn = seed if seed is not None else randrange(10_000)
    options = {k: arguments[k] for k in ("cache", "isolated", "max_parallel", "spawn", "fuse")}
    with request_errors(notebook, as_json), cluster_errors(as_json):
        planned = plan(
            notebook, graph, arguments["parameters"], grid_of_texts, Size(count, drawn, arguments["max_runs"], arguments["jobs"]),
            arguments["target"], goal_of(arguments["maximize"], arguments["minimize"]), arguments["experiment"], arguments["resume"], **options,
            python=python and os.path.abspath(shutil.which(python) or python),
        )  # fmt: skip
    if not as_json:
        report(notebook, (*built.problems, *planned.problems), quiet=True)
        show_travelling(planned.prepared[0])
    return planned, _announcement(planned, drawn)


def _check_output(path: Path, as_json: bool) -> None:
    if path.suffix not in KINDS:
        refuse(f"{path} should end in {', '.join(KINDS)}", as_json)
    if not os.access(path.absolute().parent, os.W_OK):
        refuse(f"{path} cannot be written: there is no folder {path.absolute().parent} that can be written to", as_json)


def _announcement(planned: Plan, seed: int) -> str:
    runs, earlier = len(planned.combinations), len(planned.earlier)
    part = f" of {planned.grid.size}, drawn with --seed {seed}" if runs < planned.grid.size else ""
    reused = f"; {earlier} of them stand already" if earlier else ""
    where = "" if planned.target.name == "local" else f" on {planned.target.name}"
    return (
        f"{runs} run{'s' * (runs != 1)} of {planned.pipeline.name}{where}{part}: {planned.grid}{reused}\n"
        f"experiment {planned.experiment}, {min(planned.jobs, runs)} at a time"
    )


def _follow(started: Sweep, quiet: bool) -> None:
    """Show a sweep to its end. Ctrl-C cancels it, a second one at once."""
    from kfnb.cli.live_sweep_table import Plain, Silent, Terminal

    show = Silent(started) if quiet else Terminal(started) if sys.stdout.isatty() else Plain(started)
    with show:
        started.start()
        while not started.ended:
            try:
                show.look()
            except KeyboardInterrupt:
                started.cancel()
                show.note("cancelling; press Ctrl-C again to end at once")
        show.look()
    started.wait()


def _conclude(started: Sweep, results: Results, outputs: tuple[Path, ...]) -> None:
    """The table, what went wrong, and which run is best."""
    from kfnb.cli.live_sweep_table import print_table

    click.echo("")
    print_table(results)
    failed = [r for r in results.rows if r.problem]
    if failed:
        click.echo("")
    for row in failed:
        click.echo(f"{results.combination(row)}: {row.problem}" + (f" (kfnb logs {row.run})" if row.run else ""))
    click.echo("")
    for line in results.verdict():
        click.echo(line)
    if results.goal is None and results.numeric:
        click.echo(f"--maximize {results.numeric[0]}, or --minimize, names the best run")
    elif results.goal is not None and (best := results.best(results.goal)):
        click.echo(f"look at it: kfnb status {best[0].run}")
    for path in outputs:
        click.echo(f"wrote {path}")
    if started.state != "succeeded":
        click.echo(f"take it up again: the same command with --experiment {results.experiment} --resume")


def _write(path: Path, results: Results) -> None:
    if path.suffix == ".csv":
        text = results.csv()
    elif path.suffix == ".json":
        text = json.dumps(results.to_json(), indent=1, ensure_ascii=False) + "\n"
    elif path.suffix == ".svg":
        from kfnb.sweeps.plot.sweep_plot import plot

        text = plot(results)
    else:
        from kfnb.sweeps.plot.sweep_html import page

        text = page(results)
    write_text(path, text)
