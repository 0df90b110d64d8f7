"""``%pipeline COMMAND`` in a live kernel: the commands of ``kfnb``, for the notebook that the kernel belongs to."""

from __future__ import annotations

import shlex
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kfnb.cli import completion_words as places
from kfnb.cli import load_command
from kfnb.cli.command_helpers import OK
from kfnb.cli.commands.run_and_retry import parse_parameters, retry, run
from kfnb.cli.target_builds import builds_shown
from kfnb.client.run_object import Run, RunFailed
from kfnb.client.runs_table import runs, runs_of
from kfnb.client.start_run import prepare
from kfnb.engines.cluster.targets.targets import targets
from kfnb.engines.local.processes.launch_run_process import WarmProcess
from kfnb.kernel import load_step_values
from kfnb.kernel.magics import tab_completion
from kfnb.kernel_notebook.find_notebook import Found, find
from kfnb.notebook.notebook_source import Source, source_of
from kfnb.pipeline.build.build_from_source import build_source
from kfnb.pipeline.build.build_pipeline import Built
from kfnb.pipeline.model import Pipeline
from kfnb.problems import NotebookError, UserError
from kfnb.runs.record.database import write_error_text
from kfnb.runs.record.home_folder import home_folder
from kfnb.runs.record.lookup_by_name import UnknownRun
from kfnb.runs.record.run_store import RunStore
from kfnb.sweeps.run_sweep import Sweep
from kfnb.widgets.frontend_views import kernel_shell
from kfnb.widgets.run_view import PipelineView, View, show_run
from kfnb.widgets.sweep_view import SweepView, show_sweep
from kfnb.wording import did_you_mean

if TYPE_CHECKING:
    from typing_extensions import Self

HELP: dict[str, Any] = {"help_option_names": ["-h", "--help"]}
WAIT = click.Option(["--wait"], is_flag=True, help="Wait for its end, and fail the cell when it fails.")
SHOWN = 10.0  #: seconds that the view has to show a run's end
COMMAND_NAMES = (
    "run", "show", "check", "status", "logs", "load", "cancel", "retry", "runs", "result", "report", "sweep", "delete", "prune", "compile", "convert", "targets",
)  # fmt: skip


class CommandFailed(UserError, Exception):
    """A ``%pipeline`` line could not be done; the text says why."""


class _ShownOnce:
    """What its cell shows already: as the cell's last value it is not shown again."""

    def shown_in(self, shell: Any) -> Self:
        self._shell, self._cell = shell, shell.execution_count
        return self

    def _ipython_display_(self) -> None:
        if self._shell.execution_count != self._cell:
            super()._ipython_display_()  # type: ignore[misc]


class ShownRun(_ShownOnce, Run):
    """A run that its cell shows."""


class ShownSweep(_ShownOnce, Sweep):
    """A sweep that its cell shows."""


class PipelineMagic:
    """The line magic of one kernel. It keeps a process ready for the next run, once there was one."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._warm_process = WarmProcess()
        self._own: dict[str, Callable[[list[str]], Any]] = {
            "run": self._run, "show": self._show, "status": self._status, "retry": self._retry, "sweep": self._sweep, "runs": self._runs, "load": self._load,
        }  # fmt: skip

    def __call__(self, line: str) -> Any:
        """Do one line. Raises `CommandFailed`, or `RunFailed` where a run was waited for."""
        try:
            argv = shlex.split(line)
        except ValueError as error:
            raise CommandFailed(f"%pipeline {line}: {str(error).lower()}: close the quotation marks") from None
        if not argv or argv[0] in ("-h", "--help", "help"):
            self._help()
            return None
        name = argv.pop(0)
        if name == "trust":
            raise CommandFailed("a notebook cannot trust what came with it: you can, with `kfnb trust` in a terminal")
        if name not in COMMAND_NAMES:
            hint = did_you_mean(name, COMMAND_NAMES, f"there are {', '.join(COMMAND_NAMES)}")
            raise CommandFailed(f"%pipeline has no command `{name}`; {hint}")
        return self._guarded(self._own.get(name) or (lambda arguments: self._command_line(name, arguments)), argv)

    def _guarded(self, act: Callable[[list[str]], Any], argv: list[str]) -> Any:
        """What went wrong is told in words, and fails the cell."""
        try:
            return act(argv)
        except click.exceptions.Exit:
            return None  # --help
        except click.ClickException as error:
            raise CommandFailed(error.format_message()) from None
        except SystemExit as end:
            if end.code not in (OK, None):
                raise CommandFailed("it failed, for what is said above") from None
            return None
        except (RunFailed, CommandFailed):
            raise
        except sqlite3.OperationalError as error:
            raise CommandFailed(write_error_text(error, home_folder())) from None
        except Exception as error:
            if isinstance(error, (UserError, OSError)):
                raise CommandFailed(str(error)) from None
            raise

    def _help(self) -> None:
        print(f"notebook: {self._found().words}\n\n%pipeline COMMAND, and -h after it for its options:")
        for name in COMMAND_NAMES:
            command = command_named(name)
            if command is not None:
                print(f"  {name:9} {command.get_short_help_str(90)}")

    def _found(self) -> Found:
        return find(self._shell)

    # ---------------------------------------------------------------- what the command line does as well
    def _command_line(self, name: str, argv: list[str]) -> None:
        command = load_command(name)
        assert command is not None
        if command.params and command.params[0].name == "run_id":
            argv = self._with_run(argv)
        command.main(argv, prog_name=f"%pipeline {name}", standalone_mode=False, obj=self._found().source, **HELP)

    def _with_run(self, argv: list[str]) -> list[str]:
        """The words with the newest run of this notebook, where they name none."""
        store = RunStore()
        try:
            if argv and not argv[0].startswith("-"):
                try:
                    return [store.resolve(argv[0]), *argv[1:]]
                except UnknownRun:
                    newest = self._newest(store)
                    if newest is None or argv[0].partition(".")[0] not in {s["step"] for s in store.steps(newest)}:
                        raise
                    return [newest, *argv]
            newest = self._newest(store)
        finally:
            store.close()
        if newest is None:
            raise CommandFailed("this notebook has not been run as a pipeline yet: %pipeline run")
        return [newest, *argv]

    def _newest(self, store: RunStore) -> str | None:
        found, _ = store.find(replace(runs_of(store, self._here()), count=1))
        return found[0]["run"] if found else None

    # ---------------------------------------------------------------- what a notebook shows better
    def _run(self, argv: list[str]) -> Run | None:
        command = click.Command("run", params=[*run.params, WAIT], help=run.help)
        found = self._found()
        arguments = parsed(command, argv, found.source)
        if arguments["cron"] or arguments["via_kfp"] or arguments["as_json"]:
            self._command_line("run", [w for w in argv if w != "--wait"])
            return None
        print(f"pipeline of {found.words if arguments['notebook'] is found.source else arguments['notebook']}")
        source: Source = arguments["notebook"].snapshot()
        built = build_source(source, arguments["pipeline"])
        pipeline = _required(built, source)
        options = {
            k: arguments[k]
            for k in (
                "only",
                "start",
                "any_parameters",
                "cache",
                "isolated",
                "experiment",
                "spawn",
                "python",
                "max_parallel",
                "fuse",
                "containers",
                "image",
            )
        }
        parameters = parse_parameters(arguments["parameters"], False)
        prepared = prepare(source, pipeline, parameters, arguments["target"], **options)
        for problem in (*built.problems, *prepared.problems):
            if problem.severity == "warning":
                print(f"{source}:{problem}")
        if files := prepared.travelling():
            print(files)
        with builds_shown(prepared.target, quiet=False) as watch:
            started = prepared.submit(self._warm_process.launch, watch)
        return self._follow(started, arguments["wait"], arguments["detach"])

    def _follow(self, started: Run, wait: bool, detach: bool) -> Run:
        """Show a run. Where nobody looks at the notebook while it is executed, the cell waits for the run's end."""
        if wait or not (detach or self._is_watched()):
            self._wait(started)
        else:
            self._view(started)
        return ShownRun(started.id).shown_in(self._shell)

    def _view(self, run: Run) -> View:
        return show_run(run, lambda: self._notebook_of(run))

    def _wait(self, started: Run) -> None:
        """Show a run and wait for its end; interrupting the kernel cancels it, a second time at once. Raises `RunFailed`."""
        view: View | None = None
        while True:
            try:
                view = view or self._view(started)
                started.wait(check=False)
                view.finish(SHOWN)
                if kernel_shell() is None:
                    print(view)
                break
            except KeyboardInterrupt:
                if not started.cancel():
                    break
                print("cancelling; interrupt again to end at once")
        if started.state != "succeeded":
            raise RunFailed(started)

    def _is_watched(self) -> bool:
        """Front ends that people look at can be asked for input; nbclient and papermill cannot."""
        kernel = getattr(self._shell, "kernel", None)
        return bool(getattr(kernel, "_allow_stdin", True))

    def _show(self, argv: list[str]) -> None:
        from kfnb.cli.commands.show_and_check import show

        found = self._found()
        arguments = parsed(show, argv, found.source)
        if arguments["as_json"] or arguments["svg"] or arguments["why"]:
            self._command_line("show", argv)
            return
        named: Source = arguments["notebook"]
        here = self._here if named is found.source else lambda: named
        print(f"pipeline of {found.words if named is found.source else named}")
        built = build_source(named, arguments["pipeline"])
        _required(built, named)

        def start(parameters: dict[str, str], target: str) -> Run:
            """Begin a run of the notebook as it is now: somebody pressed the button."""
            source = here().snapshot()
            now = build_source(source, arguments["pipeline"]).require()
            return prepare(source, now, parameters, target).submit(self._warm_process.launch)

        PipelineView(built, start, targets(named.path), here).display()

    def _here(self) -> Source:
        return self._found().source

    def _notebook_of(self, run: Run) -> Source | None:
        now = self._now(run)
        return now.source if now is not None else None

    def _now(self, run: Run) -> Found | None:
        """The notebook of a run as it is now: this one, or its file."""
        found = self._found()
        if found.source.key == run.notebook:
            return found
        if run.notebook is None or not Path(run.notebook).is_file():
            return None
        return Found(source_of(run.notebook), run.notebook)

    def _status(self, argv: list[str]) -> Run | None:
        from kfnb.cli.commands.run_record import status

        argv = self._with_run(argv)
        arguments = parsed(status, argv)
        if arguments["as_json"]:
            self._command_line("status", argv)
            return None
        found = Run(arguments["run_id"])
        self._view(found)
        return ShownRun(found.id).shown_in(self._shell)

    def _retry(self, argv: list[str]) -> Run | None:
        command = click.Command("retry", params=[*retry.params, WAIT], help=retry.help)
        arguments = parsed(command, self._with_run(argv))
        if arguments["as_json"]:
            self._command_line("retry", [w for w in argv if w != "--wait"])
            return None
        started = Run(arguments["run_id"])
        now = self._now(started)
        print(
            f"pipeline of {now.words if now is not None else f'run {started.id}, as it was run: its notebook is not here'}"
        )
        again = started.retry(arguments["start"], now.source if now is not None else None)
        return self._follow(again, arguments["wait"], arguments["detach"])

    def _sweep(self, argv: list[str]) -> Sweep | None:
        from kfnb.cli.commands.sweep_command import plan_from_arguments, sweep

        command = click.Command("sweep", params=[*sweep.params, WAIT], help=sweep.help)
        arguments = parsed(command, argv, self._here())
        if arguments["as_json"] or arguments["outputs"]:
            self._command_line("sweep", [w for w in argv if w != "--wait"])
            return None
        planned, announcement = plan_from_arguments(arguments)
        print(announcement)
        started = ShownSweep(planned).shown_in(self._shell)
        started.start()
        view = show_sweep(started)
        if arguments["wait"] or not self._is_watched():
            self._wait_for(started, view)
        return started

    def _wait_for(self, started: Sweep, view: SweepView | None) -> None:
        """Wait for a sweep's end; interrupting the kernel cancels it."""
        while not started.ended:
            try:
                started.wait()
            except KeyboardInterrupt:
                started.cancel()
                print("cancelling; interrupt again to end at once")
        if view is None:
            print(started)
        else:
            view.finish(SHOWN)
        if started.state != "succeeded":
            raise CommandFailed(f"the sweep {started.state}: the table says which runs did not succeed")

    def _runs(self, argv: list[str]) -> Any:
        from kfnb.cli.commands.run_record import runs as listing

        arguments = parsed(listing, argv)
        if arguments["as_json"]:
            self._command_line("runs", argv)
            return None
        return runs(arguments["count"])

    def _load(self, argv: list[str]) -> None:
        arguments = parsed(LOAD, argv)
        chosen = self._with_run([arguments["run_ref"]] if arguments["run_ref"] else [])[0]
        load_step_values.load(chosen, arguments["step"], "outputs" if arguments["outputs"] else "inputs")


LOAD = click.Command(
    "load",
    help="Put what STEP of the newest run saw (or left) into the kernel.",
    params=[
        click.Argument(["step"], shell_complete=places.steps_of_run),
        click.Option(
            ["--run", "run_ref"],
            metavar="RUN",
            shell_complete=places.run_ids,
            help="Which run; by default the newest of this notebook.",
        ),
        click.Option(["--outputs"], is_flag=True, help="What the step left, not what it saw."),
    ],
)


def _required(built: Built, notebook: Source) -> Pipeline:
    """The pipeline. Raises `CommandFailed` with the notebook's errors, each with its place."""
    try:
        return built.require()
    except NotebookError as error:
        raise CommandFailed("\n".join(f"{notebook}:{p}" for p in error.problems)) from None


def command_named(name: str) -> click.Command | None:
    """The command that a ``%pipeline`` line names, with the options that only a kernel has."""
    if name == LOAD.name:
        return LOAD
    command = load_command(name)
    if command is not None and name in ("run", "retry", "sweep"):
        return click.Command(name, params=[*command.params, WAIT], help=command.help)
    return command


def parsed(command: click.Command, argv: list[str], source: Source | None = None) -> dict[str, Any]:
    """The options of a line, as the command's own declarations read them; ``source``: the notebook, when it names none."""
    with command.make_context(f"%pipeline {command.name}", list(argv), obj=source, **HELP) as context:
        return context.params


def load(shell: Any) -> None:
    """``%pipeline``, and its completion with Tab."""
    shell.register_magic_function(PipelineMagic(shell), "line", "pipeline")
    tab_completion.load(shell, tab_completion.Commands(COMMAND_NAMES, command_named))
